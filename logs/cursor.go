package logs

import (
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// readIndex reads what is known of a file; nothing, if there is no index that can
// be read.
func readIndex(dir string, generation uint64) *index {
	f, err := os.OpenFile(indexPath(dir, generation), os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return newIndex(generation)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxIndexAll))
	if err != nil {
		return newIndex(generation)
	}
	return decodeIndex(generation, b)
}

// appendIndex adds entries to the index of a file that is not written any more.
func appendIndex(dir string, generation uint64, entries []byte) error {
	f, err := os.OpenFile(indexPath(dir, generation), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, fileMode)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	head := make([]byte, headerSize)
	n, _ := f.ReadAt(head, 0)
	at := headerSize + (fi.Size()-headerSize)/entrySize*entrySize
	if !decodeIndex(generation, head[:n]).whole {
		entries, at = append(indexHeader(generation, 0, neverTeed), entries...), 0
	}
	_, err = f.WriteAt(entries, at)
	return err
}

// cursor reads the bytes of a stream from a position on, across its files.
type cursor struct {
	dir  string
	at   Position
	file *os.File // nil: not open yet
	zip  *gzip.Reader
	zipN int64 // where in the file zip is
	last bool  // a younger file is there: what is read now is all there is of this one

	index *index
	tail  *os.File // the index, while it may grow

	missed gap // not told yet
}

// gap is what was removed before it was read; zero: nothing was.
type gap struct{ from, to Position }

// newCursor begins with the oldest byte that there is and that is not before at.
func newCursor(dir string, at Position) *cursor { return &cursor{dir: dir, at: at} }

func (c *cursor) close() {
	for _, f := range []**os.File{&c.file, &c.tail} {
		if *f != nil {
			(*f).Close()
			*f = nil
		}
	}
	c.zip = nil
}

// open opens the file of the position, or the next that there is. io.EOF: there
// is none yet.
func (c *cursor) open() error {
	for range 10 { // a file may vanish, or be compressed, between two steps
		all, err := parts(c.dir)
		if err != nil {
			return err
		}
		i := 0
		for i < len(all) && all[i].generation < c.at.Generation {
			i++
		}
		if i == len(all) {
			return io.EOF
		}
		f, err := os.OpenFile(all[i].path(c.dir), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		was := c.at
		if all[i].generation != was.Generation {
			c.at = Position{Generation: all[i].generation}
		}
		c.file, c.last = f, i+1 < len(all)
		c.index = newIndex(c.at.Generation)
		c.tail, _ = os.OpenFile(indexPath(c.dir, c.at.Generation), os.O_RDONLY|unix.O_NOFOLLOW, 0)
		c.refresh()
		if c.at.Generation != was.Generation && was != (Position{}) && c.index.skips(was, all) {
			if c.missed.to == (Position{}) {
				c.missed.from = was
			}
			c.missed.to = c.at
		}
		if all[i].gzip {
			err = c.unzip()
			if err != nil {
				c.close()
			}
			return err
		}
		return nil
	}
	return io.EOF
}

// skips reports whether there were bytes between a position that was to be read
// next and the file of x, which is the oldest of those behind it. With offset 0
// the position is behind the file of the generation before its own.
func (x *index) skips(at Position, there []part) bool {
	if x.previous != 0 {
		return x.previous >= at.Generation
	}
	// The oldest go first: with that one there, all behind it are.
	return at.Offset > 0 || !slices.ContainsFunc(there, func(p part) bool { return p.generation == at.Generation-1 })
}

// unzip has zip be at the position.
func (c *cursor) unzip() (err error) {
	m, ok := before(c.index.members, c.at.Offset)
	if !ok {
		m = entry{}
	}
	if _, err = c.file.Seek(m.value, io.SeekStart); err != nil {
		return err
	}
	if c.zip, err = gzip.NewReader(c.file); err != nil {
		return err
	}
	n, err := io.CopyN(io.Discard, c.zip, c.at.Offset-m.offset)
	if err == io.EOF { // behind the end
		err = nil
	}
	c.zipN = m.offset + n
	return err
}

// refresh takes in what the index has got since.
func (c *cursor) refresh() {
	if c.tail == nil {
		return
	}
	fi, err := c.tail.Stat()
	if err != nil || fi.Size() <= c.index.read {
		return
	}
	b := make([]byte, min(fi.Size()-c.index.read, maxIndexAll))
	n, _ := c.tail.ReadAt(b, c.index.read)
	if c.index.whole {
		c.index.more(b[:n])
	} else {
		c.index = decodeIndex(c.at.Generation, b[:n])
	}
}

// read reads the next bytes, of one file, and says at which position they begin.
// io.EOF: there are no more yet.
func (c *cursor) read(b []byte) (n int, at Position, err error) {
	for {
		if c.file == nil {
			if err := c.open(); err != nil {
				return 0, c.at, err
			}
		}
		at = c.at
		if c.zip != nil {
			n, err = c.zip.Read(b)
		} else {
			n, err = c.file.ReadAt(b, c.at.Offset)
		}
		c.at.Offset += int64(n)
		if n > 0 {
			c.refresh() // entries are there before their bytes
			return n, at, nil
		}
		if err != nil && err != io.EOF {
			// The rest of this file is lost to us, and nothing else.
			if c.last {
				c.next()
			}
			return 0, at, err
		}
		if c.last {
			c.next()
			continue
		}
		all, err := parts(c.dir)
		if err != nil {
			return 0, at, err
		}
		if len(all) > 0 && all[len(all)-1].generation > c.at.Generation {
			c.last = true // what it got before the other was begun is read first
			continue
		}
		return 0, at, io.EOF
	}
}

// next goes on with the file behind this one.
func (c *cursor) next() {
	c.close()
	c.at = Position{Generation: c.at.Generation + 1}
}

// timeOf says when the byte at a position came, of the file that was read last.
func (c *cursor) timeOf(at Position) time.Time {
	if c.index == nil || at.Generation != c.index.generation {
		return time.Unix(int64(at.Generation), 0)
	}
	return c.index.timeOf(at.Offset)
}
