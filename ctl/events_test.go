package ctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// log is the events of a test, which it writes as the supervisor does.
type log struct {
	t   *testing.T
	dir string
	seq int
}

func newLog(t *testing.T, p Places) *log {
	if err := os.MkdirAll(p.EventsDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	return &log{t: t, dir: p.EventsDir()}
}

func (l *log) path(number int) string {
	path := filepath.Join(l.dir, "current.jsonl")
	if number > 0 {
		path = fmt.Sprintf("%s.%d", path, number)
	}
	return path
}

// append adds text to the current file.
func (l *log) append(text string) {
	l.t.Helper()
	f, err := os.OpenFile(l.path(0), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		l.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		l.t.Fatal(err)
	}
}

// event adds the next one.
func (l *log) event() {
	l.t.Helper()
	l.seq++
	l.append(fmt.Sprintf(`{"seq":%d,"type":"started","name":"web"}`+"\n", l.seq))
}

// rotate begins a new file, of which keep older ones stay.
func (l *log) rotate(keep int) {
	l.t.Helper()
	for i := keep - 1; i >= 0; i-- {
		if err := os.Rename(l.path(i), l.path(i+1)); err != nil && !errors.Is(err, os.ErrNotExist) {
			l.t.Fatal(err)
		}
	}
}

// seqs are the numbers from first to last.
func seqs(first, last int) (all []uint64) {
	for n := first; n <= last; n++ {
		all = append(all, uint64(n))
	}
	return all
}

// A follower that looks now and then misses nothing and sees nothing twice,
// whatever the supervisor does between two looks.
func TestJournalFollows(t *testing.T) {
	p := newPlaces(t)
	l := newLog(t, p)
	j := journal{dir: p.EventsDir()}
	defer j.close()
	var lines []string
	look := func() {
		t.Helper()
		err := j.read(context.Background(), func(line []byte) error {
			lines = append(lines, string(line))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, n int) {
		t.Helper()
		look()
		var expected []string
		for i := 1; i <= n; i++ {
			expected = append(expected, fmt.Sprintf(`{"seq":%d,"type":"started","name":"web"}`, i))
		}
		if diff := cmp.Diff(expected, lines); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", what, diff)
		}
	}
	want("no file", 0)
	l.event()
	l.rotate(4)
	l.event()
	l.rotate(4)
	l.event()
	want("three files", 3)
	want("again", 3)
	l.append(`{"seq":4,"type":"sta`)
	want("a torn line", 3)
	l.append(`rted","name":"web"}` + "\n")
	l.seq++
	want("the rest of it", 4)
	l.event()
	l.rotate(4)
	want("written before the file was renamed", 5)
	l.event()
	want("a new file", 6)
	for range 3 {
		l.event()
		l.rotate(4)
		l.event()
	}
	want("three renamings at once", 12)
	for range 2 {
		l.rotate(4)
	}
	want("no current file", 12)
	l.event()
	want("a late one", 13)
	l.event()
	if err := os.Remove(l.path(0)); err != nil {
		t.Fatal(err)
	}
	l.event()
	want("the current file was deleted, with a line that was not read yet", 15)
	if err := os.Truncate(l.path(0), 0); err != nil {
		t.Fatal(err)
	}
	look() // emptied and filled again between two looks cannot be told apart
	l.event()
	want("the current file was emptied", 16)
}

// In the midst of a renaming there is a gap in the numbers, which hides nothing
// and repeats nothing.
func TestJournalGap(t *testing.T) {
	for gap := 1; gap <= 3; gap++ {
		p := newPlaces(t)
		l := newLog(t, p)
		for range 3 {
			l.event()
			l.rotate(4)
		}
		l.event()
		for i := 3; i >= gap; i-- {
			if err := os.Rename(l.path(i), l.path(i+1)); err != nil {
				t.Fatal(err)
			}
		}
		j := journal{dir: p.EventsDir()}
		defer j.close()
		var got []uint64
		look := func() {
			t.Helper()
			err := j.read(t.Context(), func(line []byte) error {
				var e spec.Event
				err := json.Unmarshal(line, &e)
				got = append(got, e.Seq)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		look()
		for i := gap - 1; i >= 0; i-- {
			if err := os.Rename(l.path(i), l.path(i+1)); err != nil {
				t.Fatal(err)
			}
		}
		look()
		l.event()
		look()
		if diff := cmp.Diff(seqs(1, 5), got); diff != "" {
			t.Errorf("gap at %d: numbers (-want +got):\n%s", gap, diff)
		}
	}
}

func TestEvents(t *testing.T) {
	p := newPlaces(t)
	write(t, filepath.Join(p.EventsDir(), "current.jsonl.1"), `{"seq":1,"time":"2026-01-01T00:00:00Z","type":"colony-started"}
{"seq":2,"time":"2026-01-01T00:00:01Z","type":"started","name":"web"}
no JSON
{"seq":3,"time":"2026-01-01T00:00:02Z","type":"started","name":"db"}
`)
	write(t, filepath.Join(p.EventsDir(), "current.jsonl"), `{"seq":4,"time":"2026-01-01T00:00:03Z","type":"exited","name":"web"}
{"seq":5,"time":"2026-01-01T00:00:04Z","type":"started","name":"web"}
{"seq":6,"time":"2026-01-01T00:00:05Z","type":"exi`)
	number := func(n int) *int { return &n }
	for _, tc := range []struct {
		what    string
		options EventOptions
		want    []uint64
	}{
		{"all", EventOptions{}, seqs(1, 5)},
		{"of one", EventOptions{Names: []string{"web"}}, []uint64{2, 4, 5}},
		{"of two", EventOptions{Names: []string{"db", "web"}}, seqs(2, 5)},
		{"since", EventOptions{Since: time.Date(2026, 1, 1, 0, 0, 2, 0, time.UTC)}, seqs(3, 5)},
		{"last", EventOptions{Last: number(2)}, seqs(4, 5)},
		{"last of one", EventOptions{Last: number(2), Names: []string{"web"}}, []uint64{4, 5}},
		{"none", EventOptions{Last: number(0)}, nil},
		{"more than there are", EventOptions{Last: number(9)}, seqs(1, 5)},
	} {
		t.Run(tc.what, func(t *testing.T) {
			var got []uint64
			err := Events(t.Context(), p, tc.options, func(e spec.Event, line []byte) error {
				if !strings.Contains(string(line), fmt.Sprintf(`{"seq":%d,`, e.Seq)) {
					t.Errorf("event %d comes with line %q", e.Seq, line)
				}
				got = append(got, e.Seq)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("numbers (-want +got):\n%s", diff)
			}
		})
	}
	stop := errors.New("enough")
	if err := Events(t.Context(), p, EventOptions{}, func(spec.Event, []byte) error { return stop }); err != stop {
		t.Errorf("error %v, want that of the caller", err)
	}
}

// Follow goes on until it is told to end, which is no error.
func TestEventsFollow(t *testing.T) {
	p := newPlaces(t)
	l := newLog(t, p)
	for range 3 {
		l.event()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	one := 1
	var got []uint64
	err := Events(ctx, p, EventOptions{Follow: true, Last: &one}, func(e spec.Event, _ []byte) error {
		got = append(got, e.Seq)
		switch e.Seq {
		case 3:
			l.event()
			l.rotate(4)
			l.event()
		case 5:
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Errorf("error %v, want none", err)
	}
	if diff := cmp.Diff(seqs(3, 5), got); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}
