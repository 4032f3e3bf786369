/* orphans RECORDS: makes as many orphans as ORPHANS says, each of which ends at
   once; reports when it begins and when it has made them; and stays. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "record.h"

int main(int argc, char **argv)
{
	int n = getenv("ORPHANS") ? atoi(getenv("ORPHANS")) : 0;
	if (argc < 2)
		return 2;
	note(argv[1], BEGUN, now());
	for (int i = 0; i < n; i++) {
		pid_t parent = fork();
		if (parent == 0) {
			fork();
			_exit(0);
		}
		if (parent < 0 || waitpid(parent, 0, 0) < 0)
			return 1;
	}
	note(argv[1], MADE, now());
	for (;;)
		pause();
}
