package logs

import (
	"bytes"
	"io"
	"os"
	"time"
)

// since returns the position of the first bytes of a stream that came at t or
// later, by the indexes alone: the end, if none did.
func since(dir string, t time.Time) (Position, error) {
	all, err := parts(dir)
	if err != nil || len(all) == 0 {
		return Position{}, err
	}
	for _, p := range all {
		if offset, ok := readIndex(dir, p.generation).since(t); ok {
			return Position{p.generation, offset}, nil
		}
	}
	return end(dir)
}

// until returns the position before which all that came at t or earlier stands.
func until(dir string, t time.Time) (Position, error) {
	all, err := parts(dir)
	if err != nil || len(all) == 0 {
		return Position{}, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		p := all[i]
		offset, ok := readIndex(dir, p.generation).until(t)
		switch {
		case !ok && i == len(all)-1:
			return end(dir)
		case !ok:
			size, err := sizeOf(dir, p)
			return Position{p.generation, size}, err
		case offset > 0 || i == 0:
			return Position{p.generation, offset}, nil
		}
	}
	return Position{all[0].generation, 0}, nil
}

// end is the position behind the last byte.
func end(dir string) (Position, error) {
	all, err := parts(dir)
	if err != nil || len(all) == 0 {
		return Position{}, err
	}
	last := all[len(all)-1]
	size, err := sizeOf(dir, last)
	return Position{last.generation, size}, err
}

// sizeOf is how many bytes are in a file, uncompressed.
func sizeOf(dir string, p part) (int64, error) {
	if !p.gzip {
		fi, err := os.Stat(p.path(dir))
		if err != nil {
			return 0, err
		}
		return fi.Size(), nil
	}
	if x := readIndex(dir, p.generation); x.end.kind != 0 {
		return x.end.offset, nil
	}
	n, _, err := scan(dir, Position{p.generation, 0}, maxOffset, nil)
	return n, err
}

// last returns the position at which the last n lines before to begin; what has
// no end counts as one.
func last(dir string, n int, to Position) (Position, error) {
	all, err := parts(dir)
	if err != nil || len(all) == 0 || n <= 0 {
		return to, err
	}
	need := int64(n) + 1 // ends of lines: that before the first one, too
	behind := true       // nothing was looked at yet
	for i := len(all) - 1; i >= 0; i-- {
		p := all[i]
		if p.generation > to.Generation {
			continue
		}
		stop := to.Offset
		if p.generation < to.Generation {
			if stop, err = sizeOf(dir, p); err != nil {
				continue // removed meanwhile
			}
		}
		if stop == 0 {
			continue
		}
		if behind {
			behind = false
			if ends, err := endsLine(dir, Position{p.generation, stop}); err == nil && !ends {
				need--
				if need == 0 {
					return to, nil
				}
			}
		}
		offset, found, err := lastIn(dir, p, need, stop)
		if err != nil {
			return Position{}, err
		}
		if offset >= 0 {
			return Position{p.generation, offset}, nil
		}
		need -= found
	}
	return Position{all[0].generation, 0}, nil
}

// endsLine reports whether the byte before a position is the end of a line.
func endsLine(dir string, at Position) (bool, error) {
	c := newCursor(dir, Position{at.Generation, at.Offset - 1})
	defer c.close()
	var b [1]byte
	_, _, err := c.read(b[:])
	return b[0] == '\n', err
}

// lastIn returns the offset behind the need-th last end of a line before stop; -1
// and how many ends there are, if they are fewer.
func lastIn(dir string, p part, need, stop int64) (offset, found int64, err error) {
	if !p.gzip {
		return lastPlain(p.path(dir), need, stop)
	}
	x := readIndex(dir, p.generation)
	if len(x.lines) == 0 {
		// A pass to count, and one to get there.
		if _, found, err = scan(dir, Position{p.generation, 0}, stop, nil); err != nil || found < need {
			return -1, found, err
		}
		skip := found - need + 1
		offset, _, err = scan(dir, Position{p.generation, 0}, stop, &skip)
		return offset, found, err
	}
	from, _ := before(x.lines, stop)
	_, some, err := scan(dir, Position{p.generation, from.offset}, stop, nil)
	if err != nil {
		return -1, 0, err
	}
	found = from.value + some
	if found < need {
		return -1, found, nil
	}
	at := x.lines[0]
	for _, e := range x.lines { // the last member that begins before the end that we look for
		if e.value <= found-need {
			at = e
		}
	}
	skip := found - need + 1 - at.value
	offset, _, err = scan(dir, Position{p.generation, at.offset}, stop, &skip)
	return offset, found, err
}

// lastPlain is lastIn, backwards through a file.
func lastPlain(path string, need, stop int64) (offset, found int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return -1, 0, err
	}
	defer f.Close()
	buf := make([]byte, readSize)
	for stop > 0 {
		n := min(stop, int64(len(buf)))
		if _, err := f.ReadAt(buf[:n], stop-n); err != nil && err != io.EOF {
			return -1, found, err
		}
		for some := buf[:n]; ; {
			i := bytes.LastIndexByte(some, '\n')
			if i < 0 {
				break
			}
			if found++; found == need {
				return stop - n + int64(i) + 1, found, nil
			}
			some = some[:i]
		}
		stop -= n
	}
	return -1, found, nil
}

// scan counts the ends of lines from a position on, up to stop in the same file.
// With skip it returns the offset behind that many of them.
func scan(dir string, from Position, stop int64, skip *int64) (offset, found int64, err error) {
	c := newCursor(dir, from)
	defer c.close()
	buf := make([]byte, readSize)
	offset = from.Offset
	for offset < stop {
		n, at, err := c.read(buf[:min(stop-offset, int64(len(buf)))])
		if err == io.EOF || err == nil && at.Generation != from.Generation {
			break
		}
		if err != nil {
			return offset, found, err
		}
		if skip == nil {
			found += int64(bytes.Count(buf[:n], []byte{'\n'}))
		} else {
			for i, b := range buf[:n] {
				if b == '\n' {
					if found++; found == *skip {
						return offset + int64(i) + 1, found, nil
					}
				}
			}
		}
		offset += int64(n)
	}
	return offset, found, nil
}

// Tail calls each with the last n lines of the stream in dir that came up to t;
// the last may have no end.
func Tail(dir string, n int, t time.Time, each func(Line)) error {
	stop, err := until(dir, t)
	if err != nil {
		return err
	}
	from, err := last(dir, n, stop)
	if err != nil {
		return err
	}
	l := newLines(dir, from)
	defer l.close()
	for l.at.Compare(stop) < 0 {
		line, err := l.next()
		if err == io.EOF {
			if line, ok := l.rest(); ok && line.At.Compare(stop) < 0 {
				each(line)
			}
			return nil
		}
		if err != nil {
			return err
		}
		if line.At.Compare(stop) >= 0 { // it is in the next file
			return nil
		}
		each(line)
	}
	return nil
}
