package logs

import (
	"bytes"
	"fmt"
)

// lastStretch is how far before its full size a file is put aside at the next
// end of a line that is followed by what does not fit, or has no end yet.
func lastStretch(size int64) int64 { return min(64<<10, size/4) }

// fit says how many of the bytes that come next are to go into a file that has
// room bytes left, and whether it is to be put aside then. Whole lines go, and
// the file ends with one of them; what has no end goes only if it fits, and it
// cannot be helped. atStart: the file ends with a line, or is empty.
func fit(next []byte, room int64, empty, atStart bool) (n int, aside bool) {
	within := next[:max(0, min(int64(len(next)), room))]
	if end := bytes.LastIndexByte(within, '\n') + 1; end > 0 {
		return end, end < len(next)
	}
	switch {
	case atStart && !empty:
		return 0, true
	case len(within) == len(next):
		return len(next), false
	}
	return len(within), true // the line is cut
}

// bucket lets through so many bytes a second, and as many at once.
type bucket struct {
	tokens   float64
	at       int64 // when they were counted, in nanoseconds
	inLine   bool  // the line that has begun is kept
	skipping bool  // it is dropped
}

// longestOverdraft is how much of a line that has begun is kept though it is
// more than the rate allows.
const longestOverdraft = 64 << 10

// next says of the bytes that come next how many to keep, or to drop. cut: the
// line before them was begun and is not kept to its end.
func (b *bucket) next(next []byte, now int64, rate float64) (n int, keep, cut bool) {
	if now > b.at {
		b.tokens = min(rate, b.tokens+rate*float64(now-b.at)/1e9)
		if b.at == 0 {
			b.tokens = rate
		}
		b.at = now
	}
	if b.inLine && b.tokens < -longestOverdraft {
		b.inLine, b.skipping, cut = false, true, true
	}
	if b.skipping {
		n = bytes.IndexByte(next, '\n') + 1
		if n > 0 {
			b.skipping = false
			return n, false, cut
		}
		return len(next), false, cut
	}
	if !b.inLine && b.tokens <= 0 {
		n = bytes.LastIndexByte(next, '\n') + 1
		if n == 0 {
			b.skipping, n = true, len(next)
		}
		return n, false, false
	}
	for n < len(next) && (b.inLine || b.tokens > 0) {
		end := bytes.IndexByte(next[n:], '\n') + 1
		b.inLine = end == 0
		if b.inLine {
			end = len(next) - n
		}
		n += end
		b.tokens -= float64(end)
	}
	return n, true, false
}

// dropped is what was not kept.
type dropped struct {
	lines, bytes int64
	why          string
}

func (d *dropped) add(lines, bytes int, why string) {
	d.lines += int64(lines)
	d.bytes += int64(bytes)
	d.why = why
}

// line says so in the log.
func (d *dropped) line() string {
	return fmt.Sprintf("[ncolony: %d %s, %d bytes dropped: %s]\n", d.lines, plural(d.lines, "line", "lines"), d.bytes, d.why)
}

func plural(n int64, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}
