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
/* In the place of an Update by which a document left a consumer's view: a Delete,
 * after which it may come again. */
char	*produce_left(struct site *, struct arena *, const struct entry *,
	    size_t *len);
/* A document as it is now, as a snapshot. */
char	*produce_snapshot(struct site *, struct arena *, const struct doc *,
	    size_t *len);
/* The same for a consumer: prev is the newest in it that it gets. */
char	*produce_snapshot_for(struct site *, struct arena *, const struct doc *,
	    const char *consumer, size_t *len);
/* A point that this site has given out, as text (NULL: the beginning), to begin
 * after: *at and name.  NULL, or why it is none of this site's (in the arena).
 * One from the time that a restore lost is where that restore began: *at lies
 * before it, mostly. */
const char *produce_start(struct site *, struct arena *, const char *last_update,
	    const char *name, int64_t *at, char at_name[ID_LEN + 1]);
/* Documents that stand whole where the journal lacks data, each once among the
 * last ten thousand. */
struct once {
	struct map	 docs;
	struct arena	 keys;
};
void	 once_init(struct once *);
void	 once_clear(struct once *);
void	 once_free(struct once *);
bool	 once_first(struct once *, int64_t doc);
/* The lines of all entries after creation, as part of the transaction at hand;
 * -1 if the site failed. */
int	 produce_since(struct site *, FILE *, int64_t creation);
/* Control lines, to a file. */
struct checkpoint {
	const char	*producer, *site;	/* site: its identity; NULL from stock */
	int64_t		 from, last_update;	/* creations */
	const char	*name;			/* of the event at last_update; NULL */
	int64_t		 events;
	bool		 more;			/* there is another page */
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
 * number, -1 if the site failed; *more: there may be further entries.  It stops
 * before one where view_failed. */
int64_t	 view_page(struct view *, int64_t *at, char name[ID_LEN + 1],
	    int64_t limit, view_fn *fn, void *arg, bool *more);
/* A condition could not be evaluated: what was asked last has no answer.  NULL, or
 * why, foreign text raw. */
const char *view_failed(const struct view *);
/* Says of conditions that raised an error where, and what. */
void	 view_warn(struct view *);

/* Was this document ever in view, or reached over links, then or now, from one
 * that was?  Then the consumer may read it. */
bool	 view_offers(struct view *, int64_t doc);
/* Before the data of a document's entries is dropped up to a point: notes how it
 * had come into view there, as its conditions cannot be asked any more.  e: all
 * its entries, oldest first.  -1: it cannot. */
int	 view_note(struct view *, const struct entry *e, size_t n, int64_t upto);
/* Is it in view now? */
bool	 view_shows(struct view *, int64_t doc);
/* Was it in the stream since it came into view, or will it be?  Not so what was
 * there before the row was made. */
bool	 view_streams(struct view *, int64_t doc);
/* Has it been sent this entry, as far as is known by what it asked from last?
 * It is taken to have asked while the document was in view. */
bool	 view_sent(struct view *, const struct entry *);

/* ---- back.c - to a site that was restored from an older copy (DESIGN 6) */

/* Writes the documents that owner (an Event Producer's name, or an identity)
 * made and that are here as copies of its own, and Deletes of those it deleted,
 * for its es-apply -B; a line {"back":…} says first whose they are.  *n lines.
 * Nothing at all of an owner that was never heard of. */
int	 back_write(struct site *, const char *owner, FILE *, int64_t *n);

/* ---- readers.c - who was sent what: the consumers of Event Update Log
 * documents, which are stored nowhere */

struct readers;
struct readers *readers_open(struct site *);
/* Such a document with its consumers; in the arena. */
char	*readers_add(struct readers *, struct arena *, const char *json, size_t *len);
void	 readers_close(struct readers *);

/* ---- prune.c - data of the journal that nobody needs any more (DESIGN 6) */

struct prune {
	struct site	*s;
	int64_t		 upto;		/* what was logged after it stays */
	bool		 dry;		/* only counts */
	int64_t		 at;		/* looked at up to here; 0 at first */
	int64_t		 entries, bytes;	/* dropped so far */
	int64_t		 kept;		/* entries of documents that several wrote */
};
/* The next of it, in a transaction of its own: 1, 0 that was all, -1 the site
 * failed. */
int	 prune_some(struct prune *);

/* ---- answer.c - what a producer answers to a pull: es-serve, and es-pull from a
 * file, give the same text */

struct answer;
struct answer_request {
	const char	*consumer;	/* its name or identity */
	const char	*last_update, *name;	/* its cursor, as text; NULL: the beginning */
	int64_t		 limit;		/* journal entries a page, 1 to 100000; one
					 * without events goes on for 20000 */
	bool		 grant;		/* begin with a grant line */
	/* snapshots of what it may read, by number, instead of a page: */
	bool		 initial;
	const char	*doctype;	/* NULL: all that is in view */
	yyjson_val	*names;		/* an array, or NULL */
	yyjson_val	*origins;	/* or instead an array of [site, birth]; NULL */
	yyjson_val	*filters;	/* or, of the doctype, the first that it may
					 * read of what these find, the newest
					 * first; or NULL */
	int64_t		 after;		/* numbers after this one; of names and
					 * origins, places */
};
/* NULL and *why (in the arena): *status is MISUSE if there is no such consumer or
 * the cursor is not one of this site's, TEMPFAIL if the site failed. */
struct answer *answer_open(struct site *, struct arena *,
	    const struct answer_request *, int *status, const char **why);
/* The next piece, whole lines with newlines, about 64 KB; until the next call.
 * len 0: it is over.  NULL: the site failed.  A piece is made in a read
 * transaction of its own, by the rights that the consumer has then; where these
 * changed since the last grant line it begins with a new one.  The last line
 * is a checkpoint, of snapshots an initial line: {"initial":{"position":{
 * "last_update","name"},"after","events","more"}}. */
const char *answer_next(struct answer *, size_t *len);
/* It ends before its end, without that last line: why, foreign text raw; or
 * NULL. */
const char *answer_failed(const struct answer *);
void	 answer_close(struct answer *);

/* ---- subscribe.c, tell.c, edit.c, consent.c - Event Producer and Event
 * Consumer, the two sides of one subscription (DESIGN 5, 6; spec 9) */

/* subscribe.c: the consumer.  What a producer is to be told of our Event
 * Producer document, as the JSON of spec 9.1 with, besides, the keys site and,
 * a doctype, unsubscribed: always the same text for the same subscription.
 * Without secrets.  NULL: there is no such document. */
char	*subscribe_request(struct site *, struct arena *, const char *producer);
/* The same with the key by which the producer may notify us, if there is one:
 * what is sent. */
char	*subscribe_registration(struct site *, struct arena *,
	    const char *producer);
/* As a change of what it has, spec 9.2. */
char	*subscribe_change(struct site *, struct arena *, const char *producer);
/* Takes in a grant {"event_producer","site","event_consumer","doctypes":[{
 * "ref_doctype","status","condition","unsubscribed"}],"request"}, the value of a
 * grant line, in the caller's transaction: statuses of rows, and what it was told:
 * all that we ask, if that is its request or what it says, else what it says.  Only
 * of a producer that is there, and if it is meant for this site.  False and a
 * fault. */
bool	 subscribe_grant(struct site *, struct arena *, yyjson_val *grant,
	    struct fault *);
/* Would it change anything here?  Who has passed one on passes on all after it:
 * what is here is not what will be. */
bool	 subscribe_is_news(struct site *, struct arena *, yyjson_val *grant);
/* Does it speak of all that we ask, and of nothing else? */
bool	 subscribe_is_told(struct site *, struct arena *, const char *producer,
	    yyjson_val *grant);

/* tell.c: the producer is told over the line, if it was not told yet: registers,
 * or changes what it has.  Writes nothing.  *grant: the grant line for es-apply
 * (in the arena, without newline), NULL if there was nothing to tell.  0, MISUSE
 * or TEMPFAIL and a message in *why (in the arena, foreign text raw). */
int	 subscribe_tell(struct site *, struct arena *, const char *producer,
	    struct remote *, char **grant, const char **why);
/* Asks it how that stands, and tells it again what it has lost: the grant line,
 * or why not. */
int	 subscribe_ask(struct site *, struct arena *, const char *producer,
	    struct remote *, char **grant, const char **why);

/* edit.c: the consumer's administrator changes it, within a transaction of the
 * caller.  False and a fault, or the site failed. */
struct edit {
	struct site	*s;
	struct arena	*a;
	const char	*producer;	/* its address */
	const char	*user, *key, *secret;	/* of a key file, or NULL */
	bool		 carried;	/* it is told by file */
	struct fault	 fault;
	size_t		 fresh, changed, same, gone;	/* rows, once written */
	yyjson_mut_doc	*m;		/* edit.c's own: */
	yyjson_mut_val	*old, *posted, *rows, *row;
};
/* Reads what is there; false if there is nothing yet. */
bool	 edit_open(struct edit *);
/* DocTypes and option=value, as es-subscribe(1) has them; NULL at the end. */
bool	 edit_operands(struct edit *, char *const *words);
/* Unsubscribes from these, or if there are none from all; wholly: takes their
 * rows out. */
bool	 edit_leave(struct edit *, char *const *doctypes, bool wholly);
/* Checks and writes it; makes the user by whose key the producer may notify us. */
bool	 edit_write(struct edit *);
/* Is that such a user, of an Event Producer that is there? */
bool	 edit_is_notifier(struct site *, struct arena *, const char *user);

/* consent.c: the producer.  Takes in a request (spec 9.1, or a change of 9.2:
 * consumer_doctypes an array then) in the caller's transaction, of the consumer
 * in event_consumer, else callback_url, else name.  It is the whole
 * subscription: rows that are not in it go.  New rows, and rows whose condition
 * changed, are Pending; another user makes all of them so; a row that is only
 * unsubscribed or subscribed again keeps its status.  user NULL: that of the
 * request, and if it has none, as it is.  Whether the caller may speak for an
 * Event Consumer of another user is for the caller to ask.  PUT_REFUSED and a
 * fault: unknown doctype; a user that is not there (user), disabled or no Event
 * Subscriber; a doctype that is never streamed; a condition that is not
 * understood; another site of that name (site). */
enum put_result consumer_request(struct site *, struct arena *, yyjson_val *request,
	    const char *user, const char **name, struct fault *);
/* Sets rows of an Event Consumer (doctypes, NULL at the end; NULL: all that are
 * Pending) to Approved or Rejected, with a condition of the producer's own
 * (NULL: as it is, "": none). */
enum put_result consumer_approve(struct site *, struct arena *, const char *name,
	    char *const *doctypes, const char *status, const char *own,
	    struct fault *);
/* The grant line of a consumer, as it stands; in the arena, without newline.
 * NULL: there is no such Event Consumer. */
char	*consumer_grant(struct site *, struct arena *, const char *name);

/* ---- pull.c - what a producer answers, made into what goes on to es-apply:
 * lines are checked, of one site, under the name that it has here, without marks
 * that are ours to set; grants only if they are news */

struct pull_source {
	struct site	*site;		/* ours */
	const struct producer *producer;	/* as it is known here */
	struct remote	*remote;	/* it, or else the file that it is */
	struct site	*file;
	void		(*seen)(void *arg, const struct event *);	/* or NULL */
	void		(*idle)(void *arg);	/* as of struct remote_pull */
	void		*arg;
};
struct pull_request {
	int64_t		 from;		/* the cursor; 0: the beginning */
	const char	*name;		/* and its event, or NULL */
	int64_t		 limit;
	bool		 initial;	/* these as in struct remote_pull */
	const char	*doctype, *names, *origins, *filters;
	int64_t		 after;
};
struct pull_page {			/* how an answer ended */
	int64_t		 last_update;	/* where to go on; of snapshots: their position */
	char		 name[ID_LEN + 1];	/* or "" */
	int64_t		 after;
	int64_t		 events;
	bool		 more;
};
struct pull_counts {
	int64_t		 events, rejected;
};
/* The producer that a program is given: a URL, the name of its Event Producer
 * then, or the path of its site file.  Opens one of them (for the caller to
 * close) and reads the other; site is the caller's.  0, or a status and *why,
 * NULL if that was printed. */
int	 pull_reach(struct pull_source *, struct arena *, const char *operand,
	    struct producer *, const char **why);
struct pull;
/* All belongs to the caller and outlives it. */
struct pull *pull_open(const struct pull_source *, FILE *out);
void	 pull_close(struct pull *);
/* Asks for a page, and writes what comes as it comes.  0 if it came whole;
 * MISUSE or TEMPFAIL and *why, until the next one, foreign text raw. */
int	 pull_page(struct pull *, const struct pull_request *, struct pull_page *,
	    const char **why);
/* A checkpoint over all events that were written since the last one. */
void	 pull_checkpoint(struct pull *, int64_t from, const struct pull_page *);
/* A grant line of subscribe_tell. */
bool	 pull_grant(struct pull *, const char *line);
const struct pull_counts *pull_counted(const struct pull *);

/* How long a peer that cannot be reached is waited for. */
struct patience {
	int64_t		 most;		/* milliseconds in all */
	int64_t		 waited;
	int		 tries;
};
/* Milliseconds to wait before the next request, longer each time, and no less
 * than it asked for (seconds; -1: nothing); a little by chance, so that all who
 * lost a peer do not come back to it at once.  -1: no more. */
int64_t	 patience_next(struct patience *, int64_t asked);
void	 patience_wait(int64_t ms);

/* ---- fetch.c - documents of a producer by their births, as snapshots */

struct fetch;
/* limit: so many a request.  All belongs to the caller and outlives it; source
 * has a remote or a file.  NULL and *why. */
struct fetch *fetch_open(const struct pull_source *, int64_t limit,
	    const char **why);
void	 fetch_close(struct fetch *);
struct fetch_request {
	const struct birth *v;
	size_t		 n;
	line_fn		*fn;		/* for each line that came, as pull.c makes it */
	/* It cannot be reached, and asked to wait so many seconds, or -1: once
	 * more? */
	bool		(*again)(void *arg, const char *why, int64_t asked);
	void		*arg;
};
/* Asks for these, several at a time.  0 if all answers came whole; MISUSE or
 * TEMPFAIL and *why, until the next one, foreign text raw. */
int	 fetch_births(struct fetch *, const struct fetch_request *,
	    const char **why);
/* The same of the one document of a DocType that filters (a JSON object) find. */
int	 fetch_found(struct fetch *, const char *doctype, const char *filters,
	    const struct fetch_request *, const char **why);
int64_t	 fetch_requests(const struct fetch *);

/* ---- map.c - lines as the subscriptions of a site have them mapped (DESIGN 9)
 *
 * What a line was before stands in it as original: those of its keys that are
 * others now, null for one that it had not. */

struct mapper;
struct mapper_source {
	struct site	*site;
	const char	*mapping;	/* of all lines; NULL: as their rows say */
	/* As in struct mapping_run; or NULL. */
	void		(*uncovered)(void *, const char *values,
			    const char *table, const char *field,
			    const char *value, size_t len);
	void		*arg;
};
struct mapper_counts {
	int64_t		 mapped, unmapped;
};
struct mapper *mapper_open(const struct mapper_source *);
void	 mapper_close(struct mapper *);
/* Whose lines come now; it outlives them. */
void	 mapper_turn(struct mapper *, const struct producer *);
/* The line of an event as it goes on, in the arena; NULL: as it is. */
const char *mapper_line(struct mapper *, struct arena *, const struct event *,
	    size_t *len);
/* The same by a mapping, whatever the rows say.  What it makes of a document that
 * is another here by its row has a birth of its own. */
const char *mapper_line_by(struct mapper *, struct arena *, const char *mapping,
	    const struct event *, size_t *len);
const struct mapper_counts *mapper_counted(const struct mapper *);
/* A link of a mapped line to a document that filters find. */
struct mapper_link {
	const char	*table, *row, *field;	/* table and row NULL: none */
	const char	*mapping;	/* of that document */
	const char	*local;		/* its DocType here; or NULL */
	const char	*remote;	/* its DocType there */
	const char	*filters;	/* JSON; NULL: why they cannot be asked */
	const char	*why;
};
/* Those of a line, in the arena; n 0: none.  whole: the producer's document, if
 * the line is an Update; without, filters may lack what did not change. */
struct mapper_link *mapper_links(struct mapper *, struct arena *,
	    const struct event *, yyjson_val *whole, size_t *n);
/* Puts back what a line was before. */
void	 mapper_undo(yyjson_mut_doc *, yyjson_mut_val *line);

/* ---- deps.c - lines, each preceded by what it needs and its reader has not
 * (DESIGN 10)
 *
 * A line goes out at once, unless it, or one before it, needs something: then it
 * is held until deps_flush, which gets all that is needed, and what that needs. */

struct deps;
struct deps_source {
	FILE		*out;
	/* Has the reader this document, or had it, or will it get it anyway? */
	bool		(*has)(void *arg, const char *site, const char *birth);
	/* Gives those that it can by deps_bring, in any order; false: it cannot
	 * be asked. */
	bool		(*fetch)(void *arg, const struct birth *v, size_t n);
	bool		mark;		/* lines say what is missing */
	void		*arg;
};
struct deps_counts {
	int64_t		 needed, brought;	/* documents */
};
struct deps *deps_open(const struct deps_source *);
void	 deps_close(struct deps *);
/* The next line: an event that its reader will take. */
void	 deps_event(struct deps *, const char *line, size_t len,
	    const struct event *);
/* The next line: any other. */
void	 deps_pass(struct deps *, const char *line, size_t len);
/* What this event, which the reader has already, needs comes before the next
 * line. */
void	 deps_need(struct deps *, const struct event *);
/* The reader has this document already, or will get it. */
void	 deps_here(struct deps *, const char *birth);
/* That, or is it asked for already? */
bool	 deps_is_coming(struct deps *, const char *birth);
/* A snapshot that was asked for. */
void	 deps_bring(struct deps *, const char *line, size_t len,
	    const struct event *);
/* Are so many lines held that they should be flushed? */
bool	 deps_full(const struct deps *);
void	 deps_flush(struct deps *);
/* Forgets what was asked for and brought: another producer comes. */
void	 deps_forget(struct deps *);
const struct deps_counts *deps_counted(const struct deps *);

/* ---- resync.c - what came to a site, to be applied to it again */

struct resync_request {
	struct sync_filter filter;	/* limit: the first so many */
	const char	*names;		/* a JSON array; NULL: all */
	bool		 applied;	/* also what was applied, or given up */
	enum resync	 mark;
	FILE		*out;
	int64_t		 events;	/* written */
	int64_t		 lacking;	/* of which nothing is left */
};
/* Adds their lines; -1 if the site failed. */
int	 resync_write(struct site *, struct resync_request *);

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
	bool		 back;		/* -B: own documents, given back (back.c) */
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
	const struct map *come;		/* keys of those of which something has come */
	bool		 back;		/* own documents come back, to stay own */
	struct later	*later;		/* of the group */
	struct want	**waits;	/* all that carry a mark, by number */
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
/* Applies a Create or Update once more: what of it nobody has written since it
 * was applied first, and it has not lost; with force all of it.  *entry is the
 * journal entry, or 0 as nothing changed.  False and a fault. */
bool	 merge_again(struct merge *, struct item *, struct doc *d,
	    const struct sync *first, int64_t *entry);
/* An event was given up: where both sides had written and nobody was to win our
 * value is said again.  *lost is as in the sync log. */
void	 merge_withdraw(struct merge *, struct item *, struct doc *d,
	    const char **lost);
/* Follows a Rename at the producer; false and a fault if the name is taken.
 * follow: so does the field that names documents here, if it has the old name;
 * that is a change of ours. */
bool	 merge_rename(struct merge *, struct doc *d, const struct event *,
	    bool follow);
/* Does the event say what its author had seen of ours? */
bool	 merge_has_base(const struct merge *, const struct event *);
/* The newest event of the producer that the document had at an entry of ours, or
 * nearest before it; NULL. */
const char *merge_had(struct merge *, const struct doc *d, const char *entry);
/* Writes the links among a group that was applied; -1: the site failed. */
int	 merge_settle(struct merge *);
/* Where the chain of a document from this producer stands; all NULL and 0 for
 * a new one. */
struct seen *merge_seen(struct merge *, int64_t doc);
int	 merge_save_seen(struct merge *, int64_t doc, const struct seen *);
/* After a delete or rename: names of link targets are looked up anew. */
void	 merge_forget(struct merge *);

#endif
