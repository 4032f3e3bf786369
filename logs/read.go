package logs

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Query says which lines to read. Those of several streams come in the order of
// their times.
type Query struct {
	Names          []string // of services
	Stdout, Stderr bool     // only that stream, where they are apart; neither: both

	From   Position       // of one stream: not the lines that begin before it; zero: from the oldest on
	Since  time.Time      // likewise by time
	Until  time.Time      // zero: to the end
	Last   *int           // only the last so many of the past; nil: all
	Grep   *regexp.Regexp // only lines that match; nil: all
	Follow bool           // go on with what comes, until ctx ends

	// Pause is called when there is nothing more for now, if it is not nil.
	Pause func() error

	// Trouble is told what cannot be read, and the rest goes on; nil: it ends the
	// reading.
	Trouble func(error)
}

// Shown is a line, and whose it is.
type Shown struct {
	Name   string
	Stderr bool // it is of the other stream, which is apart
	Line
}

const (
	// followPoll is how often a follower looks for new lines.
	followPoll = 100 * time.Millisecond

	// mostTrouble bounds how often a stream that fails is asked again.
	mostTrouble = 100
)

// Read calls each with the lines of q, the oldest first. It needs no supervisor
// and no logger. With Follow it returns nil when ctx ends; an error of each ends
// it too, and is returned as it is. The text of a line is good until each returns.
func Read(ctx context.Context, p spec.Places, q Query, each func(Shown) error) error {
	r, err := begin(p, &q)
	defer r.close()
	if err != nil {
		return err
	}
	if q.Last != nil && (len(r.feeds) > 1 || q.Grep != nil) {
		youngest := youngest{most: *q.Last}
		if err := r.read(ctx, !q.Follow, youngest.keep); err != nil {
			return err
		}
		if err := youngest.tell(each); err != nil {
			return err
		}
	} else if err := r.read(ctx, !q.Follow, each); err != nil {
		return err
	}
	tick := time.NewTicker(followPoll)
	defer tick.Stop()
	for q.Follow {
		if q.Pause != nil {
			if err := q.Pause(); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return r.read(context.Background(), true, each)
		case <-tick.C:
		}
		if err := r.read(ctx, false, each); err != nil {
			return err
		}
	}
	return nil
}

// reading is what Read has open.
type reading struct {
	q     *Query
	feeds []*feed
}

// feed is a stream that is read.
type feed struct {
	name    string
	stderr  bool
	lines   *lines
	stop    Position // behind the last byte that is asked for
	next    Line     // if has
	has     bool
	trouble int
}

// begin opens the streams where the first lines are that may be asked for.
func begin(p spec.Places, q *Query) (*reading, error) {
	r := &reading{q: q}
	for _, name := range q.Names {
		for i, dir := range streamDirs(p.LogDir(), name) {
			if stderr := i == 1; q.Stdout != q.Stderr && q.Stderr != stderr {
				continue
			}
			f, err := q.open(dir)
			if err != nil {
				return r, err
			}
			f.name, f.stderr = name, i == 1
			r.feeds = append(r.feeds, f)
		}
	}
	// A stream that there is not, of one that is not apart, is no second one.
	if !q.Follow {
		r.feeds = slices.DeleteFunc(r.feeds, func(f *feed) bool {
			all, err := parts(f.lines.dir)
			return err == nil && len(all) == 0
		})
	}
	return r, nil
}

func (q *Query) open(dir string) (f *feed, err error) {
	var to Position
	if q.Until.IsZero() {
		to, err = end(dir)
	} else {
		to, err = until(dir, q.Until)
	}
	if err != nil {
		return nil, err
	}
	f = &feed{stop: to} // else a service that writes faster than we read would hold us
	if q.Follow {
		f.stop = Position{Generation: 1<<64 - 1}
	}
	var from Position
	if q.Last != nil && q.Grep == nil {
		if from, err = last(dir, *q.Last, to); err != nil {
			return nil, err
		}
	}
	if !q.Since.IsZero() {
		at, err := since(dir, q.Since)
		if err != nil {
			return nil, err
		}
		if at.Compare(from) > 0 {
			from = at
		}
	}
	if q.From.Compare(from) > 0 {
		if from, err = kept(dir, q.From); err != nil {
			return nil, err
		}
	}
	f.lines = newLines(dir, from)
	if err := f.lines.skipToStart(); err != nil && err != io.EOF {
		return nil, err
	}
	return f, nil
}

// kept is the position itself, or where the first file begins that is younger than
// its own if that is gone.
func kept(dir string, at Position) (Position, error) {
	all, err := parts(dir)
	if err != nil || slices.ContainsFunc(all, func(p part) bool { return p.generation == at.Generation }) {
		return at, err
	}
	return Position{Generation: at.Generation}, nil
}

func (r *reading) close() {
	for _, f := range r.feeds {
		f.lines.close()
	}
}

// read gives out the lines that there are. final: also what has no end yet.
func (r *reading) read(ctx context.Context, final bool, each func(Shown) error) error {
	var h feeds
	for _, f := range r.feeds {
		if err := r.advance(f, final); err != nil {
			return err
		}
		if f.has {
			h = append(h, f)
		}
	}
	heap.Init(&h)
	for len(h) > 0 && ctx.Err() == nil {
		f := h[0]
		if r.q.wants(&f.next) {
			if err := each(Shown{f.name, f.stderr, f.next}); err != nil {
				return err
			}
		}
		if err := r.advance(f, final); err != nil {
			return err
		}
		if f.has {
			heap.Fix(&h, 0)
		} else {
			heap.Pop(&h)
		}
	}
	return nil
}

// advance has the next line of a feed at hand, if there is one.
func (r *reading) advance(f *feed, final bool) error {
	for {
		var err error
		if f.has = f.lines.at.Compare(f.stop) < 0; !f.has {
			return nil
		}
		f.next, err = f.lines.next()
		if err == nil {
			f.has = f.next.At.Compare(f.stop) < 0 // or it is in the next file
			return nil
		}
		f.has = false
		if err == io.EOF {
			if final {
				f.next, f.has = f.lines.rest()
				f.has = f.has && f.next.At.Compare(f.stop) < 0
			}
			return nil
		}
		if f.trouble++; r.q.Trouble == nil || f.trouble > mostTrouble {
			return err
		}
		r.q.Trouble(err)
	}
}

// wants says whether a line is asked for.
func (q *Query) wants(l *Line) bool {
	return (q.Since.IsZero() || !l.Time.Before(q.Since)) &&
		(q.Until.IsZero() || !l.Time.After(q.Until)) &&
		(q.Grep == nil || q.Grep.Match(l.Text))
}

// feeds are those that have a line at hand; the first is the one with the oldest.
type feeds []*feed

func (h feeds) Len() int { return len(h) }
func (h feeds) Less(i, j int) bool {
	a, b := h[i], h[j]
	return cmp.Or(a.next.Time.Compare(b.next.Time), cmp.Compare(a.name, b.name)) < 0
}
func (h feeds) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *feeds) Push(x any)   { *h = append(*h, x.(*feed)) }
func (h *feeds) Pop() any {
	n := len(*h) - 1
	f := (*h)[n]
	*h = (*h)[:n]
	return f
}

// youngest holds the youngest lines while older ones are read.
type youngest struct {
	most  int
	kept  []Shown
	begin int
}

func (r *youngest) keep(s Shown) error {
	switch {
	case r.most <= 0:
	case len(r.kept) < r.most:
		s.Text = slices.Clone(s.Text)
		r.kept = append(r.kept, s)
	default:
		old := &r.kept[r.begin]
		s.Text = append(old.Text[:0], s.Text...)
		*old = s
		r.begin = (r.begin + 1) % len(r.kept)
	}
	return nil
}

func (r *youngest) tell(each func(Shown) error) error {
	for i := range r.kept {
		if err := each(r.kept[(r.begin+i)%len(r.kept)]); err != nil {
			return err
		}
	}
	return nil
}

// Kept reports whether there are files of a service's output.
func Kept(p spec.Places, name string) (bool, error) {
	for _, dir := range streamDirs(p.LogDir(), name) {
		if all, err := parts(dir); err != nil || len(all) > 0 {
			return len(all) > 0, err
		}
	}
	return false, nil
}

// Settle waits, for up to two seconds, until nothing that a service has written
// is still on its way to the files, as far as we may look. It is for a service that
// has ended.
func Settle(ctx context.Context, p spec.Places, name string) {
	ctx, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	dirs := streamDirs(p.LogDir(), name)
	for slices.ContainsFunc(dirs[:], unsettled) && Running(p) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Running reports whether a logger keeps these logs, as far as that can be known.
func Running(p spec.Places) bool {
	var fd int
	err := again(func() (err error) {
		fd, err = unix.Open(filepath.Join(p.LogDir(), tempBegin+"lock"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return !errors.Is(err, unix.ENOENT)
	}
	defer unix.Close(fd)
	if err := unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB); err != nil {
		return err == unix.EWOULDBLOCK
	}
	unix.Flock(fd, unix.LOCK_UN) // closing is not enough if a fork has copied it
	return false
}
