/* pour GO MEGABYTES: when the file GO is there, writes so many in lines of 128 bytes,
   64 KiB at a time, as fast as they are taken. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char block[65536];

int main(int argc, char **argv)
{
	long left;
	size_t i;

	if (argc != 3)
		return 2;
	memset(block, 'x', sizeof block);
	for (i = 127; i < sizeof block; i += 128)
		block[i] = '\n';
	while (access(argv[1], F_OK) != 0)
		usleep(1000);
	for (left = atol(argv[2]) << 20; left > 0;) {
		ssize_t n = write(1, block + (sizeof block - left % sizeof block) % sizeof block, left % sizeof block ? left % sizeof block : sizeof block);

		if (n > 0)
			left -= n;
		else if (errno != EINTR)
			return 1;
	}
	for (;;)
		pause();
}
