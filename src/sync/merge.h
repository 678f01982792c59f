/* merge.h - what the files of merge.c share, and nobody else
 *
 *	plan_open(&p, g, e, n, d)	a run of n events, the first of them e
 *	plan_run(&p, run, n)		what it is to make of the document
 *	    link_translate		    its links, as they are called here
 *	    conflict_resolve		    less what was changed here unseen
 *	write_plan(&p)			writes it, and what is known then
 *	plan_free(&p)
 *
 * Documents, diffs and texts are in p->m or in the arena g->a; only places are
 * malloced.  false comes with a fault in g; -1 is that the site failed. */

#ifndef ES_MERGE_H
#define ES_MERGE_H

#include "sync/sync.h"

struct part {				/* an event of the run, as it will be applied */
	struct item	*it;
	yyjson_mut_val	*whole;		/* Create: the document */
	yyjson_mut_val	*chg;		/* what it changes; NULL: nothing */
	bool		 cut;		/* some of it lost to a conflict */
	struct places	 keep;		/* where it writes; only if asked for */
	struct places	 again;		/* won here against it: to be said again */
	const char	*lost;
};

struct group {				/* parts of one author, via and base */
	int		 first, n;
	yyjson_mut_val	*body;		/* the document after it */
};

struct plan {
	struct merge	*g;
	const struct meta *meta;
	const struct subscription *row;	/* NULL: a dependency */
	struct doc	*d;		/* the caller's, or adopted */
	bool		 same, adopt;
	yyjson_mut_doc	*m;
	yyjson_mut_val	*body;
	const char	*name;		/* at the producer, as of the last event */
	struct part	*parts;
	int		 n;
	struct group	*groups;
	int		 ngroups;
	bool		 waits, mixed;	/* links wait; more than one author */
	unsigned	 need;		/* rights, 1 << R_WRITE … */
	const struct sync *first;	/* it was applied before, as that says */
	struct doc	 adopted;
};

/* ---- plan.c - what a run of events is to make of a document: nothing is
 * written */

/* Begins a plan of up to n events, the first of which is e, for a document or,
 * with id 0, a new one, which then is filled in.  Freeing a plan whose opening
 * failed is not needed, nor wrong. */
bool	 plan_open(struct plan *, struct merge *, const struct event *e, int n,
	    struct doc *);
void	 plan_free(struct plan *);
/* Plans all n, one upon the other; true if they may be written. */
bool	 plan_run(struct plan *, struct item **run, int n);
/* Plans the next event: writes over the body what of it loses no conflict. */
bool	 plan_part(struct plan *, struct item *);
/* Puts what a Create or Update says, in our form, into its part, unless it was
 * to be mapped and is not; the body is as it was, but of a new document it is
 * what the event brings. */
bool	 plan_event(struct plan *, struct part *);
/* Is what came out a document that can stand here?  What is not as a user
 * would have to write it is only said, unless the row is strict.  What it waits
 * for is in g->wants, which the caller frees. */
bool	 plan_check(struct plan *);

/* ---- link.c - links, from what they are called there to what they are called
 * here */

/* In place, in the document or the diff of an event.  What a link points to that
 * is not here becomes a mark, and the plan waits. */
void	 link_translate(struct plan *, const struct event *,
	    yyjson_mut_val *doc);
void	 link_translate_diff(struct plan *, const struct event *,
	    yyjson_mut_val *diff);
/* Adds to g->wants what the marks in the body stand for, less what comes
 * together with it. */
void	 link_wants(struct plan *);
/* Marks of the document itself become its name, those of others in its group
 * null.  *body is a copy then; where null stands in the last body, the one with
 * marks is kept in g->later, to be written as a change by that event. */
void	 link_settle(struct plan *, yyjson_mut_val **body, struct item *,
	    bool last);
void	 link_settle_diff(struct plan *, yyjson_mut_val *diff);
/* Marks in a body that was kept become the names of what is here now. */
void	 link_name(struct merge *, const struct meta *, struct later *);

/* ---- past.c - a document as it was, by its journal */

/* The data of an entry, which has some, with its targets called as they are
 * now; full as in diff_links. */
yyjson_mut_val *past_data(struct plan *, const struct entry *,
	    yyjson_mut_val *full);
/* The document as it was before one of its journal entries, or NULL where the
 * journal does not reach back. */
yyjson_mut_val *past_body(struct plan *, int64_t entry);

/* ---- unseen.c - what was written here that the author of an event had not
 * seen */

struct unseen {
	struct places	 at;
	int64_t		*entry;		/* the first to overlap each */
	bool		 any;
};
/* Adds what an event that is planned next may be in conflict with; u is zero
 * at first, and freed by the caller. */
void	 unseen_find(struct plan *, const struct part *, struct unseen *u);
void	 unseen_free(struct unseen *);

/* ---- conflict.c - what an event writes and somebody else wrote: who wins */

/* Takes out of an event what lost against changes made here; false if nobody
 * is to win.  The places of the part are the caller's to free. */
bool	 conflict_resolve(struct plan *, struct part *);

/* ---- write.c - writing what was planned */

/* Writes what plan_run found good, and tells of each event. */
int	 write_plan(struct plan *);
/* Writes a diff whose outcome is the body, as a change by the only event. */
void	 write_diff(struct plan *, yyjson_mut_val *diff);
/* What a side keeps against the other it says again, as its own change. */
int	 write_kept(struct plan *);
/* Writes the links of a document of a group to the others, here by now. */
int	 write_later(struct merge *, struct later *);

/* ---- note.c - what is known of a document after its events were written */

/* Saves it; was: the document before. */
void	 note_plan(struct plan *, const struct doc *was);

#endif
