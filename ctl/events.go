package ctl

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// EventOptions say which events to read. The zero value means all that are
// kept.
type EventOptions struct {
	Names  []string  // of services, or of files for all their instances; none = all, and those of the colony itself
	Since  time.Time // not older than this; zero = however old
	Last   *int      // of those that are there already, only so many of the youngest; nil = all
	Follow bool      // go on with those that come, until ctx ends
	Pause  func()    // called when there is none for now, if it is not nil
}

// wants says whether o asks for e.
func (o EventOptions) wants(e *spec.Event) bool {
	file, _ := spec.Instance(e.Name)
	named := len(o.Names) == 0 || slices.Contains(o.Names, e.Name) || slices.Contains(o.Names, file)
	return named && !e.Time.Before(o.Since)
}

// followPoll is how often a follower looks for new events.
const followPoll = 100 * time.Millisecond

// Events calls each with the events of the colony, the oldest first, and with
// the line of JSON that each was read from (without its end; it is not to be
// kept). It needs no supervisor. With Follow it goes on across the changes of
// file that the supervisor makes, and returns nil when ctx ends; an error of
// each ends it too, and is returned as it is.
//
// A line that a crash has torn is passed over; the last one, if it has no end
// yet, is not read until it has.
func Events(ctx context.Context, p Places, o EventOptions, each func(e spec.Event, line []byte) error) error {
	j := journal{dir: p.EventsDir()}
	defer j.close()
	youngest := lastEvents{most: o.Last}
	take := func(line []byte) error {
		var e spec.Event
		if json.Unmarshal(line, &e) != nil || e.Type == "" || !o.wants(&e) {
			return nil
		}
		if youngest.most != nil {
			youngest.keep(e, line)
			return nil
		}
		return each(e, line)
	}
	if err := j.read(ctx, take); err != nil {
		return err
	}
	if err := youngest.tell(each); err != nil {
		return err
	}
	if o.Pause != nil {
		o.Pause()
	}
	if !o.Follow {
		return nil
	}
	youngest.most = nil // what comes now is new
	tick := time.NewTicker(followPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := j.read(ctx, take); err != nil {
			return err
		}
		if o.Pause != nil {
			o.Pause()
		}
	}
}

// lastEvents holds the youngest events while older ones are read.
type lastEvents struct {
	most  *int // nil: it holds none back
	kept  []keptEvent
	begin int // of the ring that kept is, once it is full
}

type keptEvent struct {
	event spec.Event
	line  []byte
}

func (l *lastEvents) keep(e spec.Event, line []byte) {
	k := keptEvent{e, slices.Clone(line)}
	switch {
	case *l.most <= 0:
	case len(l.kept) < *l.most:
		l.kept = append(l.kept, k)
	default:
		l.kept[l.begin] = k
		l.begin = (l.begin + 1) % len(l.kept)
	}
}

func (l *lastEvents) tell(each func(spec.Event, []byte) error) error {
	for i := range l.kept {
		k := l.kept[(l.begin+i)%len(l.kept)]
		if err := each(k.event, k.line); err != nil {
			return err
		}
	}
	l.kept = nil
	return nil
}
