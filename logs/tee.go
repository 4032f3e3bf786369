package logs

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/ncolony/ncolony-go/internal/helper"
)

const (
	// teeBatch is how many bytes of one service go out before the next has its
	// turn. After a kill -9 so many may go out twice.
	teeBatch = 64 << 10

	// behindFor: a service whose lines have not all gone out for so long, and of
	// which more than behindBy wait, goes on with its latest ones.
	behindFor = 30 * time.Second
	behindBy  = 1 << 20
	skipTo    = 64 << 10

	// mostTeed is how many streams are kept open between two lines.
	mostTeed = 64
	teeAgain = time.Second // after an output that fails

	lastWords = time.Second // for the lines that are there at our end
)

// teer writes lines to the supervisor's standard output. It reads them from the
// files, so that the output may be as slow as it likes.
type teer struct {
	log    *slog.Logger
	out    io.Writer
	hub    *hub
	behind time.Duration
	news   helper.News
	open   map[string]*teed
	buf    []byte
}

// teed is a stream on its way out.
type teed struct {
	lines *lines
	since time.Time // since when it was not all out
	seen  time.Time
}

func newTeer(o Options, h *hub) *teer {
	return &teer{log: o.Log, out: o.Out, hub: h, behind: o.behind, open: map[string]*teed{}}
}

// run passes lines on until ctx is done, and for a moment longer what is there by
// then.
func (t *teer) run(ctx context.Context) {
	tick := time.NewTicker(idle)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			for dir, s := range t.open {
				if time.Since(s.seen) > idle {
					t.shut(dir)
				}
			}
		case <-t.hub.teer:
			t.round(ctx)
		}
	}
	last, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	t.round(last)
}

// round passes on the lines of all that have some, in turns.
func (t *teer) round(ctx context.Context) {
	busy := t.hub.takeGrown()
	for len(busy) > 0 {
		for dir, w := range busy {
			if ctx.Err() != nil {
				for dir, w := range busy {
					t.hub.later(dir, w)
				}
				return
			}
			if more := t.turn(dir, w, time.Now()); !more {
				delete(busy, dir)
			}
		}
		for dir, w := range t.hub.takeGrown() {
			busy[dir] = w
		}
	}
}

func (t *teer) shut(dir string) {
	if s := t.open[dir]; s != nil {
		s.lines.close()
		delete(t.open, dir)
	}
}

// turn writes some lines of a stream, and reports whether there are more.
func (t *teer) turn(dir string, w grown, now time.Time) (more bool) {
	s := t.open[dir]
	if s == nil {
		at, err := untold(dir)
		if err != nil {
			if t.news.Is("tee", dir, err) {
				t.log.Warn("lines not passed on", "service", w.name, "err", err)
			}
			return false
		}
		s = &teed{lines: newLines(dir, at)}
		t.open[dir] = s
	}
	s.seen = now
	look := w.look()
	t.buf = t.buf[:0]
	if s.since.IsZero() {
		s.since = now
	} else if now.Sub(s.since) > t.behind {
		t.skip(dir, s, look)
		s.since = now
	}
	from := s.lines.at
	var err error
	for len(t.buf) < teeBatch {
		var line Line
		if line, err = s.lines.next(); err != nil {
			break
		}
		t.buf = look.Append(t.buf, line)
	}
	if err != nil && err != io.EOF && t.news.Is("tee", dir, err) {
		t.log.Warn("lines not passed on", "service", w.name, "err", err)
	}
	if len(t.buf) > 0 {
		if _, werr := t.out.Write(t.buf); werr != nil {
			if t.news.Is("out", "", werr) {
				t.log.Warn("standard output not written", "err", werr)
			}
			t.shut(dir) // it begins again where it was
			time.Sleep(teeAgain)
			return true
		}
		t.news.Is("out", "", nil)
		told(dir, from, s.lines.at)
	}
	if err == nil {
		return true
	}
	s.since = time.Time{}
	if len(t.open) > mostTeed {
		t.shut(dir)
	}
	return false
}

// skip passes over what is too old to be of interest now.
func (t *teer) skip(dir string, s *teed, look Look) {
	to, err := end(dir)
	if err != nil || to.Generation == 0 {
		return
	}
	from := s.lines.at
	missed := distance(dir, from, to)
	if missed < behindBy {
		return
	}
	to.Offset = max(0, to.Offset-skipTo)
	next := newLines(dir, to)
	if next.skipToStart() != nil || next.at.Compare(from) <= 0 {
		next.close()
		return
	}
	missed = distance(dir, from, next.at)
	s.lines.close()
	s.lines = next
	told(dir, from, next.at)
	t.buf = look.Append(t.buf, Line{
		At: next.at, Time: time.Now(), Whole: true,
		Text: fmt.Appendf(nil, "[ncolony: %d bytes not shown: standard output is slow]", missed),
	})
}

// distance is how many bytes are between two positions.
func distance(dir string, from, to Position) (n int64) {
	all, err := parts(dir)
	if err != nil {
		return 0
	}
	for _, p := range all {
		if p.generation < from.Generation || p.generation > to.Generation {
			continue
		}
		stop := to.Offset
		if p.generation < to.Generation {
			if stop, err = sizeOf(dir, p); err != nil {
				continue
			}
		}
		if p.generation == from.Generation {
			stop -= from.Offset
		}
		n += max(0, stop)
	}
	return n
}

// untold is the position up to which a stream has gone out.
func untold(dir string) (Position, error) {
	all, err := parts(dir)
	if err != nil {
		return Position{}, err
	}
	for _, p := range all {
		teed, ok := readTeed(dir, p.generation)
		if !ok {
			continue
		}
		size, err := sizeOf(dir, p)
		if err == nil && teed < size {
			return Position{p.generation, teed}, nil
		}
	}
	return end(dir)
}

// readTeed returns what the header of an index says of the output; ok is false
// if the file does not go there.
func readTeed(dir string, generation uint64) (offset int64, ok bool) {
	f, err := os.Open(indexPath(dir, generation))
	if err != nil {
		return 0, false
	}
	defer f.Close()
	head := make([]byte, headerSize)
	n, _ := f.ReadAt(head, 0)
	x := decodeIndex(generation, head[:n])
	return x.teed, x.teed != neverTeed
}

// told remembers that what is between two positions has gone out.
func told(dir string, from, to Position) {
	if from.Generation != to.Generation {
		all, _ := parts(dir)
		for _, p := range all {
			if p.generation >= from.Generation && p.generation < to.Generation {
				writeTeed(dir, p.generation, maxOffset)
			}
		}
	}
	writeTeed(dir, to.Generation, to.Offset)
}

func writeTeed(dir string, generation uint64, offset int64) {
	f, err := os.OpenFile(indexPath(dir, generation), os.O_WRONLY, 0)
	if err != nil {
		return // then it is not known, and begins at the end the next time
	}
	defer f.Close()
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(offset))
	f.WriteAt(b[:], teedAt)
}
