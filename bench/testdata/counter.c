/* Writes 1, 2, 3, ... to a file, one line each 20 ms; TERM ends it with 42. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void term(int signal) { (void)signal; _exit(42); }

int main(int argc, char **argv)
{
	char line[32];
	int fd, n, i;

	signal(SIGTERM, term);
	fd = open(argc > 1 ? argv[1] : "", O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (fd < 0)
		return 1;
	for (i = 1;; i++) {
		n = snprintf(line, sizeof line, "%d\n", i);
		if (write(fd, line, n) != n)
			return 2;
		usleep(20000);
	}
}
