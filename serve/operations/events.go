package operations

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// EventQuery says which events to read.
type EventQuery struct {
	Names []string `json:"names,omitempty"` // of services, or of specs for all their instances; none = all, and those of the colony
	Types []string `json:"types,omitempty"` // of EventTypes; none = all
	After *uint64  `json:"after,omitempty"` // those with a larger number; nil = the youngest
	Limit int      `json:"limit,omitempty"` // at most so many; 0 = DefaultLimit. Not for Follow
}

// EventPage is a part of the events, the oldest first.
type EventPage struct {
	Events []json.RawMessage `json:"events"` // as docs/schema/event.json has them
	Next   uint64            `json:"next"`   // After for what comes behind
}

func (q *EventQuery) check() error {
	for _, t := range q.Types {
		if !slices.Contains(spec.EventTypes, t) {
			return refuse(Invalid, "type", "type: %q is none; there are %s", t, words(spec.EventTypes))
		}
	}
	for _, name := range q.Names {
		if err := checkTarget(name); err != nil {
			return err
		}
	}
	if q.Limit < 0 || q.Limit > MaxLimit {
		return refuse(Invalid, "limit", "limit: must be between 1 and %d", MaxLimit)
	}
	return nil
}

func (q *EventQuery) wants(e *Event) bool {
	if len(q.Types) > 0 && !slices.Contains(q.Types, e.Type) {
		return false
	}
	if len(q.Names) == 0 {
		return true
	}
	file, _ := spec.Instance(e.Name)
	return slices.Contains(q.Names, e.Name) || slices.Contains(q.Names, file)
}

// Events returns a page of events: the first behind After, or the youngest.
func (c *Colony) Events(ctx context.Context, q EventQuery) (*EventPage, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	if q.Limit == 0 {
		q.Limit = DefaultLimit
	}
	if err := c.news.wait(ctx); err != nil {
		return nil, err
	}
	page := &EventPage{Events: []json.RawMessage{}}
	at := c.news.now()
	if q.After == nil {
		events, _, _ := c.news.after(&cursor{epoch: at.epoch})
		for _, e := range slices.Backward(events) {
			if len(page.Events) < q.Limit && q.wants(&e) {
				page.Events = append(page.Events, e.JSON)
			}
		}
		slices.Reverse(page.Events)
		page.Next = at.seq
		return page, nil
	}
	at.seq = *q.After
	enough := errors.New("enough")
	page.Next = *q.After
	take := func(events []Event) error {
		for _, e := range events {
			if len(page.Events) == q.Limit {
				return enough
			}
			if page.Next = e.Seq; q.wants(&e) {
				page.Events = append(page.Events, e.JSON)
			}
		}
		return nil
	}
	if _, err := c.behind(ctx, &at, take); err != nil && err != enough {
		return nil, explain(err, "read the events of", c.places.State)
	}
	return page, nil
}

// Following is somebody who follows the events of a colony.
type Following struct {
	c *Colony
	q EventQuery
}

// Follow checks what somebody wants to follow.
func (c *Colony) Follow(ctx context.Context, q EventQuery) (*Following, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	return &Following{c, q}, nil
}

// Each calls each with the events behind After, or with those that come from now
// on, until ctx is done, which is no error. An error of each ends it and is returned
// as it is. each gets several at once; it gets none at the beginning, when it is sure
// that nothing will be missed, and after idle without an event. It may be slow:
// nobody waits for it, and what it misses in memory it gets from the files.
func (f *Following) Each(ctx context.Context, idle time.Duration, each func([]Event) error) error {
	c, q := f.c, &f.q
	if err := c.news.wait(ctx); err != nil {
		return nil
	}
	at := c.news.now()
	if q.After != nil {
		at.seq = min(*q.After, at.seq) // a larger one is of another colony
	}
	shard, leave := c.news.join()
	defer leave()
	at.shard = shard
	wanted := func(events []Event) error {
		if len(q.Names) > 0 || len(q.Types) > 0 {
			events = slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return !q.wants(&e) })
		}
		if len(events) == 0 {
			return nil
		}
		return each(events)
	}
	if err := each(nil); err != nil {
		return err
	}
	quiet := time.NewTimer(idle)
	defer quiet.Stop()
	for {
		fresh, err := c.behind(ctx, &at, wanted)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-fresh:
		case <-quiet.C:
			if err := each(nil); err != nil {
				return err
			}
			quiet.Reset(idle)
		}
	}
}

// behind calls take with the events behind at, which it moves on: those that are
// not in memory any more come from the files. fresh is closed when there are more.
func (c *Colony) behind(ctx context.Context, at *cursor, take func([]Event) error) (fresh <-chan struct{}, err error) {
	events, floor, fresh := c.news.after(at)
	if at.seq < floor {
		if err := c.fromFiles(ctx, at, floor, take); err != nil {
			return nil, err
		}
	}
	if len(events) == 0 {
		return fresh, nil
	}
	at.seq = events[len(events)-1].Seq
	return fresh, take(events)
}

// fromFiles is behind for events that are in the files alone, up to number floor: the
// files have events that memory does not have yet, and would give again. Files are
// large, and read by one at a time.
func (c *Colony) fromFiles(ctx context.Context, at *cursor, floor uint64, take func([]Event) error) error {
	leave, err := c.enter(ctx)
	if err != nil {
		return nil
	}
	defer leave()
	beyond := errors.New("beyond the floor")
	var some []Event
	give := func() error {
		if len(some) == 0 {
			return nil
		}
		at.seq = some[len(some)-1].Seq
		err := take(some)
		some = nil
		return err
	}
	err = ctl.Events(ctx, c.places, ctl.EventOptions{}, func(e spec.Event, line []byte) error {
		if e.Seq <= at.seq {
			return nil
		}
		if e.Seq > floor {
			return beyond
		}
		some = append(some, Event{e.Seq, e.Name, e.Type, slices.Clone(line)})
		if len(some) < 100 {
			return nil
		}
		return give()
	})
	if err != nil && err != beyond {
		return err
	}
	return give()
}
