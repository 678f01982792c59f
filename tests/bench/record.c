/* record - apply events to a site as es-apply does, and write down every call
 * of SQLite that this took: the database's functions are defined here, and
 * call those of the library */

#include <dlfcn.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "record.h"
#include "sync/sync.h"

static const char usage[] = "usage: record site record <events\n";

enum { STATEMENTS = 512 };
static sqlite3_stmt *stmts[STATEMENTS];
static struct buf last;			/* the long text bound last */
static FILE *record;
static int inside;			/* the library calls itself */

static void
put(enum call call, int stmt, int arg, int64_t value, const char *text,
    size_t len)
{
	struct call_head h = { .call = call, .arg = arg, .stmt = stmt,
	    .len = len, .value = value };

	if (inside > 0)
		return;
	fwrite(&h, sizeof(h), 1, record);
	if (text != NULL) {
		fwrite(text, 1, len, record);
		putc('\0', record);
	}
}

static int
number_of(const sqlite3_stmt *stmt)
{
	int i;

	for (i = 0; i < STATEMENTS; i++)
		if (stmts[i] == stmt)
			return i;
	if (inside > 0)
		return 0;
	errx(MISUSE, "too many statements, or one that was not prepared");
}

/* The library's function behind the one of that name here. */
#define BEHIND(name) \
	static __typeof__(&name) behind; \
	if (behind == NULL) \
		*(void **)&behind = dlsym(RTLD_NEXT, #name)

int
sqlite3_open_v2(const char *path, sqlite3 **db, int flags, const char *vfs)
{
	int r;

	BEHIND(sqlite3_open_v2);
	put(C_OPEN, 0, 0, flags, NULL, 0);
	inside++;
	r = behind(path, db, flags, vfs);
	inside--;
	return r;
}

int
sqlite3_exec(sqlite3 *db, const char *sql, sqlite3_callback call, void *arg,
    char **msg)
{
	int r;

	BEHIND(sqlite3_exec);
	put(C_EXEC, 0, 0, 0, sql, strlen(sql));
	inside++;
	r = behind(db, sql, call, arg, msg);
	inside--;
	return r;
}

int
sqlite3_prepare_v3(sqlite3 *db, const char *sql, int n, unsigned flags,
    sqlite3_stmt **stmt, const char **tail)
{
	int i = number_of(NULL), r;

	BEHIND(sqlite3_prepare_v3);
	put(C_PREPARE, i, 0, flags, sql, strlen(sql));
	inside++;
	r = behind(db, sql, n, flags, stmt, tail);
	inside--;
	if (inside == 0)
		stmts[i] = *stmt;
	return r;
}

int
sqlite3_bind_int64(sqlite3_stmt *stmt, int i, sqlite3_int64 value)
{
	BEHIND(sqlite3_bind_int64);
	put(C_INT, number_of(stmt), i, value, NULL, 0);
	return behind(stmt, i, value);
}

int
sqlite3_bind_null(sqlite3_stmt *stmt, int i)
{
	BEHIND(sqlite3_bind_null);
	put(C_NULL, number_of(stmt), i, 0, NULL, 0);
	return behind(stmt, i);
}

/* A document is bound twice, for itself and for the journal: it is one text
 * in memory, and is to be one in the replay. */
int
sqlite3_bind_text(sqlite3_stmt *stmt, int i, const char *text, int n,
    void (*destroy)(void *))
{
	size_t len = text == NULL ? 0 : n < 0 ? strlen(text) : (size_t)n;

	BEHIND(sqlite3_bind_text);
	if (text == NULL)
		put(C_NULL, number_of(stmt), i, 0, NULL, 0);
	else if (len >= C_LONG && len == last.len &&
	    memcmp(text, last.p, len) == 0)
		put(C_AGAIN, number_of(stmt), i, 0, NULL, len);
	else {
		put(C_TEXT, number_of(stmt), i, 0, text, len);
		if (len >= C_LONG) {
			last.len = 0;
			buf_add(&last, text, len);
		}
	}
	return behind(stmt, i, text, n, destroy);
}

int
sqlite3_step(sqlite3_stmt *stmt)
{
	int r;

	BEHIND(sqlite3_step);
	put(C_STEP, number_of(stmt), 0, 0, NULL, 0);
	inside++;
	r = behind(stmt);
	inside--;
	return r;
}

int
sqlite3_reset(sqlite3_stmt *stmt)
{
	BEHIND(sqlite3_reset);
	put(C_RESET, number_of(stmt), 0, 0, NULL, 0);
	return behind(stmt);
}

int
sqlite3_finalize(sqlite3_stmt *stmt)
{
	int i;

	BEHIND(sqlite3_finalize);
	if (stmt != NULL && inside == 0) {
		i = number_of(stmt);
		put(C_FINALIZE, i, 0, 0, NULL, 0);
		stmts[i] = NULL;
	}
	return behind(stmt);
}

int
main(int argc, char *argv[])
{
	struct apply_options o = { 0 };
	struct apply_counts counts;
	struct ndjson in;
	struct apply *a;
	struct site *s;
	int status = 0;

	start(argc, argv, usage);
	if (argc != 3)
		misuse(usage);
	if ((record = fopen(argv[2], "w")) == NULL)
		err(TEMPFAIL, "cannot make '%s'", argv[2]);
	if ((s = site_open(argv[1], SITE_WRITE, &status)) == NULL)
		return status;
	a = apply_open(s, &o);
	ndjson_open(&in, STDIN_FILENO, "stdin");
	while (status == 0 && ndjson_line(&in) == 1)
		status = apply_line(a, "stdin", in.line, in.len);
	status = apply_close(a, &counts);
	site_close(s);
	if (fclose(record) == EOF)
		err(TEMPFAIL, "cannot write '%s'", argv[2]);
	if (counts.applied != counts.events)
		errx(REJECTED, "%lld of %lld events applied",
		    (long long)counts.applied, (long long)counts.events);
	return status;
}
