package operations

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/internal/fixture"
)

func line(seq int, name string) string {
	return fmt.Sprintf(`{"seq":%d,"time":"2026-01-01T00:00:00Z","name":%q,"type":"started"}`+"\n", seq, name)
}

// numbers of a page.
func numbers(p *EventPage) string {
	var all []string
	for _, e := range p.Events {
		number, _, _ := strings.Cut(strings.TrimPrefix(string(e), `{"seq":`), ",")
		all = append(all, number)
	}
	return strings.Join(all, " ")
}

func TestEvents(t *testing.T) {
	c, ctx := newColony(t)
	path := filepath.Join(c.places.EventsDir(), "current.jsonl")
	// More than is kept in memory, and a hole in the numbers.
	const last = tailEvents + 1000
	var text strings.Builder
	for i := 1; i <= last; i++ {
		if i != 500 {
			text.WriteString(line(i, fmt.Sprint("s", i%10)))
		}
	}
	fixture.Put(t, path, text.String())
	page := func(q EventQuery) *EventPage {
		t.Helper()
		p, err := c.Events(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	after := func(n uint64) *uint64 { return &n }
	fixture.Eventually(t, "all events", func() bool { return page(EventQuery{Limit: 1}).Next == last })
	for _, tt := range []struct {
		q    EventQuery
		want string
		next uint64
	}{
		{EventQuery{Limit: 2}, fmt.Sprint(last-1, last), last},
		{EventQuery{Limit: 3, After: after(0)}, "1 2 3", 3},
		{EventQuery{Limit: 3, After: after(498)}, "499 501 502", 502},
		{EventQuery{Limit: 2, After: after(0), Names: []string{"s0"}}, "10 20", 20},
		{EventQuery{Limit: 3, After: after(990), Names: []string{"s9"}}, "999 1009 1019", 1019},
		{EventQuery{Limit: 2, After: after(last - 3)}, fmt.Sprint(last-2, last-1), last - 1},
		{EventQuery{After: after(last)}, "", last},
		{EventQuery{After: after(0), Types: []string{"exited"}}, "", last},
	} {
		p := page(tt.q)
		if p.Next != tt.next && numbers(p) != "" || strings.ReplaceAll(numbers(p), " ", "") != strings.ReplaceAll(tt.want, " ", "") {
			t.Errorf("%+v: %q, next %d; want %q, %d", tt.q, numbers(p), p.Next, tt.want, tt.next)
		}
	}
	for _, q := range []EventQuery{{Limit: -1}, {Types: []string{"nothing"}}, {Names: []string{"../x"}}} {
		_, err := c.Events(ctx, q)
		wants(t, err, Invalid)
	}

	// One who was here long ago gets all, from files and memory, once.
	done := errors.New("done")
	follow := func(from uint64, until uint64) error {
		f, err := c.Follow(ctx, EventQuery{After: &from})
		if err != nil {
			return err
		}
		next := from + 1
		limit, cancel := context.WithTimeout(ctx, fixture.Patience)
		defer cancel()
		err = f.Each(limit, time.Hour, func(events []Event) error {
			for _, e := range events {
				if next == 500 {
					next++
				}
				if e.Seq != next {
					return fmt.Errorf("event %d, want %d", e.Seq, next)
				}
				if next++; next > until {
					return done
				}
			}
			return nil
		})
		if err == nil {
			err = fmt.Errorf("only up to %d", next)
		}
		return err
	}
	if err := follow(0, last); err != done {
		t.Error(err)
	}
	// While others come.
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ended := make(chan error, 1)
	go func() { ended <- follow(10, last+100) }()
	for i := last + 1; i <= last+100; i++ {
		file.WriteString(line(i, "x"))
	}
	if err := <-ended; err != done {
		t.Error(err)
	}

	// The files are read before memory has it.
	fixture.Eventually(t, "the last event", func() bool { return page(EventQuery{Limit: 1}).Next == last+100 })

	// Somebody clears the state: numbers begin anew, and a follower goes on.
	began := make(chan struct{})
	go func() {
		f, _ := c.Follow(ctx, EventQuery{})
		first := true
		ended <- f.Each(ctx, time.Hour, func(events []Event) error {
			if first {
				close(began)
				first = false
				return nil
			}
			if len(events) != 1 || events[0].Seq != 1 {
				return fmt.Errorf("%v", events)
			}
			return done
		})
	}()
	<-began
	fixture.Put(t, path, line(1, "again"))
	if err := <-ended; err != done {
		t.Error(err)
	}
}

// What the files have and memory does not have yet comes once.
func TestFilesAreAhead(t *testing.T) {
	c := New(fixture.Places(t), nil) // it does not run, so that its memory has what is put there
	ctx := WithCaller(t.Context(), Caller{"test", Reader})
	const inMemory, inFiles = tailEvents + 10, tailEvents + 20
	var text strings.Builder
	var all []Event
	for i := 1; i <= inFiles; i++ {
		text.WriteString(line(i, "web"))
		all = append(all, Event{Seq: uint64(i), Name: "web"})
	}
	fixture.Put(t, filepath.Join(c.places.EventsDir(), "current.jsonl"), text.String())
	all = append(all, Event{Seq: inFiles + 1, Name: "web"})
	close(c.news.begun)
	c.news.add(all[:inMemory])
	var from, seen uint64
	added := false
	f, err := c.Follow(ctx, EventQuery{After: &from})
	if err != nil {
		t.Fatal(err)
	}
	done := errors.New("done")
	err = f.Each(ctx, time.Millisecond, func(events []Event) error {
		for _, e := range events {
			if seen++; e.Seq != seen {
				return fmt.Errorf("event %d, want %d", e.Seq, seen)
			}
		}
		if seen > inFiles {
			return done
		}
		if events == nil && seen >= inMemory && !added { // nothing more comes for now
			added = true
			c.news.add(all[inMemory:])
			c.news.wake()
		}
		return nil
	})
	if err != done {
		t.Error(err)
	}
}

// Whose number is larger than any there is has nothing to miss: he gets what comes from
// the moment on that he is told so, and not from a later one.
func TestFollowFromAnotherColony(t *testing.T) {
	c, ctx := newColony(t)
	number := uint64(1000)
	f, err := c.Follow(ctx, EventQuery{After: &number})
	if err != nil {
		t.Fatal(err)
	}
	done := errors.New("done")
	calls := 0
	err = f.Each(ctx, time.Millisecond, func(events []Event) error {
		if calls++; calls == 1 {
			fixture.Put(t, filepath.Join(c.places.EventsDir(), "current.jsonl"), line(1, "web"))
			fixture.Eventually(t, "the event is read", func() bool { return c.news.now().seq == 1 })
			return nil
		}
		if len(events) != 1 || events[0].Seq != 1 {
			return fmt.Errorf("event 1 was missed; there is %v", events)
		}
		return done
	})
	if err != done {
		t.Error(err)
	}
}

// Who follows is called at the beginning, and when nothing happens; and gets only what
// he wants.
func TestFollowIdle(t *testing.T) {
	c, ctx := newColony(t)
	f, err := c.Follow(ctx, EventQuery{Names: []string{"web"}})
	if err != nil {
		t.Fatal(err)
	}
	done := errors.New("done")
	calls := 0
	err = f.Each(ctx, time.Millisecond, func(events []Event) error {
		if len(events) > 0 {
			return fmt.Errorf("%v", events)
		}
		if calls++; calls == 1 {
			fixture.Put(t, filepath.Join(c.places.EventsDir(), "current.jsonl"), line(1, "db"))
		}
		if c.news.now().seq == 1 && calls > 3 {
			return done
		}
		return nil
	})
	if err != done {
		t.Error(err)
	}
}
