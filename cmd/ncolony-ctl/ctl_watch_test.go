package main

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func aView() view {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	one := 1
	return view{
		now:    now,
		places: spec.Places{Config: "/srv/colony/config", Messages: "/srv/colony/messages", State: "/srv/colony/state"},
		statuses: []spec.Status{
			{Name: "api", State: spec.Running, Since: now.Add(-time.Hour), PID: 12},
			{Name: "db", State: spec.Backingoff, Since: now.Add(-time.Second), LastExit: &spec.Exit{Code: &one}},
			{Name: "web", State: spec.Running, Since: now.Add(-time.Minute), PID: 14, LastExit: &spec.Exit{SpawnError: strings.Repeat("é", 300)}},
			{Name: "@heartcheck", State: spec.Running, Since: now.Add(-time.Hour), PID: 11},
		},
		alive: true,
		colony: &spec.ColonyStatus{PID: 10, Version: "1.2.3", Started: now.Add(-time.Hour),
			Degraded: map[string]string{"status": "no space left on device"}},
	}
}

// utc has times printed the same on every machine.
func utc(t *testing.T) {
	local := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = local })
}

func TestFrame(t *testing.T) {
	utc(t)
	v := aView()
	v.statuses[2].LastExit = nil
	want := `ncolony /srv/colony  pid 10  up 1h0m  1.2.3                             12:00:00
3 services: 2 running, 1 backoff

NAME         STATE    PID  SINCE  RESTARTS  LAST EXIT  NOTE
api          running  12   1h0m   0         -
db           backoff  -    1s     0         exit 1
web          running  14   1m0s   0         -
@heartcheck  running  11   1h0m   0         -
degraded: status: no space left on device`
	if diff := cmp.Diff(want, strings.Join(v.frame(80, 24, false), "\n")); diff != "" {
		t.Errorf("all of it (-want +got):\n%s", diff)
	}
	want = `ncolony /srv/colony  pid…  12:00:00
3 services: 2 running, 1 backoff

NAME  STATE    PID  SINCE  RESTARTS
db    backoff  -    1s     0
and 3 more, for which the window i…
degraded: status: no space left on…`
	if diff := cmp.Diff(want, strings.Join(v.frame(35, 7, false), "\n")); diff != "" {
		t.Errorf("a part of it (-want +got):\n%s", diff)
	}
	v.alive = false
	if got := v.frame(80, 24, false); !strings.Contains(got[0], "no supervisor is running") || !strings.Contains(got[4], "running (stale)") {
		t.Errorf("without a supervisor:\n%s", strings.Join(got, "\n"))
	}
	v.statuses, v.colony = nil, nil
	if diff := cmp.Diff([]string{"no services", ""}, v.frame(80, 24, false)[1:]); diff != "" {
		t.Errorf("nothing (-want +got):\n%s", diff)
	}
}

// No window is too small, and no line too long for it.
func TestFrameFits(t *testing.T) {
	escapes := regexp.MustCompile("\x1b\\[[0-9]+m")
	v := aView()
	for width := 1; width < 130; width++ {
		for height := 1; height < 12; height++ {
			lines := v.frame(width, height, true)
			if len(lines) > height {
				t.Errorf("%d by %d: %d lines", width, height, len(lines))
			}
			for _, line := range lines {
				if n := utf8.RuneCountInString(escapes.ReplaceAllString(line, "")); n > width {
					t.Errorf("%d by %d: %d characters in %q", width, height, n, line)
				}
			}
		}
	}
}

func TestWriteChanges(t *testing.T) {
	utc(t)
	v := aView()
	before := map[string]spec.Status{}
	for _, st := range v.statuses {
		before[st.Name] = st
	}
	for range 2 { // the second time nothing is new
		v.changed = []string{"api", "db", "gone", "never"}
		v.statuses[1].State, v.statuses[1].PID, v.statuses[1].Generation = spec.Running, 99, 2
		var out bytes.Buffer
		if err := v.writeChanges(&out, before); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("2026-01-31 12:00:00  db            running, pid 99\n", out.String()); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	}
	// Also what is waited for is told when it is another.
	before["api"] = spec.Status{Name: "api", State: spec.Waiting, Generation: 3, WaitingFor: []string{"db", "mq"}}
	v.statuses[0] = spec.Status{Name: "api", State: spec.Waiting, Generation: 3, WaitingFor: []string{"mq"}}
	v.changed = []string{"api"}
	var now bytes.Buffer
	if err := v.writeChanges(&now, before); err != nil || !strings.HasSuffix(now.String(), "api           waiting; waits for mq\n") {
		t.Errorf("one that waits for less: got %q, %v", &now, err)
	}
	before["gone"] = spec.Status{Name: "gone"}
	(&view{err: errors.New("no such luck")}).keep(before)
	var out bytes.Buffer
	v.changed = []string{"gone"}
	if err := v.writeChanges(&out, before); err != nil || !strings.Contains(out.String(), "gone          removed\n") {
		t.Errorf("a service that is gone: got %q, %v", &out, err)
	}
	v.keep(before)
	if _, still := before["gone"]; still || len(before) != len(v.statuses) {
		t.Errorf("seen before are %v", before)
	}
}

// A look at many services that do not change must stay cheap.
func BenchmarkLook(b *testing.B) {
	root := b.TempDir()
	p := spec.Places{Config: root + "/config", Messages: root + "/messages", State: root + "/state"}
	t := &testing.T{}
	for i := range 1000 {
		say(t, root, spec.Status{Name: fmt.Sprintf("s%d", i), State: spec.Running})
	}
	w := &watch{places: p}
	w.look()
	for b.Loop() {
		v := w.look()
		v.frame(100, 40, true)
	}
}
