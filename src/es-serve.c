/* es-serve - answer over HTTP for a site */

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/api.h"
#include "site/site.h"

static const char usage[] =
    "usage: es-serve [-qv] [-L limit=number] [-o file] [-s site] [-X command]\n"
    "                [address]\n";

extern char **environ;

struct serve {
	struct api	*api;
	char		**command;	/* of -X; NULL: none */
	pid_t		 pid;		/* it runs; 0 */
	bool		 again;		/* and is to run once more then */
};

/* ---- -X */

/* Words with blanks between; there is no shell to understand more. */
static char **
words(const char *text)
{
	char **v = xcalloc(strlen(text) / 2 + 2, sizeof(*v)), *copy, *word;
	size_t n = 0;

	copy = xstrdup(text);
	for (word = strtok(copy, " \t\n"); word != NULL;
	    word = strtok(NULL, " \t\n"))
		v[n++] = word;
	if (n == 0)
		errx(MISUSE, "-X wants a command");
	return v;
}

/* It does not get our signals: what it does it may finish when we stop. */
static int
spawn(struct serve *v)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, dflt;
	int r;

	sigemptyset(&none);
	sigemptyset(&dflt);
	sigaddset(&dflt, SIGPIPE);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
	    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &dflt);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, 2, 1);
	r = posix_spawnp(&v->pid, *v->command, &files, &attr, v->command,
	    environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return r;
}

static void
notified(void *arg)
{
	struct serve *v = arg;
	int r;

	if (v->command == NULL)
		return;
	if (v->pid != 0)
		v->again = true;
	else if ((r = spawn(v)) != 0) {
		warnx("cannot run '%s': %s", safe(*v->command), strerror(r));
		v->pid = 0;
	}
}

static void
reap(struct serve *v)
{
	int status;

	if (v->pid == 0 || waitpid(v->pid, &status, WNOHANG) != v->pid)
		return;
	if (WIFSIGNALED(status))
		warnx("'%s' ended by signal %d", safe(*v->command),
		    WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		warnx("'%s' ended with status %d", safe(*v->command),
		    WEXITSTATUS(status));
	v->pid = 0;
	if (v->again) {
		v->again = false;
		notified(v);
	}
}

/* ---- */

static void
handle(void *arg, const struct request *rq, struct response *rs)
{
	struct serve *v = arg;

	api_handle(v->api, rq, rs);
}

static void
tick(void *arg, bool busy)
{
	struct serve *v = arg;

	reap(v);
	api_tick(v->api, busy);
}

/* -L name=number */
static void
limit_option(struct listen_options *listen, struct api_options *api,
    const char *arg)
{
	const char *number = strchr(arg, '=');
	size_t n = number == NULL ? 0 : (size_t)(number - arg);

	if (n == 4 && strncmp(arg, "body", n) == 0)
		listen->body_max = count_option('L', number + 1, LINE_MAX_BYTES);
	else if (n == 11 && strncmp(arg, "connections", n) == 0)
		listen->connections = count_option('L', number + 1, 100000);
	else if (n == 4 && strncmp(arg, "idle", n) == 0)
		listen->idle = count_option('L', number + 1, 3600);
	else if (n == 4 && strncmp(arg, "rate", n) == 0)
		api->rate = count_option('L', number + 1, 1000000);
	else if (n == 5 && strncmp(arg, "whole", n) == 0)
		listen->whole = count_option('L', number + 1, 3600);
	else
		errx(MISUSE, "-L wants body, connections, idle, rate or whole, "
		    "= and a number, not '%s'", safe(arg));
}

static bool
say_url(const char *url, const char *file)
{
	FILE *fp;

	if (file != NULL) {
		if ((fp = out_open(file)) == NULL)
			return false;
		fprintf(fp, "{\"url\":\"%s\"}\n", url);
		if (out_rename(fp, file) == -1)
			return false;
	}
	printf("{\"url\":\"%s\"}\n", url);
	/* Nothing more comes: who reads it need not wait. */
	if (fflush(stdout) == 0 && freopen("/dev/null", "we", stdout) != NULL)
		return true;
	warn("cannot write to standard output");
	return false;
}

static int
serve(const struct listen_options *o, const char *file, bool quiet)
{
	struct listen *l;
	int status;

	if ((l = listen_open(o, &status)) == NULL)
		return status;
	if (!quiet && !listen_is_local(l))
		warnx("others can read along at %s: let a server with TLS stand "
		    "before it, see es-serve(1)", listen_url(l));
	status = say_url(listen_url(l), file) ? listen_run(l) : TEMPFAIL;
	listen_close(l);
	return status;
}

int
main(int argc, char *argv[])
{
	struct serve v = { 0 };
	struct api_options api = { .rate = 100, .notified = notified, .arg = &v };
	struct listen_options o = { .body_max = 1 << 20, .handle = handle,
	    .tick = tick, .arg = &v };
	const char *path = NULL, *file = NULL;
	bool quiet = false;
	int ch, status;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "L:o:qs:vX:")) != -1)
		switch (ch) {
		case 'L':
			limit_option(&o, &api, optarg);
			break;
		case 'o':
			file = optarg;
			break;
		case 'q':
			quiet = true;
			break;
		case 's':
			path = optarg;
			break;
		case 'v':
			o.log = true;
			break;
		case 'X':
			v.command = words(optarg);
			break;
		default:
			misuse(usage);
		}
	argv += optind;
	if (argc - optind > 1)
		misuse(usage);
	o.address = *argv;
	api.site = site_path(path);
	if ((v.api = api_open(&api, &status)) == NULL)
		return status;
	status = serve(&o, file, quiet);
	api_close(v.api);
	return out_close(status);
}
