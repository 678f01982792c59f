/* jq.c - what users write in jq, away from all that is ours (DESIGN 8)
 *
 * All programs of a run are one, compiled when the first of them is asked, in a
 * child that can open nothing and has no environment. */

#include <ctype.h>
#include <dlfcn.h>
#include <jq.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/base.h"

enum {
	TEXT_MAX = 16 << 10,
	DEPTH_MAX = 200,		/* brackets, and if */
	FIELDS_MAX = 16,
	SECONDS = 2,			/* of the processor, at most */
	PATIENCE = 30000,		/* ms, on a machine that does much else */
	MEMORY = 256 << 20
};

struct jq {
	char		*text;
	char		*fields[FIELDS_MAX];	/* of its input, that it names */
	int		 nfields;	/* -1: it may read all */
	int		 users;
};

/* The programs, in their order in the child's. */
static struct {
	struct jq	**v;
	size_t		 n;
	struct child	*child;		/* NULL: none, or it does not have all */
	struct arena	 a;		/* of an answer */
	bool		 begun;
} pool;

/* ---- what may stand in a program */

/* Neither what reads anything but its input, nor what writes or ends. */
static const char *const words[] = {
	"IN", "INDEX", "abs", "acos", "acosh", "add", "all", "and", "any",
	"arrays", "as", "ascii", "ascii_downcase", "ascii_upcase", "asin",
	"asinh", "atan", "atan2", "atanh", "booleans", "bsearch", "capture",
	"catch", "cbrt", "ceil", "combinations", "contains", "cos", "cosh",
	"del", "delpaths", "elif", "else", "empty", "end", "endswith",
	"error", "exp", "exp10", "exp2", "explode", "expm1", "fabs", "false",
	"finites", "first", "flatten", "floor", "fmax", "fmin", "fmod",
	"foreach", "format", "from_entries", "fromdate", "fromdateiso8601",
	"fromjson", "getpath", "gmtime", "group_by", "gsub", "has", "if", "in",
	"index", "indices", "infinite", "inside", "isempty", "isfinite",
	"isinfinite", "isnan", "isnormal", "isvalid", "iterables", "join",
	"keys", "keys_unsorted", "last", "leaf_paths", "length", "limit",
	"localtime", "log", "log10", "log1p", "log2", "ltrimstr", "map",
	"map_values", "match", "max", "max_by", "min", "min_by", "mktime",
	"nan", "normals", "not", "now", "nth", "null", "nulls", "numbers",
	"objects", "or", "path", "paths", "pow", "pow10", "range", "recurse",
	"reduce", "repeat", "reverse", "rindex", "rint", "round", "rtrimstr",
	"scalars", "scan", "select", "setpath", "sin", "sinh", "sort",
	"sort_by", "split", "splits", "sqrt", "startswith", "strflocaltime",
	"strftime", "strings", "strptime", "sub", "tan", "tanh", "test",
	"then", "to_entries", "todate", "todateiso8601", "tojson", "tonumber",
	"tostring", "transpose", "true", "trunc", "try", "type", "unique",
	"unique_by", "until", "utf8bytelength", "values", "walk", "while",
	"with_entries"
}, *const formats[] = {
	"base32", "base32d", "base64", "base64d", "csv", "html", "json", "sh",
	"text", "tsv", "uri"
}, *const blind[] = {			/* words that read nothing */
	"and", "elif", "else", "empty", "end", "false", "if", "infinite", "nan",
	"now", "null", "or", "then", "true"
};

struct scan {
	const char	*text, *at;
	char		 open[DEPTH_MAX];	/* brackets; " is a string, i an if,
						 * e one with its else */
	bool		 top[DEPTH_MAX + 1];	/* may . be the input here? */
	int		 depth;
	struct jq	*jq;			/* its fields */
	char		*why;			/* JQ_WHY bytes */
};

static bool
fail(struct scan *s, const char *at, const char *what)
{
	snprintf(s->why, JQ_WHY, "condition not understood at %zu: %s; near "
	    "'%.20s'", (size_t)(at - s->text) + 1, what, at);
	return false;
}

static bool
among(const char *const *list, size_t n, const char *s, size_t len)
{
	for (; n > 0; n--, list++)
		if (strlen(*list) == len && strncmp(*list, s, len) == 0)
			return true;
	return false;
}

static size_t
word_length(const char *s)
{
	size_t n = 0;

	if (!isdigit((unsigned char)*s))
		while (isalnum((unsigned char)s[n]) || s[n] == '_')
			n++;
	return n;
}

/* Which fields of its input a program reads.  What stands behind a | has for its
 * input what came out before it, up to the end of the bracket, argument, pair,
 * bound of a slice or part of an if; all else has the input of what it stands in.
 * Where that is the program's own, .name takes a field of it, a blind word
 * nothing, and whatever else counts as taking all.  So, if nothing does, what
 * comes out hangs on these fields alone, and with it what is behind a |.  What
 * binds a variable has the input again behind its |: with a variable it is all. */
static void
read_all(struct scan *s)
{
	while (s->jq->nfields > 0)
		free(s->jq->fields[--s->jq->nfields]);
	s->jq->nfields = -1;
}

/* What stands here reads a field of its input; n 0: all of it. */
static void
read_field(struct scan *s, const char *name, size_t n)
{
	struct jq *jq = s->jq;

	if (!s->top[s->depth] || jq->nfields == -1 || (n > 0 &&
	    among((const char *const *)jq->fields, jq->nfields, name, n)))
		return;
	if (n == 0 || jq->nfields == FIELDS_MAX)
		read_all(s);
	else
		jq->fields[jq->nfields++] = xstrndup(name, n);
}

/* What comes now has the input of what it stands in. */
static void
resume(struct scan *s)
{
	s->top[s->depth] = s->depth == 0 || s->top[s->depth - 1];
}

static char
before(const struct scan *s, const char *at)
{
	while (at > s->text && strchr(" \t\r\n", at[-1]) != NULL)
		at--;
	return at > s->text ? at[-1] : ' ';
}

static bool
opens(struct scan *s, const char *at, char c)
{
	if (s->depth == DEPTH_MAX)
		return fail(s, at, "it goes too deep");
	s->open[s->depth++] = c;
	resume(s);
	return true;
}

static bool
in_object(const struct scan *s)
{
	return s->depth > 0 && s->open[s->depth - 1] == '{';
}

/* Without an else, it is the input that comes out (jq 1.7). */
static bool
ends(struct scan *s)
{
	if (s->open[--s->depth] == 'i')
		read_field(s, NULL, 0);
	return true;
}

static bool
is(const char *word, const char *at, size_t n)
{
	return among(&word, 1, at, n);
}

/* if, and what parts it. */
static bool
branch(struct scan *s, const char *at, size_t n)
{
	char *open = s->depth == 0 ? NULL : &s->open[s->depth - 1];

	if (is("if", at, n))
		return opens(s, at, 'i');
	if (open == NULL || (*open != 'i' && *open != 'e'))
		return fail(s, at, "there is no if here");
	if (is("end", at, n))
		return ends(s);
	if (is("else", at, n))
		*open = 'e';
	resume(s);
	return true;
}

/* A word that is no field's name. */
static bool
word(struct scan *s, const char *at, size_t n)
{
	static const char *const parts[] = { "elif", "else", "end", "if",
	    "then" };
	const char *next = at + n + strspn(at + n, " \t\r\n");

	if (is("def", at, n))
		return fail(s, at, "a condition defines no functions");
	if (in_object(s) && *next == ':' && next[1] != ':')
		return true;
	if (in_object(s) && strchr(",}", *next) != NULL &&
	    strchr("{,", before(s, at)) != NULL) {
		read_field(s, at, n);		/* {a} is {a: .a} */
		return true;
	}
	if (!among(words, sizeof(words) / sizeof(*words), at, n))
		return fail(s, at, "this may not be used here");
	if (!among(blind, sizeof(blind) / sizeof(*blind), at, n))
		read_field(s, NULL, 0);
	return !among(parts, sizeof(parts) / sizeof(*parts), at, n) ||
	    branch(s, at, n);
}

static bool
variable(struct scan *s, const char *at)
{
	size_t n = word_length(s->at);

	if (n == 0 || strncmp(s->at, "__", 2) == 0 ||
	    (n == 3 && strncmp(s->at, "ENV", 3) == 0))
		return fail(s, at, "this may not be used here");
	s->at += n;
	read_all(s);
	return true;
}

static bool
format(struct scan *s, const char *at)
{
	size_t n = word_length(s->at);

	if (!among(formats, sizeof(formats) / sizeof(*formats), s->at, n))
		return fail(s, at, "this may not be used here");
	s->at += n;
	read_field(s, NULL, 0);
	return true;
}

static bool
closes(struct scan *s, char c)
{
	static const char pairs[] = "()[]{}";
	char o = strchr(pairs, c)[-1];

	if (s->depth == 0 || s->open[s->depth - 1] != o)
		return fail(s, s->at - 1, "nothing is open here that it closes");
	s->depth--;
	return true;
}

/* Up to the end of a string, or to what is put into it. */
static bool
string(struct scan *s)
{
	for (; *s->at != '\0'; s->at++)
		if (*s->at == '"') {
			s->at++;
			s->depth--;
			return true;
		} else if (*s->at == '\\' && s->at[1] == '(') {
			s->at += 2;
			return opens(s, s->at - 1, '(');
		} else if (*s->at == '\\' && s->at[1] != '\0')
			s->at++;
	return fail(s, s->at, "a string does not end");
}

/* Of a string that is a key, {"a"} is {"a": .a}. */
static bool
quote(struct scan *s, const char *at)
{
	if (in_object(s) && strchr("{,", before(s, at)) != NULL)
		read_field(s, NULL, 0);
	return opens(s, at, '"');
}

/* .a and the like; . alone, .. and what begins so */
static bool
dot(struct scan *s)
{
	size_t n = word_length(s->at);

	read_field(s, s->at, n);
	s->at += *s->at == '.' ? 1 : n;
	return true;
}

static bool
colon(struct scan *s, const char *at)
{
	resume(s);
	return *s->at != ':' || fail(s, at, "this may not be used here");
}

/* An operator, or what stands between parts. */
static bool
operator(struct scan *s, const char *at)
{
	bool twice = *s->at == '=' && strchr("=!<>", *at) != NULL;

	if (strchr(" \t\r\n,;|=!<>+-*/%?", *at) == NULL)
		return fail(s, at, "this is no sign");
	if (twice)
		s->at++;
	else if (*at == '=')			/* also of |= and the like */
		read_field(s, NULL, 0);
	else if (*at == '|' && *s->at != '=')
		s->top[s->depth] = false;
	else if (*at == ';' || (*at == ',' && in_object(s)))
		resume(s);
	return true;
}

static bool
sign(struct scan *s)
{
	const char *at = s->at++;

	switch (*at) {
	case '"':
		return quote(s, at);
	case '(':
	case '[':
	case '{':
		return opens(s, at, *at);
	case ')':
	case ']':
	case '}':
		return closes(s, *at);
	case '$':
		return variable(s, at);
	case '@':
		return format(s, at);
	case '#':
		return fail(s, at, "comments are not understood");
	case '.':
		return dot(s);
	case ':':
		return colon(s, at);
	default:
		return operator(s, at);
	}
}

static bool
token(struct scan *s)
{
	size_t n = word_length(s->at);

	if (isdigit((unsigned char)*s->at)) {
		s->at += strspn(s->at, "0123456789.");
		if ((*s->at == 'e' || *s->at == 'E') && isdigit((unsigned char)
		    s->at[1 + (s->at[1] == '-' || s->at[1] == '+')]))
			s->at += 2 + strspn(s->at + 2, "0123456789");
		return true;
	}
	if (n == 0)
		return sign(s);
	s->at += n;
	return word(s, s->at - n, n);
}

/* Its fields are the program's then. */
static bool
is_fit(const char *text, struct jq *jq, char *why)
{
	struct scan s = { .text = text, .at = text, .top = { true }, .jq = jq,
	    .why = why };

	if (strlen(text) > TEXT_MAX)
		return fail(&s, text, "it is too long");
	if (text[strspn(text, " \t\r\n")] == '\0')
		return fail(&s, text, "it ends too early");
	while (*s.at != '\0')
		if (!(s.depth > 0 && s.open[s.depth - 1] == '"' ? string(&s) :
		    token(&s)))
			return false;
	return s.depth == 0 ? true : fail(&s, s.at, "it ends too early");
}

/* ---- the child */

static struct {
	jq_state	*(*init)(void);
	void		(*set_error_cb)(jq_state *, jq_msg_cb, void *);
	int		(*compile)(jq_state *, const char *);
	void		(*start)(jq_state *, jv, int);
	jv		(*next)(jq_state *);
	int		(*halted)(jq_state *);
	jv		(*parse)(const char *, int);
	jv		(*dump)(jv, int);
	jv_kind		(*kind)(jv);
	void		(*drop)(jv);
	jv		(*copy)(jv);
	const char	*(*text)(jv);
	int		(*has_message)(jv);
	jv		(*message)(jv);
} lib;

static const char *
load(void)
{
	static const struct {
		const char	*name;
		void		*to;
	} functions[] = { { "jq_init", &lib.init },
	    { "jq_set_error_cb", &lib.set_error_cb },
	    { "jq_compile", &lib.compile }, { "jq_start", &lib.start },
	    { "jq_next", &lib.next }, { "jq_halted", &lib.halted },
	    { "jv_parse_sized", &lib.parse }, { "jv_dump_string", &lib.dump },
	    { "jv_get_kind", &lib.kind }, { "jv_free", &lib.drop },
	    { "jv_copy", &lib.copy }, { "jv_string_value", &lib.text },
	    { "jv_invalid_has_msg", &lib.has_message },
	    { "jv_invalid_get_msg", &lib.message } };
	void *so = dlopen("libjq.so.1", RTLD_NOW | RTLD_LOCAL), *at;
	size_t i;

	if (so == NULL)
		return "libjq is needed and cannot be loaded; Debian has it as "
		    "libjq1";
	for (i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		if ((at = dlsym(so, functions[i].name)) == NULL)
			return "libjq is too old";
		memcpy(functions[i].to, &at, sizeof(at));
	}
	return NULL;
}

static void
limit(int what, rlim_t most)
{
	struct rlimit r = { most, most };

	if (setrlimit(what, &r) == -1)
		_exit(TEMPFAIL);
}

/* Beside what we had of it.  The address sanitizer takes terabytes. */
static void
limit_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
	FILE *fp = fopen("/proc/self/statm", "r");
	long pages = 0;

	if (fp == NULL || fscanf(fp, "%ld", &pages) != 1)
		_exit(TEMPFAIL);
	fclose(fp);
	limit(RLIMIT_AS, (rlim_t)pages * sysconf(_SC_PAGESIZE) + MEMORY);
#endif
}

/* From here on it can compute, and nothing else. */
static void
enclose(void)
{
	limit_memory();
	close(2);
	limit(RLIMIT_NOFILE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NPROC, 0);
	limit(RLIMIT_CORE, 0);
}

static void
refill(void)
{
	struct rusage used;
	struct rlimit r;

	if (getrusage(RUSAGE_SELF, &used) == -1 ||
	    getrlimit(RLIMIT_CPU, &r) == -1)
		_exit(TEMPFAIL);
	r.rlim_cur = used.ru_utime.tv_sec + used.ru_stime.tv_sec + SECONDS;
	if (setrlimit(RLIMIT_CPU, &r) == -1)
		_exit(TEMPFAIL);
}

/* An answer: a sign for what it is, and a line. */
static bool
say(char sign, const char *text)
{
	size_t n = strlen(text) + 2, at = 0;
	char *line = xprintf("%c%s\n", sign, text), *p;
	ssize_t r;

	for (p = line; p < line + n - 1; p++)
		if (*p == '\n')
			*p = ' ';
	for (; at < n; at += r)
		if ((r = write(1, line + at, n - at)) == -1)
			break;
	free(line);
	return at == n;
}

/* The first that it puts out. */
static bool
answer(jq_state *jq, jv input)
{
	jv v, text;
	char sign;
	bool good;

	lib.start(jq, input, 0);
	v = lib.next(jq);
	if (lib.halted(jq))
		_exit(REJECTED);
	if (lib.kind(v) != JV_KIND_INVALID) {
		sign = '=';
		text = lib.dump(v, 0);
	} else if (lib.has_message(lib.copy(v))) {
		sign = '!';
		text = lib.message(v);
		if (lib.kind(text) != JV_KIND_STRING)
			text = lib.dump(text, 0);
	} else {
		lib.drop(v);
		return say('-', "");
	}
	good = say(sign, lib.text(text));
	lib.drop(text);
	return good;
}

static void
note(void *arg, jv message)
{
	char *why = arg;
	const char *s;

	if (lib.kind(message) == JV_KIND_STRING && *why == '\0') {
		s = lib.text(message);
		s += strncmp(s, "jq: error: ", 11) == 0 ? 11 : 0;
		snprintf(why, JQ_WHY, "%.*s", (int)strcspn(s, "\n"), s);
	}
	lib.drop(message);
}

static int
serve(jq_state *jq)
{
	FILE *in = fdopen(0, "r");	/* stdin may hold what others read */
	char *line = NULL;
	size_t cap = 0;
	int status = DONE;
	ssize_t n;
	jv input;

	if (in == NULL)
		return TEMPFAIL;
	refill();
	while (status == DONE && (n = getline(&line, &cap, in)) > 0) {
		input = lib.parse(line, n);
		if (lib.kind(input) == JV_KIND_INVALID || !answer(jq, input))
			status = TEMPFAIL;
		refill();
	}
	free(line);
	fclose(in);
	return status;
}

/* Says first whether the program can be used. */
static int
run(void *program)
{
	char why[JQ_WHY] = "";
	const char *fault = "it cannot leave where it is";
	jq_state *jq;

	clearenv();
	if (chdir("/") == -1 || (fault = load()) != NULL) {
		say('?', fault);
		return TEMPFAIL;
	}
	enclose();
	refill();
	if ((jq = lib.init()) == NULL)
		return TEMPFAIL;
	lib.set_error_cb(jq, note, why);
	if (!lib.compile(jq, program)) {
		say('!', *why == '\0' ? "it is not understood" : why);
		return MISUSE;
	}
	return say('=', "") ? serve(jq) : TEMPFAIL;
}

/* ---- our side */

static struct child *
begin(char *program, char *why, bool *refused)
{
	struct child *c = child_start(run, program);
	const char *fault = "it cannot be begun", *answer = "";
	size_t n;

	*refused = false;
	if (c != NULL && (fault = child_ask(c, "", 0, PATIENCE, &answer, &n))
	    == NULL && *answer == '=')
		return c;
	*refused = fault == NULL && *answer == '!';
	snprintf(why, JQ_WHY, "%s", fault != NULL ? fault : answer + 1);
	child_end(c, false);
	return NULL;
}

/* Each is asked by its number. */
static char *
all_programs(void)
{
	struct buf b = { 0 };
	size_t i;

	buf_puts(&b, ". as [$n, $it] | $it |");
	for (i = 0; i < pool.n; i++)
		buf_printf(&b, " %s $n == %zu then (\n%s\n)", i == 0 ? "if" :
		    "elif", i, pool.v[i]->text);
	buf_puts(&b, " else empty end");
	return b.p;
}

static size_t
place(const struct jq *jq)
{
	size_t i;

	for (i = 0; pool.v[i] != jq; i++)
		;
	return i;
}

static void
free_program(struct jq *jq)
{
	while (jq->nfields > 0)
		free(jq->fields[--jq->nfields]);
	free(jq->text);
	free(jq);
}

struct jq *
prog_open(const char *text, char *why)
{
	struct jq *jq;
	size_t i;

	for (i = 0; i < pool.n; i++)
		if (strcmp(pool.v[i]->text, text) == 0) {
			pool.v[i]->users++;
			return pool.v[i];
		}
	jq = xcalloc(1, sizeof(*jq));
	*jq = (struct jq){ .text = xstrdup(text), .users = 1 };
	if (!is_fit(text, jq, why)) {
		free_program(jq);
		return NULL;
	}
	pool.v = xrealloc(pool.v, (pool.n + 1) * sizeof(*pool.v));
	pool.v[pool.n++] = jq;
	child_end(pool.child, false);
	pool.child = NULL;
	return jq;
}

void
prog_close(struct jq *jq)
{
	size_t i;

	if (jq == NULL || --jq->users > 0)
		return;
	i = place(jq);
	memmove(pool.v + i, pool.v + i + 1, (--pool.n - i) * sizeof(*pool.v));
	child_end(pool.child, false);
	pool.child = NULL;
	free_program(jq);
	if (pool.n == 0) {
		free(pool.v);
		pool.v = NULL;
		if (pool.begun)
			arena_free(&pool.a);
		pool.begun = false;
	}
}

int
prog_fields(const struct jq *jq, const char **names, int max)
{
	int i;

	if (jq->nfields > max)
		return -1;
	for (i = 0; i < jq->nfields; i++)
		names[i] = jq->fields[i];
	return jq->nfields;
}

int
prog_check(const struct jq *jq, char *why)
{
	struct child *c;
	bool refused;

	c = begin(jq->text, why, &refused);
	child_end(c, false);
	return c != NULL ? DONE : refused ? MISUSE : TEMPFAIL;
}

static const char *
ask(const struct jq *jq, const char *json, size_t len, const char **answer,
    size_t *n, char *why)
{
	char *program, *line;
	bool refused;

	if (pool.child == NULL) {
		program = all_programs();
		pool.child = begin(program, why, &refused);
		free(program);
		if (pool.child == NULL)
			return why;
	}
	line = arena_printf(&pool.a, "[%zu,", place(jq));
	line = arena_printf(&pool.a, "%s%.*s]\n", line, (int)len, json);
	return child_ask(pool.child, line, strlen(line), PATIENCE, answer, n)
	    == NULL ? NULL : "it takes more time or memory than it may";
}

enum jq_result
prog_ask(const struct jq *jq, const char *json, size_t len, const char **value,
    size_t *n, char *why)
{
	const char *fault, *answer = "";

	if (!pool.begun)
		arena_init(&pool.a);
	pool.begun = true;
	arena_reset(&pool.a);
	*value = NULL;
	*n = 0;
	if ((fault = ask(jq, json, len, &answer, n, why)) != NULL) {
		if (fault != why)
			snprintf(why, JQ_WHY, "%s", fault);
		child_end(pool.child, false);
		pool.child = NULL;
		return JQ_FAILED;
	}
	if (*answer == '!') {
		snprintf(why, JQ_WHY, "%s", answer + 1);
		return JQ_RAISED;
	}
	if (*answer == '=') {
		*value = answer + 1;
		*n -= 1;
	}
	return JQ_DONE;
}
