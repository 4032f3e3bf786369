package forward

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
	"github.com/ncolony/ncolony-go/logs"
)

const (
	// batchBytes and batchLines bound what is sent at once, and shareBytes what one
	// stream has in it before the others have had their turn.
	batchBytes = 1 << 20
	batchLines = 5000
	shareBytes = 128 << 10

	// recordCost is what a record costs beside its text.
	recordCost = 128

	// halfFor is how long the end of a line is waited for.
	halfFor = 5 * time.Second

	// scanEvery is the time between two looks for streams that are new.
	scanEvery = time.Second
)

// source is one stream.
type source struct {
	logs.Stream
	key  string        // in the cursor
	done logs.Position // up to which the receiver has it
	at   logs.Position // up to which it was read
	seen helper.Version
	half half
}

// half is a line that has no end yet; zero: there is none.
type half struct {
	at    logs.Position
	since time.Time
}

// record is a line to be sent.
type record struct {
	service    string
	stderr     bool
	at         logs.Position
	time       time.Time
	text       string
	generation string // that of at, which is many records'
}

// stream is the name of the stream.
func (r *record) stream() string {
	if r.stderr {
		return "stderr"
	}
	return "stdout"
}

// batch is what is sent at once.
type batch struct {
	records  []record
	ends     map[*source]logs.Position // behind what is in it
	size     int64                     // bytes of the texts
	cost     int
	gaps     int
	rejected int64  // of the records, by the receiver
	why      string // if it says so
}

func (b *batch) full() bool { return b.cost >= batchBytes || len(b.records) >= batchLines }

// scan looks for streams.
func (f *forwarder) scan() {
	now := time.Now()
	if now.Before(f.scanAt) {
		return
	}
	f.scanAt = now.Add(scanEvery)
	all, err := logs.Streams(f.o.Places)
	if f.news.Is("scan", "", err) {
		f.o.Log.Warn("streams not looked for", "err", err)
	}
	if err != nil {
		return
	}
	there := map[string]bool{}
	for _, stream := range all {
		key := stream.Service
		if stream.Stderr {
			key += "/stderr"
		}
		there[key] = true
		if f.sources[key] != nil || !f.wants(stream.Service) {
			continue
		}
		s := &source{Stream: stream, key: key}
		if at, known := f.cursor.Streams[key]; known {
			s.done = at
		} else if f.o.FromNow {
			if s.done, err = stream.End(); err != nil {
				continue // again with the next scan
			}
			f.dirty = true // after a kill, what comes from here on is not old
		}
		s.at = s.done
		f.sources[key] = s
		f.order = append(f.order, s)
	}
	f.order = slices.DeleteFunc(f.order, func(s *source) bool {
		gone := !there[s.key]
		if gone {
			delete(f.sources, s.key)
			f.dirty = true
		}
		return gone
	})
	maps.DeleteFunc(f.cursor.Streams, func(key string, _ logs.Position) bool { return !there[key] })
}

// wants says whether the output of a service is to be sent. Our own is not unless
// somebody asks for it: what we say of a failure would have to be sent, too.
func (f *forwarder) wants(service string) bool {
	if len(f.o.Names) == 0 {
		return service != f.o.Own
	}
	file, _ := spec.Instance(service)
	return slices.Contains(f.o.Names, service) || slices.Contains(f.o.Names, file)
}

// wake has lines without an end not waited for any more.
func (f *forwarder) wake() {
	for _, s := range f.order {
		s.seen = helper.Version{}
		s.half.since = s.half.since.Add(-f.o.half)
	}
}

// gather reads lines of all streams, in turns. full: there is more.
func (f *forwarder) gather(now time.Time) (b batch, full bool) {
	b.ends = map[*source]logs.Position{}
	for len(f.order) > 0 {
		more := false
		for range len(f.order) {
			f.turnOf = (f.turnOf + 1) % len(f.order)
			s := f.order[f.turnOf]
			again, err := f.read(s, &b, now)
			if f.news.Is("read", s.key, err) {
				f.o.Log.Warn("lines not read", "stream", s.key, "err", err)
			}
			more = more || again
			if b.full() {
				return b, true
			}
		}
		if !more {
			break
		}
	}
	return b, false
}

// read adds lines of a stream to a batch, and reports whether there are more.
func (f *forwarder) read(s *source, b *batch, now time.Time) (more bool, err error) {
	version := s.Version()
	due := s.half != half{} && now.Sub(s.half.since) >= f.o.half
	if version == s.seen && !due {
		return false, nil
	}
	follower := s.Follow(s.at)
	defer follower.Close()
	took := func(line *logs.Line) {
		if line != nil {
			b.add(s, line.At, line.Time, string(line.Text))
		}
		if at := follower.At(); at != s.at {
			s.at, b.ends[s] = at, at
		}
		s.half = half{}
	}
	for until := b.cost + shareBytes; b.cost < until && !b.full(); {
		line, err := follower.Next()
		if from, to, ok := follower.Missed(); ok {
			b.gaps++
			f.o.Log.Warn("output was removed before it was sent", "stream", s.key, "from", from, "to", to)
			b.add(s, to, now, fmt.Sprintf("[ncolony: output from %v to %v was removed before it was forwarded]", from, to))
		}
		if err == nil {
			took(&line)
			continue
		}
		if err != io.EOF {
			return false, err
		}
		s.seen = version
		at := follower.At()
		line, ok := follower.Rest()
		switch {
		case !ok:
			took(nil) // it may have come to the next file
		case due && s.half.at == at:
			took(&line)
		case s.half.at != at:
			s.half = half{at, now}
		}
		return false, nil
	}
	return true, nil
}

func (b *batch) add(s *source, at logs.Position, t time.Time, text string) {
	b.records = append(b.records, record{
		service: s.Service, stderr: s.Stderr, at: at, time: exact(t, at),
		text: strings.ToValidUTF8(text, "\uFFFD"), generation: strconv.FormatUint(at.Generation, 10),
	})
	b.size += int64(len(text))
	b.cost += len(text) + recordCost
}

// exact makes the times of lines that came together differ, in the same way
// whenever they are sent: a receiver may take two lines that are the same for one.
func exact(t time.Time, at logs.Position) time.Time {
	return t.Truncate(time.Millisecond).Add(time.Duration(at.Offset % int64(time.Millisecond)))
}
