/*
 * writer SEED BURST REST: writes lines that follow from SEED and their number, BURST
 * bytes and the rest of a line as fast as it can, then nothing for REST milliseconds,
 * and so on. TERM ends it, after a line that says how many there were.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT 8192
#define BLOCK 65536

static volatile sig_atomic_t over;
static char text[TEXT];
static char block[BLOCK + TEXT + 64];

static void term(int signal) { (void)signal; over = 1; }

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* Most lines are short, and one in 256 is long. */
static size_t line(char *to, uint64_t seed, uint64_t i)
{
	uint64_t h = mix(seed << 40 ^ i);
	size_t length = h % 256 ? (h >> 8) % 300 : (h >> 8) % (TEXT / 2);
	size_t n = sprintf(to, "%llu %llu ", (unsigned long long)seed, (unsigned long long)i);

	memcpy(to + n, text + (h >> 32) % (TEXT / 2), length);
	to[n + length] = '\n';
	return n + length + 1;
}

static void put(const char *from, size_t n)
{
	while (n > 0) {
		ssize_t m = write(1, from, n);

		if (m < 0 && errno != EINTR) {
			perror("write");
			exit(1);
		}
		if (m > 0) {
			from += m;
			n -= m;
		}
	}
}

int main(int argc, char **argv)
{
	uint64_t seed, i = 0;
	long burst, rest;
	size_t n;
	int k;

	if (argc != 4)
		return 2;
	struct sigaction act = {.sa_handler = term};
	sigaction(SIGTERM, &act, NULL);
	seed = strtoull(argv[1], NULL, 10);
	burst = atol(argv[2]);
	rest = atol(argv[3]);
	for (k = 0; k < TEXT; k++)
		text[k] = 33 + mix(k) % 94;
	while (!over) {
		long left = burst;
		struct timespec pause = {rest / 1000, rest % 1000 * 1000000};

		while (left > 0 && !over) {
			for (n = 0; n < BLOCK && left > (long)n;)
				n += line(block + n, seed, i++);
			put(block, n);
			left -= n;
		}
		if (!over)
			nanosleep(&pause, NULL);
	}
	n = sprintf(block, "%llu wrote %llu lines\n", (unsigned long long)seed, (unsigned long long)i);
	put(block, n);
	return 0;
}
