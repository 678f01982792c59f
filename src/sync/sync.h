/* sync.h - what makes it event streaming: the producer's lines, the consumer's
 * rules (DESIGN 6, 7) */

#ifndef ES_SYNC_H
#define ES_SYNC_H

#include "site/site.h"

/* ---- produce.c - journal entries as es-event(5) lines */

/* The line of an entry, without newline, in the arena. */
char	*produce_line(struct site *, struct arena *, const struct entry *,
	    size_t *len);
/* The same for a consumer of that identity (NULL: not known): prev passes over
 * what had passed there, base is what the author had seen of it. */
char	*produce_line_for(struct site *, struct arena *, const struct entry *,
	    const char *consumer, size_t *len);
/* A document as it is now, as a snapshot. */
char	*produce_snapshot(struct site *, struct arena *, const struct doc *,
	    size_t *len);
/* The lines of all entries after creation, as part of the transaction at hand;
 * -1 if the site failed. */
int	 produce_since(struct site *, FILE *, int64_t creation);
/* Control lines, to a file. */
struct checkpoint {
	const char	*producer;
	int64_t		 from, last_update;	/* creations */
	const char	*name;			/* of the event at last_update; NULL */
	int64_t		 events;
};
void	 put_checkpoint(FILE *, const struct checkpoint *);
void	 put_end(FILE *, int status, const char *why);
/* at is "stdin:12"; text the line's beginning. */
void	 put_rejected(FILE *, const char *at, const char *why,
	    const char *text, size_t len);
const char *checkpoint_read(yyjson_val *line, struct checkpoint *);

/* ---- view.c - what a consumer may see (DESIGN 6) */

struct view;
/* false: no more is wanted. */
typedef bool view_fn(void *arg, const char *line, size_t len);
/* By the name of its Event Consumer or its identity; NULL if there is none. */
struct view *view_open(struct site *, const char *consumer);
void	 view_close(struct view *);
/* Looks at up to limit journal entries after *at and calls back with the lines
 * that the consumer gets for them; moves *at and name on.  Returns their
 * number, -1 if the site failed; *more: there may be further entries. */
int64_t	 view_page(struct view *, int64_t *at, char name[ID_LEN + 1],
	    int64_t limit, view_fn *fn, void *arg, bool *more);

/* ---- apply.c - a page of events into a site file (DESIGN 7)
 *
 *	a = apply_open(site, out);
 *	apply_line(a, at, text, len)		for each line of input
 *	apply_eof(a)				after each input
 *	status = apply_close(a);
 *
 * Pages are applied, each in one transaction, at a checkpoint, when a thousand
 * events or eight megabytes are there, or by apply_flush; then their sync log
 * lines go to out.  The only state is the site's. */

struct apply;
struct apply_options {
	FILE		*out;		/* sync log lines; NULL: none */
	const char	*producer;	/* -p: whose events these are, whatever they say */
	bool		 dry;		/* -n: one transaction, rolled back */
};
struct apply_counts {
	int64_t		 events, applied, skipped, parked, refused, rejected;
};
struct apply *apply_open(struct site *, const struct apply_options *);
/* Takes one line; TEMPFAIL if the site failed, then nothing more is taken. */
int	 apply_line(struct apply *, const char *at, const char *text, size_t len);
/* A line that could not even be read. */
int	 apply_reject(struct apply *, const char *at, const char *why,
	    const char *text, size_t len);
/* Applies what is there, as input is to be waited for. */
int	 apply_flush(struct apply *);
/* Applies the rest of an input; one whose last line was no end line was cut. */
int	 apply_eof(struct apply *);
/* The worst status: of the site, of end lines, REJECTED if something was newly
 * parked or refused, TEMPFAIL if an input was cut. */
int	 apply_close(struct apply *, struct apply_counts *);

/* ---- rights.c - what the user of a subscription may do */

struct rights {
	struct site	*s;
	struct arena	*a;
	struct user	 user;
	struct map	 known;		/* by DocType */
};
/* For one transaction, in the arena.  NULL, or why nothing may come from this
 * producer, with the next step. */
const char *rights_open(struct rights *, struct site *, struct arena *,
	    const struct producer *);
/* Has the user all these rights, 1 << R_WRITE …, or what is the fault? */
bool	 rights_allow(struct rights *, const struct meta *, unsigned need,
	    struct fault *);

/* ---- merge.c - what a run of events of one document makes of it */

/* A link whose target is not here. */
struct want {
	const char	*site, *birth;	/* NULL where the event does not tell */
	const char	*doctype, *name;
	bool		 self;		/* it is the document itself */
	bool		 together;	/* so, or in the group */
};

struct item {				/* an event that waits to be applied */
	struct event	 e;
	const char	*line;		/* its text, to park it */
	size_t		 len;
	int64_t		 parked, log;	/* rows, if it was parked before; 0 */
};

/* A document of a group that was written without its links to the others. */
struct later {
	struct doc	 d;
	yyjson_mut_doc	*m;
	yyjson_mut_val	*body;		/* with marks for those links */
	struct item	*item;
	struct later	*next;
};

struct merge {
	struct site	*s;
	struct producer	*p;
	struct rights	 rights;
	struct arena	*a;		/* of one chain, when it is done with */
	struct arena	*page;		/* of the page */
	char		 token[ID_LEN + 2];	/* marks links that wait */
	struct map	 local;		/* birth -> local name, in this page */
	struct seen	 seen;		/* of seen_doc, as last read or written */
	int64_t		 seen_doc;
	struct map	*group;		/* keys of documents applied together, or NULL */
	struct later	*later;		/* of the group */
	struct want	*waits;		/* all that carry a mark, by number */
	size_t		 nwaits, capwaits;
	/* out: */
	const char	*warning;	/* of the event warned: what is odd of it */
	const struct item *warned;
	struct fault	 fault;
	struct want	**wants;	/* what the failed run waits for */
	size_t		 nwants;
	/* Called for each event applied: journal is the entry that holds its
	 * data, or 0 and then the data itself; lost as in the sync log. */
	void		(*done)(void *arg, struct item *, const struct doc *,
			    int64_t journal, const char *data, size_t len,
			    const char *lost);
	void		*arg;
};

/* What tells one document of a producer from another, in its arena: site and
 * birth; where the events do not tell (birth NULL) DocType and name there. */
const char *merge_key(struct arena *, const char *site, const char *birth,
	    const char *doctype, const char *name);
/* The local document of an event; id 0 if there is none, then *gone tells
 * whether there was one. */
void	 merge_find(struct merge *, const struct event *, struct doc *, bool *gone);
/* Applies the longest part of a run (events of one document, in order, chain
 * unbroken) whose result is good; d is the local document or has id 0.
 * Returns how many were applied; if not all, fault and wants say why.  -1: the
 * site failed. */
int	 merge_run(struct merge *, struct item **run, int n, struct doc *d);
/* Follows a Rename at the producer; false and a fault if the name is taken. */
bool	 merge_rename(struct merge *, struct doc *d, const struct event *);
/* Does the event say what its author had seen of ours? */
bool	 merge_has_base(const struct merge *, const struct event *);
/* Writes the links among a group that was applied; -1: the site failed. */
int	 merge_settle(struct merge *);
/* Where the chain of a document from this producer stands; all NULL and 0 for
 * a new one. */
struct seen *merge_seen(struct merge *, int64_t doc);
int	 merge_save_seen(struct merge *, int64_t doc, const struct seen *);
/* After a delete or rename: names of link targets are looked up anew. */
void	 merge_forget(struct merge *);

#endif
