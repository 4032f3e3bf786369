package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/words"
)

// aStart is one with everything that can be told of one.
func aStart() *ctl.Analysis {
	began := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	at := func(seconds float64) *time.Time {
		t := began.Add(words.Seconds(seconds))
		return &t
	}
	return &ctl.Analysis{
		Started: began, ReadyAt: at(3.5), Critical: []string{"db", "web"},
		Services: []ctl.Timing{
			{Name: "old", State: spec.Running, Wanted: *at(-60), Started: at(-60), ReadyAt: at(-60), Life: ctl.LifeEarlier},
			{Name: "db", State: spec.Running, Wanted: began, Started: at(0), ReadyAt: at(2), Starting: 2, Critical: true},
			{Name: "slow", State: spec.Starting, Wanted: began, Started: at(0), Starting: 30},
			{Name: "web", State: spec.Running, Wanted: began, Started: at(2), ReadyAt: at(3.5), Waited: 2, Starting: 1.5, Critical: true},
			{Name: "again", State: spec.Running, Wanted: *at(70), Started: at(71), ReadyAt: at(71.2), Waited: 1, Starting: 0.2, Restarts: 3, Life: ctl.LifeRestarted},
			{Name: "a&<b>", State: spec.Waiting, Wanted: began, Waited: 30, WaitingFor: []string{"a", "b", "c", "d"}, Reason: `there is no service "a"`},
		},
	}
}

func TestTellStart(t *testing.T) {
	var out bytes.Buffer
	if err := tellStart(&out, aStart()); err != nil {
		t.Fatal(err)
	}
	want := `2 of 4 services were ready 3.5s after the start of the supervisor; the last was web.

NAME   STATE     WAITED  STARTING  READY AFTER  NOTE
slow   starting  -       30s       -
db     running   -       2s        2s           critical
web    running   2s      1.5s      3.5s         critical
again  running   1s      200ms     -            restarted since
old    running   -       -         -            ran before
a&<b>  waiting   30s     -         -            waits for a, b, c and 1 more: there is no service "a"

critical chain: each waited for the one below it
  web  ready after 3.5s  1.5s of that by itself
  db   ready after 2s    2s of that by itself
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	out.Reset()
	if err := tellStart(&out, &ctl.Analysis{}); err != nil || out.String() != "no services\n" {
		t.Errorf("nothing: %q, %v", out.String(), err)
	}
}

// The drawing is well-formed whatever the names are, has a row for each service,
// and marks the critical chain.
func TestDrawStart(t *testing.T) {
	a := aStart()
	drawn := drawStart(a, a.Started.Add(30*time.Second))
	counts := map[string]int{} // of rectangles by class
	var titles []string
	for d, inTitle := xml.NewDecoder(strings.NewReader(drawn)), false; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			inTitle = e.Name.Local == "title"
			for _, attr := range e.Attr {
				if e.Name.Local == "rect" && attr.Name.Local == "class" {
					counts[attr.Value]++
				}
			}
		case xml.CharData:
			if inTitle {
				titles = append(titles, string(e))
			}
		case xml.EndElement:
			inTitle = false
		}
	}
	want := []string{"old: ran before", "db: 2s", "slow: starting", "web: 1.5s", "again: 200ms, restarted since", `a&<b>: waiting, waits for a, b, c and 1 more: there is no service "a"`}
	if diff := cmp.Diff(want, titles); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	// One of each is in the legend.
	if diff := cmp.Diff(map[string]int{"ground": 1, "waiting": 4, "starting": 5, "ready": 5, "edge": 3}, counts); diff != "" {
		t.Errorf("bars (-want +got):\n%s", diff)
	}
	// While nothing is ready, the scale goes to now.
	waiting := &ctl.Analysis{Started: a.Started, Services: []ctl.Timing{{Name: "web", State: spec.Waiting, Wanted: a.Started, Waited: 30}}}
	if drawn := drawStart(waiting, a.Started.Add(30*time.Second)); !strings.Contains(drawn, ">20s</text>") {
		t.Errorf("the scale is wrong:\n%s", drawn)
	}
	empty := drawStart(&ctl.Analysis{Started: a.Started}, a.Started)
	if err := xml.Unmarshal([]byte(empty), new(struct{})); err != nil || strings.Contains(empty, "NaN") {
		t.Errorf("nothing: %v\n%s", err, empty)
	}
}
