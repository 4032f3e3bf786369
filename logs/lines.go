package logs

import (
	"bytes"
	"io"
	"time"
)

// Line is a line of a stream.
type Line struct {
	At   Position
	Time time.Time // when its first byte came
	Text []byte    // without its end; good until the next line is asked for
	// Whole: it has an end. What is not is the beginning of a line whose rest is not
	// there yet, or a piece of one that is longer than LongestLine.
	Whole bool
}

// LongestLine is how many bytes of a line are held in memory.
const LongestLine = 1 << 20

// lines reads a stream by lines.
type lines struct {
	cursor
	buf   []byte
	begin int      // of what is not given out yet
	at    Position // of buf[begin]
	time  time.Time
	known bool // time is that of buf[begin]
	// pieces: where in buf which file begins; a line may go on in the next.
	pieces []piece
	seen   int // of buf, what has no end of line
}

type piece struct {
	from int // in buf
	at   Position
}

const readSize = 64 << 10

// next returns the next line that has an end. io.EOF: there is none yet.
func (l *lines) next() (Line, error) {
	for {
		if i := bytes.IndexByte(l.buf[l.begin+l.seen:], '\n'); i >= 0 {
			return l.give(l.seen+i, 1), nil
		}
		l.seen = len(l.buf) - l.begin
		if l.seen >= LongestLine {
			return l.give(l.seen, 0), nil
		}
		if err := l.fill(); err != nil {
			return Line{}, err
		}
	}
}

// rest returns what there is of a line that has no end; ok is false if there is
// nothing.
func (l *lines) rest() (line Line, ok bool) {
	if l.begin == len(l.buf) {
		return Line{}, false
	}
	return l.give(len(l.buf)-l.begin, 0), true
}

// give gives out n bytes, and passes over as many more as end says.
func (l *lines) give(n, end int) Line {
	line := Line{At: l.at, Time: l.time, Text: l.buf[l.begin : l.begin+n], Whole: end > 0}
	l.begin += n + end
	l.seen = 0
	for len(l.pieces) > 1 && l.pieces[1].from <= l.begin {
		l.pieces = l.pieces[1:]
	}
	if len(l.pieces) > 0 {
		p := l.pieces[0]
		l.at = Position{p.at.Generation, p.at.Offset + int64(l.begin-p.from)}
	}
	l.known = l.begin < len(l.buf)
	if l.known {
		l.time = l.timeOf(l.at)
	}
	return line
}

// fill reads more.
func (l *lines) fill() error {
	if l.begin > 0 {
		n := copy(l.buf, l.buf[l.begin:])
		l.buf = l.buf[:n]
		for i := range l.pieces {
			l.pieces[i].from -= l.begin
		}
		l.begin = 0
	}
	if cap(l.buf)-len(l.buf) < readSize {
		l.buf = append(make([]byte, 0, 2*cap(l.buf)+readSize), l.buf...)
	}
	end := len(l.buf)
	n, at, err := l.read(l.buf[end : end+readSize])
	if err != nil {
		return err
	}
	l.buf = l.buf[:end+n]
	if n := len(l.pieces); end == 0 {
		l.pieces = append(l.pieces[:0], piece{0, at})
	} else if n == 0 || l.pieces[n-1].at.Generation != at.Generation {
		l.pieces = append(l.pieces, piece{end, at})
	}
	if !l.known {
		l.at, l.time, l.known = at, l.timeOf(at), true
	}
	return nil
}

// newLines reads the lines of the stream in dir from a position on.
func newLines(dir string, at Position) *lines {
	return &lines{cursor: *newCursor(dir, at), at: at}
}

// skipToStart passes over the rest of a line that began before the position.
func (l *lines) skipToStart() error {
	at := l.cursor.at
	if at.Offset == 0 {
		return nil // a file begins with a line, as a rule
	}
	l.cursor.at.Offset--
	l.at = l.cursor.at
	_, err := l.next()
	if err == io.EOF {
		return nil
	}
	return err
}
