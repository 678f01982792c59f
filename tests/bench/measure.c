/* measure - run a command, and print what it took: seconds, seconds of
 * processor, kilobytes at most */

#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

static const char usage[] =
    "usage: measure command [argument ...]\n"
    "       measure -n runs command [argument ...]	least and median seconds\n";

struct cost {
	double	wall, cpu;
	long	kb;
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Its output goes nowhere; a failure of it is one of ours. */
static struct cost
run(char **argv)
{
	extern char **environ;
	posix_spawn_file_actions_t files;
	struct rusage u;
	struct cost c;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null",
	    O_WRONLY, 0);
	c.wall = now();
	if ((status = posix_spawnp(&pid, argv[0], &files, NULL, argv,
	    environ)) != 0)
		errx(MISUSE, "cannot run '%s': %s", argv[0], strerror(status));
	if (wait4(pid, &status, 0, &u) == -1)
		err(TEMPFAIL, "cannot wait for '%s'", argv[0]);
	c.wall = now() - c.wall;
	c.cpu = u.ru_utime.tv_sec + u.ru_stime.tv_sec +
	    (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
	c.kb = u.ru_maxrss;
	posix_spawn_file_actions_destroy(&files);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		errx(REJECTED, "'%s' failed", argv[0]);
	return c;
}

static int
by_wall(const void *a, const void *b)
{
	const struct cost *x = a, *y = b;

	return x->wall < y->wall ? -1 : x->wall > y->wall;
}

int
main(int argc, char *argv[])
{
	struct cost *v;
	int ch, i, n = 0;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "+n:")) != -1)
		switch (ch) {
		case 'n':
			n = count_option(ch, optarg, 100000);
			break;
		default:
			misuse(usage);
		}
	argv += optind;
	if (*argv == NULL)
		misuse(usage);
	if (n == 0) {
		struct cost c = run(argv);
		printf("%.6f %.6f %ld\n", c.wall, c.cpu, c.kb);
		return out_close(DONE);
	}
	v = xcalloc(n, sizeof(*v));
	for (i = 0; i < n; i++)
		v[i] = run(argv);
	qsort(v, n, sizeof(*v), by_wall);
	printf("%.6f %.6f\n", v[0].wall, v[n / 2].wall);
	return out_close(DONE);
}
