/* db.c - SQLite; the only file that calls it */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/base.h"

enum { CACHE_KB = 16 << 10, STATEMENTS = 512 };
#ifdef ES_KILLPOINTS
enum { BUSY_MS = 500 };			/* a test build need not wait long */
#else
enum { BUSY_MS = 60000 };
#endif

struct query {
	struct db	*db;
	sqlite3_stmt	*stmt;
	const char	*sql;		/* the literal; NULL if built */
	bool		 busy;		/* between its first and last row */
};

struct db {
	sqlite3		*handle;
	char		*path;
	struct query	 queries[STATEMENTS];	/* by address of the literal */
	int		 failed;
	bool		 passing;	/* it may be better when tried again */
	bool		 patient;	/* as at first: a lock that stays is a failure */
	int64_t		 deadline;	/* 0: none */
	bool		 late;
};

/* The first failure is told, all later ones follow from it. */
static int
fail(struct db *db, const char *doing)
{
	int code = sqlite3_errcode(db->handle);

	if (!db->failed) {
		if ((code & 0xff) == SQLITE_BUSY)
			warnx("cannot %s '%s': another program is writing to it; "
			    "run again", doing, safe(db->path));
		else if ((code & 0xff) == SQLITE_NOTADB ||
		    (code & 0xff) == SQLITE_CORRUPT)
			warnx("cannot %s '%s': %s; restore it from a backup",
			    doing, safe(db->path), sqlite3_errmsg(db->handle));
		else if ((code & 0xff) == SQLITE_FULL ||
		    sqlite3_system_errno(db->handle) == ENOSPC)
			warnx("cannot %s '%s': the disk is full; make room and "
			    "run again", doing, safe(db->path));
		else if (strcmp(doing, "open") == 0 &&
		    sqlite3_system_errno(db->handle) != 0)
			warnx("cannot %s '%s': %s", doing, safe(db->path),
			    strerror(sqlite3_system_errno(db->handle)));
		else
			warnx("cannot %s '%s': %s", doing, safe(db->path),
			    sqlite3_errmsg(db->handle));
		db->failed = TEMPFAIL;
		db->passing = (code & 0xff) == SQLITE_FULL ||
		    (code & 0xff) == SQLITE_BUSY ||
		    sqlite3_system_errno(db->handle) == ENOSPC;
	}
	return -1;
}

void
db_refuse(struct db *db, const char *why)
{
	if (!db->failed) {
		warnx("cannot write '%s': %s", safe(db->path), why);
		db->failed = TEMPFAIL;
		db->passing = true;
	}
}

int
db_failed(const struct db *db)
{
	return db->failed;
}

bool
db_mend(struct db *db)
{
	if (db->failed && db->passing) {
		db_rollback(db);
		db->failed = 0;
	}
	return !db->failed;
}

/* ---- opening */

/* A link, another's file or one that others may open is refused before
 * SQLite sees it. */
static int
check_file(const char *path, int flags)
{
	struct stat st;

	if (lstat(path, &st) == -1) {
		if (errno == ENOENT && (flags & DB_CREATE))
			return 0;
		warn("cannot open '%s'", safe(path));
		return errno == ENOENT || errno == ENOTDIR ? MISUSE : TEMPFAIL;
	}
	if (S_ISLNK(st.st_mode))
		warnx("'%s' is a symbolic link; name the file itself",
		    safe(path));
	else if (!S_ISREG(st.st_mode))
		warnx("'%s' is not a file", safe(path));
	else if (st.st_uid != geteuid() && geteuid() != 0)
		warnx("'%s' belongs to another user", safe(path));
	else if (st.st_mode & 077)
		warnx("'%s' is open to other users; run: chmod 600 %s",
		    safe(path), safe(path));
	else
		return 0;
	return MISUSE;
}

static int
configure(struct db *db, int flags)
{
	sqlite3 *h = db->handle;
	int ok;

	sqlite3_extended_result_codes(h, 1);
	sqlite3_busy_timeout(h, BUSY_MS);
	sqlite3_db_config(h, SQLITE_DBCONFIG_DEFENSIVE, 1, &ok);
	sqlite3_db_config(h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, &ok);
	sqlite3_limit(h, SQLITE_LIMIT_LENGTH, 64 << 20);
	if (flags & DB_CREATE)
		db_exec(db, "PRAGMA page_size=4096; PRAGMA journal_mode=WAL;");
	db_exec(db, "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000;"
	    "PRAGMA foreign_keys=OFF; PRAGMA temp_store=MEMORY;");
	db_exec(db, "PRAGMA cache_size=-16384;");
	if (flags & DB_READONLY)
		db_exec(db, "PRAGMA query_only=1;");
	return db->failed ? -1 : 0;
}

/* A medium that cannot be written has no room for the file of locks that WAL
 * wants, nor need for it; but what a writer left in its log would be missed. */
static bool
is_fixed(const char *path)
{
	struct stat st;
	char *wal;
	bool fixed;

	if (access(path, W_OK) == 0 || errno != EROFS)
		return false;
	wal = xprintf("%s-wal", path);
	fixed = stat(wal, &st) == -1 || st.st_size == 0;
	free(wal);
	return fixed;
}

/* The path as SQLite wants it for such a file. */
static char *
fixed_uri(const char *path)
{
	struct buf b = { 0 };

	buf_puts(&b, "file:");
	for (; *path != '\0'; path++)
		if (strchr("%?#", *path) != NULL)
			buf_printf(&b, "%%%02x", (unsigned)*path);
		else
			buf_add(&b, path, 1);
	buf_puts(&b, "?immutable=1");
	return b.p;
}

struct db *
db_open(const char *path, int flags, int *status)
{
	struct db *db;
	char *name;
	int how = SQLITE_OPEN_READWRITE, r;

	if ((*status = check_file(path, flags)) != 0)
		return NULL;
	/* What can only be read is good enough for a reader. */
	if ((flags & DB_READONLY) && access(path, W_OK) == -1)
		how = SQLITE_OPEN_READONLY;
	if (flags & DB_CREATE)
		how |= SQLITE_OPEN_CREATE;
	if (how == SQLITE_OPEN_READONLY && is_fixed(path)) {
		name = fixed_uri(path);
		how |= SQLITE_OPEN_URI;
	} else
		name = xstrdup(path);
	how |= SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX;
	/* One thread, and nobody asks how much memory SQLite uses: it need
	 * not lock or count. */
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	db = xcalloc(1, sizeof(*db));
	db->path = xstrdup(path);
	db->patient = true;
	r = sqlite3_open_v2(name, &db->handle, how, NULL);
	free(name);
	if (r != SQLITE_OK) {
		fail(db, "open");
		*status = sqlite3_system_errno(db->handle) == ENOENT ?
		    MISUSE : TEMPFAIL;
	} else if (!(flags & DB_READONLY) &&
	    sqlite3_db_readonly(db->handle, "main") == 1) {
		warnx("cannot write '%s': the file is read-only", safe(path));
		*status = TEMPFAIL;
	} else if (configure(db, flags) == -1)
		*status = TEMPFAIL;
	if (*status == 0)
		return db;
	db_close(db);
	return NULL;
}

void
db_close(struct db *db)
{
	size_t i;

	if (db == NULL)
		return;
	for (i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(db->queries[i].stmt);
	if (sqlite3_close(db->handle) != SQLITE_OK && !db->failed)
		warnx("cannot close '%s': %s", safe(db->path),
		    sqlite3_errmsg(db->handle));
	free(db->path);
	free(db);
}

/* ---- statements */

static int
prepare(struct query *q, const char *sql, unsigned flags)
{
	struct db *db = q->db;

	if (sqlite3_prepare_v3(db->handle, sql, -1, flags, &q->stmt, NULL) !=
	    SQLITE_OK) {
		q->stmt = NULL;
		return fail(db, "use");
	}
	return 0;
}

static struct query *
cached(struct db *db, const char *sql)
{
	size_t i = (uintptr_t)sql / 8 % STATEMENTS;
	struct query *q;

	for (;; i = (i + 1) % STATEMENTS) {
		q = &db->queries[i];
		if (q->sql == sql)
			break;
		if (q->sql == NULL) {
			q->sql = sql;
			q->db = db;
			break;
		}
	}
	if (q->stmt == NULL && !db->failed)
		prepare(q, sql, SQLITE_PREPARE_PERSISTENT);
	if (q->busy)
		errx(TEMPFAIL, "a query was begun twice: %.60s", sql);
	return q;
}

static void
bind(struct query *q, const char *types, va_list ap)
{
	const char *s;
	int i;

	if (q->stmt == NULL)
		return;
	for (i = 1; *types != '\0'; types++, i++)
		switch (*types) {
		case 'i':
			sqlite3_bind_int64(q->stmt, i, va_arg(ap, int64_t));
			break;
		case 's':
			s = va_arg(ap, const char *);
			sqlite3_bind_text(q->stmt, i, s, -1, SQLITE_STATIC);
			break;
		case 't':
			s = va_arg(ap, const char *);
			sqlite3_bind_text(q->stmt, i, s, (int)va_arg(ap, size_t),
			    SQLITE_STATIC);
			break;
		default:
			sqlite3_bind_null(q->stmt, i);
		}
}

struct query *
db_query(struct db *db, const char *sql, const char *types, ...)
{
	struct query *q = cached(db, sql);
	va_list ap;

	va_start(ap, types);
	bind(q, types, ap);
	va_end(ap);
	return q;
}

struct query *
db_query_text(struct db *db, const char *sql, const char *types, ...)
{
	struct query *q = xcalloc(1, sizeof(*q));
	va_list ap;

	q->db = db;
	if (!db->failed)
		prepare(q, sql, 0);
	va_start(ap, types);
	bind(q, types, ap);
	va_end(ap);
	return q;
}

void
db_bind_text(struct query *q, int i, const char *s, size_t n)
{
	if (q->stmt != NULL)
		sqlite3_bind_text(q->stmt, i, s, (int)n, SQLITE_TRANSIENT);
}

void
db_bind_int(struct query *q, int i, int64_t v)
{
	if (q->stmt != NULL)
		sqlite3_bind_int64(q->stmt, i, v);
}

int
db_step(struct query *q)
{
	struct db *db = q->db;
	int r;

	if (db->failed || q->stmt == NULL) {
		db_end(q);
		return -1;
	}
	r = sqlite3_step(q->stmt);
	if (r == SQLITE_ROW) {
		q->busy = true;
		return 1;
	}
	if (r == SQLITE_INTERRUPT)
		db->late = true;
	else if (r != SQLITE_DONE)
		fail(db, "use");
	db_end(q);
	return r == SQLITE_DONE ? 0 : -1;
}

void
db_end(struct query *q)
{
	q->busy = false;
	if (q->sql == NULL) {
		sqlite3_finalize(q->stmt);
		free(q);
	} else if (q->stmt != NULL)
		sqlite3_reset(q->stmt);
}

int64_t
db_int(struct query *q, int col)
{
	return sqlite3_column_int64(q->stmt, col);
}

const char *
db_text(struct query *q, int col)
{
	return (const char *)sqlite3_column_text(q->stmt, col);
}

size_t
db_len(struct query *q, int col)
{
	return sqlite3_column_bytes(q->stmt, col);
}

bool
db_isnull(struct query *q, int col)
{
	return sqlite3_column_type(q->stmt, col) == SQLITE_NULL;
}

int
db_columns(struct query *q)
{
	return q->stmt == NULL ? 0 : sqlite3_column_count(q->stmt);
}

const char *
db_column_name(struct query *q, int col)
{
	return sqlite3_column_name(q->stmt, col);
}

int
db_do(struct db *db, const char *sql, const char *types, ...)
{
	struct query *q = cached(db, sql);
	va_list ap;
	int r;

	va_start(ap, types);
	bind(q, types, ap);
	va_end(ap);
	while ((r = db_step(q)) == 1)
		;
	return r;
}

int
db_exec(struct db *db, const char *script)
{
	if (db->failed)
		return -1;
	if (sqlite3_exec(db->handle, script, NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, "use");
	return 0;
}

int64_t
db_get(struct db *db, int64_t dflt, const char *sql, const char *types, ...)
{
	struct query *q = cached(db, sql);
	va_list ap;

	va_start(ap, types);
	bind(q, types, ap);
	va_end(ap);
	if (db_step(q) != 1)
		return dflt;
	if (!db_isnull(q, 0))
		dflt = db_int(q, 0);
	db_end(q);
	return dflt;
}

int64_t
db_rowid(struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

int64_t
db_changes(struct db *db)
{
	return sqlite3_changes64(db->handle);
}

/* ---- limits */

static int
is_late(void *arg)
{
	const struct db *db = arg;

	return time_steady() >= db->deadline;
}

void
db_deadline(struct db *db, int64_t ms)
{
	enum { STEPS = 10000 };		/* some 100 microseconds */

	db->late = false;
	db->deadline = time_steady() + ms;
	sqlite3_progress_handler(db->handle, STEPS, ms > 0 ? is_late : NULL, db);
}

bool
db_late(const struct db *db)
{
	return db->late;
}

/* ---- transactions */

/* A test build dies at the nth commit point, counted from 1: each commit has
 * one just before and one just after it. */
static void
kill_point(void)
{
#ifdef ES_KILLPOINTS
	static long n;
	const char *at = getenv("ES_KILL_AT");

	if (at != NULL && ++n == atol(at))
		raise(SIGKILL);
#endif
}

void
db_patience(struct db *db, int64_t ms)
{
	sqlite3_busy_timeout(db->handle, (int)ms);
	db->patient = false;
}

/* sqlite3_exec, as an answer of SQLITE_BUSY need not be a failure. */
int
db_begin(struct db *db)
{
	int r;

	if (db->failed)
		return -1;
	r = sqlite3_exec(db->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (r == SQLITE_OK)
		return 0;
	if ((r & 0xff) != SQLITE_BUSY || db->patient)
		fail(db, "use");
	return -1;
}

int
db_begin_read(struct db *db)
{
	return db_do(db, "BEGIN", "");
}

int
db_commit(struct db *db)
{
	int r;

	kill_point();
	r = db_do(db, "COMMIT", "");
	if (r == 0)
		kill_point();
	else
		db_rollback(db);
	return r;
}

void
db_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

void
db_savepoint(struct db *db)
{
	db_do(db, "SAVEPOINT event", "");
}

void
db_release(struct db *db)
{
	db_do(db, "RELEASE event", "");
}

void
db_undo(struct db *db)
{
	db_do(db, "ROLLBACK TO event", "");
	db_do(db, "RELEASE event", "");
}
