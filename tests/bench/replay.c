/* replay - ask SQLite again what was recorded: the same statements with the
 * same values, all in memory before the clock starts */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <sqlite3.h>

#include "base/base.h"
#include "record.h"

static const char usage[] = "usage: replay site record\n";

enum { STATEMENTS = 512 };

struct calls {
	struct call_head *v;
	size_t		 n, cap;
};

/* The texts stay where they were read. */
static void
load(const char *path, struct calls *c)
{
	const char *p, *end, *last = NULL;
	struct call_head h;
	size_t len;

	if ((p = file_read(path, &len)) == NULL)
		exit(TEMPFAIL);
	for (end = p + len; p < end; c->v[c->n++] = h) {
		if (c->n == c->cap) {
			c->cap = c->cap == 0 ? 1 << 20 : c->cap * 2;
			c->v = xrealloc(c->v, c->cap * sizeof(*c->v));
		}
		memcpy(&h, p, sizeof(h));
		p += sizeof(h);
		if (h.call == C_AGAIN) {
			h.call = C_TEXT;
			h.text = last;
		} else if (h.call == C_EXEC || h.call == C_PREPARE ||
		    h.call == C_TEXT) {
			if (h.call == C_PREPARE)
				h.arg = (uint8_t)h.value;
			h.text = p;
			if (h.call == C_TEXT && h.len >= C_LONG)
				last = p;
			p += h.len + 1;
		}
	}
}

static void
check(sqlite3 *db, int code)
{
	if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE)
		errx(TEMPFAIL, "%s", sqlite3_errmsg(db));
}

static void
replay(const char *path, const struct calls *c)
{
	sqlite3_stmt *stmts[STATEMENTS] = { NULL };
	const struct call_head *h;
	sqlite3 *db = NULL;
	int r = SQLITE_OK;

	for (h = c->v; h < c->v + c->n; h++, check(db, r))
		switch (h->call) {
		case C_OPEN:
			r = sqlite3_open_v2(path, &db, (int)h->value, NULL);
			break;
		case C_EXEC:
			r = sqlite3_exec(db, h->text, NULL, NULL, NULL);
			break;
		case C_PREPARE:
			r = sqlite3_prepare_v3(db, h->text, -1, h->arg,
			    &stmts[h->stmt], NULL);
			break;
		case C_INT:
			r = sqlite3_bind_int64(stmts[h->stmt], h->arg, h->value);
			break;
		case C_TEXT:
			r = sqlite3_bind_text(stmts[h->stmt], h->arg, h->text,
			    (int)h->len, SQLITE_STATIC);
			break;
		case C_NULL:
			r = sqlite3_bind_null(stmts[h->stmt], h->arg);
			break;
		case C_STEP:
			r = sqlite3_step(stmts[h->stmt]);
			break;
		case C_RESET:
			r = sqlite3_reset(stmts[h->stmt]);
			break;
		case C_FINALIZE:
			r = sqlite3_finalize(stmts[h->stmt]);
			break;
		default:
			errx(MISUSE, "not a record of calls");
		}
	check(db, sqlite3_close(db));
}

static double
cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_utime.tv_sec + u.ru_stime.tv_sec +
	    (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double
wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int
main(int argc, char *argv[])
{
	struct calls c = { 0 };
	double w, p;

	/* As db.c has it. */
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	start(argc, argv, usage);
	if (argc != 3)
		misuse(usage);
	load(argv[2], &c);
	w = wall();
	p = cpu();
	replay(argv[1], &c);
	printf("%.6f %.6f\n", wall() - w, cpu() - p);
	return out_close(DONE);
}
