package operations

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// Event is an event of the colony, and the line of JSON that it was read from.
type Event struct {
	Seq  uint64
	Name string // the service that it is about; "" = the colony
	Type string
	JSON []byte // not to be changed: it is shared
}

// What a tail keeps, at most: the youngest events.
const (
	tailEvents = 4096
	tailBytes  = 4 << 20
)

// Thousands who are woken at once would make all other callers wait until each of them
// has been served. So they are woken by shards, with a rest between two.
const (
	shards    = 32
	shardRest = 2 * time.Millisecond
	fewFollow = shards // so many are woken without a rest
)

// tail reads the events of a colony once for all who follow them, and keeps the
// youngest.
type tail struct {
	places spec.Places
	log    *slog.Logger
	begun  chan struct{} // closed when what there is was read

	mu    sync.Mutex
	kept  []Event // the oldest first
	bytes int     // of JSON in it
	floor uint64  // all events with a larger number are kept
	epoch int     // how often the numbers have begun anew

	fresh   [shards]chan struct{} // each closed when there is something for its shard
	follow  int                   // so many follow
	joining int                   // how many have ever
}

func newTail(p spec.Places, log *slog.Logger) *tail {
	t := &tail{places: p, log: log, begun: make(chan struct{})}
	for i := range t.fresh {
		t.fresh[i] = make(chan struct{})
	}
	return t
}

// run reads events until ctx is done.
func (t *tail) run(ctx context.Context) {
	most, told := tailEvents, ""
	for begun := false; ctx.Err() == nil; {
		var came []Event
		first := true
		err := ctl.Events(ctx, t.places, ctl.EventOptions{Last: &most, Follow: true, Pause: func() {
			if first {
				t.begin(came, most)
			} else if len(came) > 0 {
				t.add(came)
			}
			if len(came) > 0 {
				t.wake()
			}
			if first, came = false, nil; !begun {
				begun = true
				close(t.begun)
			}
		}}, func(e spec.Event, line []byte) error {
			came = append(came, Event{e.Seq, e.Name, e.Type, slices.Clone(line)})
			return nil
		})
		if err != nil && err.Error() != told {
			told = err.Error()
			t.log.Warn("events not read", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// wait waits until what there is was read; before that nobody knows what is new.
func (t *tail) wait(ctx context.Context) error {
	select {
	case <-t.begun:
		return nil
	case <-ctx.Done():
		return explain(ctx.Err(), "read", "events")
	}
}

// begin takes in the youngest events that there are, at most so many.
func (t *tail) begin(came []Event, most int) {
	t.mu.Lock()
	before := t.newest()
	t.kept, t.bytes, t.floor = nil, 0, 0
	if len(came) == most {
		t.floor = came[0].Seq - 1
	}
	t.mu.Unlock()
	t.add(came)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.newest() < before {
		t.epoch++
	}
}

// newest is the largest number so far.
func (t *tail) newest() uint64 {
	if n := len(t.kept); n > 0 {
		return t.kept[n-1].Seq
	}
	return t.floor
}

// add takes in events.
func (t *tail) add(came []Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range came {
		if e.Seq <= t.newest() && len(t.kept) > 0 { // somebody has cleared the state directory
			t.kept, t.bytes, t.floor = nil, 0, 0
			t.epoch++
		}
		t.kept = append(t.kept, e)
		t.bytes += len(e.JSON)
	}
	drop := 0
	for ; len(t.kept)-drop > tailEvents || t.bytes > tailBytes; drop++ {
		t.floor = t.kept[drop].Seq
		t.bytes -= len(t.kept[drop].JSON)
	}
	if drop > 0 {
		// Those who were given a part of the list go on with it as it was.
		t.kept = slices.Clone(t.kept[drop:])
	}
}

// wake wakes all who wait for events.
func (t *tail) wake() {
	for i := range t.fresh {
		t.mu.Lock()
		close(t.fresh[i])
		t.fresh[i] = make(chan struct{})
		many := t.follow > fewFollow
		t.mu.Unlock()
		if many {
			time.Sleep(shardRest)
		}
	}
}

// join adds one who follows, and says by which shard he is woken.
func (t *tail) join() (shard int, leave func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.follow++
	t.joining++
	return t.joining % shards, func() {
		t.mu.Lock()
		t.follow--
		t.mu.Unlock()
	}
}

// cursor is how far somebody has come.
type cursor struct {
	seq   uint64 // of the last event that was seen
	epoch int
	shard int
}

// now is the cursor of who has seen everything.
func (t *tail) now() cursor {
	t.mu.Lock()
	defer t.mu.Unlock()
	return cursor{seq: t.newest(), epoch: t.epoch}
}

// after returns what is kept of the events behind at, and a channel that is closed
// when there is more. Those up to number floor are in the files alone.
func (t *tail) after(at *cursor) (events []Event, floor uint64, fresh <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at.epoch != t.epoch {
		at.seq, at.epoch = 0, t.epoch
	}
	i, found := slices.BinarySearchFunc(t.kept, at.seq, func(e Event, seq uint64) int { return cmp.Compare(e.Seq, seq) })
	if found {
		i++
	}
	return t.kept[i:len(t.kept):len(t.kept)], t.floor, t.fresh[at.shard]
}
