/* apply.h - what the files of apply.c share, and nobody else */

#ifndef ES_APPLY_H
#define ES_APPLY_H

#include "sync/sync.h"

/* What has come of one document and is not applied yet, oldest first. */
struct chain {
	const char	*key;		/* site/birth; of stock =doctype/name */
	struct entry_item {
		struct item	 it;	/* must be first */
		bool		 own;	/* had passed here: only a link of the chain */
		const char	*was;	/* why it had failed, if it comes again */
	}		**v;
	int		 n, cap;
	struct fault	 fault;		/* why it is stuck; code NULL: it is not */
	const char	*old;		/* the reason it was parked for, if it was */
	struct doc	 d;		/* the local document, as admit found it */
	unsigned	 turn;		/* it holds while this is the page's turn */
	const char	*want;		/* births waited for, with blanks between */
	size_t		 nwants;
	struct want	**wants;
};

struct waiting {			/* a parked key that waits for a birth */
	const char	*key;
	struct waiting	*next;
};

struct rejected {
	const char	*why, *text;
	struct rejected	*next;
};

struct apply {
	struct site	*s;
	struct apply_options o;
	struct apply_counts counts;
	struct arena	 page, run;
	struct arena	 work;		/* for one chain */
	struct merge	 g;
	int		 status;	/* the worst so far */
	bool		 ended;		/* an end line came last */
	bool		 begun;		/* -n: the transaction of the run */

	/* the producer whose page this is */
	char		*source;
	bool		 started;	/* what is parked from it was tried */
	struct map	 stuck;		/* keys that are parked; in run */
	struct map	 wanted;	/* birth -> struct waiting; in run */
	int64_t		 count;		/* events since the last checkpoint */
	bool		 hold;		/* something could not be taken: cursor stays */
	bool		 bad;		/* nothing is taken from it; said once */
	int64_t		 park;		/* the peer that its events are parked under */
	const char	*holder;	/* -B: the site that gives back; in run */
	const char	*why;		/* what it gives is not taken; in run */
	int64_t		 floor;		/* the time of our newest event known there */
	int64_t		 before;	/* our newest entry before the page */
	struct birth	*doomed;	/* of the page: come back to be deleted */
	size_t		 ndoomed, capdoomed;
	struct rejected *rejects, **last;	/* lines that could not be read */
	int64_t		 reached;	/* by empty pages before the first contact */
	char		*reached_name;

	/* the page */
	struct entry_item **items;
	size_t		 nitems, capitems, bytes;
	bool		 full;
	struct producer	 p;
	struct chain	**chains;
	size_t		 nchains, capchains;
	struct map	 bykey;
	bool		 freed;		/* something was deleted, renamed, changed */
	unsigned	 turn;		/* counts what may change other documents */
	FILE		*out;
	char		*text;
	size_t		 len;
};

/* ---- chain.c - what has come of each document and is not applied yet, with
 * what is parked of it, and what that waits for */

/* The key of its chain, of the page. */
const char *chain_key(struct apply *, const struct event *);
const char *chain_wanted_key(struct apply *, const struct want *);
/* How what is waited for stands in a list of want: the birth; of stock (birth
 * NULL) DocType and name. */
char	*chain_want_word(struct apply *, const char *birth, const char *doctype,
	    const char *name);
/* The chain of a key, with what is parked of it. */
struct chain *chain_get(struct apply *, const char *key);
void	 chain_add(struct apply *, struct chain *, struct entry_item *);
void	 chain_drop(struct chain *, int i);
/* By creation, a snapshot before the event it is named after. */
void	 chain_sort(struct chain *);
/* A document is here: what is parked for want of it joins the page. */
void	 chain_wake(struct apply *, const char *word);
/* Once a run: what is parked from this producer, all to be tried. */
void	 chain_load_stuck(struct apply *);
/* What was parked for a link to it, or for its name, may go on; what others
 * wait for joins the page where it is parked, as they may wait for one another.
 * True if something joined. */
bool	 chain_wake_blocked(struct apply *);
bool	 chain_load_wanted(struct apply *);
/* Parks what is left of all chains. */
void	 chain_park_rest(struct apply *);

/* ---- admit.c - which events are looked at at all: rules 1 and 2 */

/* Puts it into the chain of its document, or is done with it.  One that is
 * marked to come again is for again(). */
void	 admit(struct apply *, struct entry_item *);
/* Of a mapped DocType what did not pass es-map has the name of ours too. */
void	 admit_as_here(const struct apply *, struct event *);
/* Has it been here before? */
bool	 passed_here(const struct apply *, const struct event *);
/* Does another producer bring this document already? */
bool	 second_route(struct apply *, const struct event *, const struct doc *);
/* -B: documents that came back only to be deleted. */
void	 admit_delete_doomed(struct apply *);

/* ---- again.c - events that es-resync gave, known as they are */

/* Puts a marked event in the place of the parked one, or applies it again; true
 * if it is to be admitted as if it had not come before. */
bool	 again(struct apply *, struct entry_item *);

/* ---- advance.c - how far one document gets: rules 3 to 7 */

/* Tries what has come of it; true if nothing of it is left, else its fault
 * says why. */
bool	 advance(struct apply *, struct chain *);

/* ---- together.c */

/* Documents that wait only for one another, all or none; true if some were
 * applied. */
bool	 together(struct apply *);

/* ---- outcome.c - what became of an event */

/* The callback of merge_run: it was applied. */
void	 outcome_done(void *apply, struct item *, const struct doc *,
	    int64_t journal, const char *data, size_t len, const char *lost);
void	 outcome_refuse(struct apply *, struct item *, const char *why);
void	 outcome_skip(struct apply *, struct item *);
/* It was given up; lost: what it said against a value that stays here. */
void	 outcome_withdraw(struct apply *, struct item *, const struct doc *,
	    const char *lost);
/* It was applied once more; entry is what that changed. */
void	 outcome_again(struct apply *, struct item *, const struct doc *,
	    int64_t entry);
/* Its sync log line; a new one, or that of when it was parked. */
void	 outcome_log(struct apply *, struct item *, struct sync *);
/* By the fault of its chain. */
void	 outcome_park(struct apply *, struct chain *, struct entry_item *);
void	 outcome_unpark(struct apply *, struct item *);
/* The newest of our own events that the document of a holder had, or NULL. */
const char *own_event(const struct apply *, const struct event *);

#endif
