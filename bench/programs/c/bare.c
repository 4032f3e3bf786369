/* bare-c N PROGRAM ARGS...: the least that keeps N children running. What ends
   is started again at once; USR1 asks for one more; TERM ends all. As PID 1 it
   reaps everything. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 1 << 16 };

static char **command, **environment;
static volatile pid_t mine[MOST];
static volatile int many, leaving;

static void start(int slot)
{
	pid_t pid = vfork();
	if (pid == 0) {
		execve(command[0], command, environment);
		_exit(127);
	}
	mine[slot] = pid;
	if (leaving && pid > 0)
		kill(pid, SIGTERM);
}

static void more(int sig)
{
	int saved = errno;
	(void)sig;
	if (many < MOST)
		start(many++);
	errno = saved;
}

static void leave(int sig)
{
	int saved = errno;
	(void)sig;
	leaving = 1;
	for (int i = 0; i < many; i++)
		if (mine[i] > 0)
			kill(mine[i], SIGTERM);
	errno = saved;
}

/* slots finds a pid's slot: a table by pid, since pids are small. */
static int slots[1 << 22];

int main(int argc, char **argv, char **env)
{
	if (argc < 3)
		return 2;
	int n = atoi(argv[1]);
	command = argv + 2, environment = env;
	struct sigaction on_usr1 = {.sa_handler = more, .sa_flags = SA_RESTART}, on_term = {.sa_handler = leave};
	sigaction(SIGUSR1, &on_usr1, 0);
	sigaction(SIGTERM, &on_term, 0);
	while (many < n)
		start(many++);
	for (int i = 0; i < n; i++)
		slots[mine[i]] = i + 1;
	for (;;) {
		pid_t pid = waitpid(-1, 0, 0);
		if (pid < 0) {
			if (errno == ECHILD && leaving)
				return 0;
			if (errno == ECHILD)
				pause();
			continue;
		}
		int i = slots[pid] - 1;
		if (i < 0) { /* one that was asked for later, or an orphan */
			for (i = many - 1; i >= n && mine[i] != pid; i--)
				;
			if (i < n)
				continue;
		}
		slots[pid] = 0;
		mine[i] = 0;
		if (!leaving) {
			start(i);
			if (mine[i] > 0)
				slots[mine[i]] = i + 1;
		}
	}
}
