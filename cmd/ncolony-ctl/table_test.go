package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func TestStatusTable(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	soon := now.Add(4 * time.Second)
	one := 1
	statuses := []spec.Status{
		{Name: "wéb", State: spec.Running, Since: now.Add(-192 * time.Second), PID: 1234, Restarts: 2, LastExit: &spec.Exit{Signal: "KILL"},
			SpecError: &spec.Problem{Line: 3, Column: 5, Message: "args: missing"}},
		{Name: "job", State: spec.Backingoff, Since: now, NextStart: &soon, LastExit: &spec.Exit{Code: &one},
			Warnings: []string{"a\nb", "c"}, WaitingFor: []string{"db", "mq"}},
		{Name: "x", State: spec.Stopped, Since: now.Add(-time.Hour), LastExit: &spec.Exit{SpawnError: "no\x1b[31m"}},
	}
	statuses = append(statuses,
		spec.Status{Name: "w", State: spec.Waiting, Since: now, WaitingFor: []string{"db"}, Reason: `there is no service "db"`},
		spec.Status{Name: "f", State: spec.Failed, Since: now, NextStart: &soon, Reason: "more than 2 restarts"},
		spec.Status{Name: "c", State: spec.Invalid, Since: now, SpecError: &spec.Problem{Message: "cycle: c -> c"}, Reason: "cycle: c -> c"},
		spec.Status{Name: "s", State: spec.Running, Since: now, PID: 7, StatusText: strings.Repeat("x", 70), Reloading: true, Warnings: []string{"odd"}},
	)
	want := `NAME  STATE    PID   SINCE  RESTARTS  LAST EXIT                 NOTE
wéb   running  1234  3m12s  2         signal KILL               spec: line 3 column 5: args: missing
job   backoff  -     0s     0         exit 1                    starts in 4s; waits for db, mq; a b; c
x     stopped  -     1h0m   0         could not start: no [31m
w     waiting  -     0s     0         -                         waits for db; there is no service "db"
f     failed   -     0s     0         -                         starts in 4s; more than 2 restarts
c     invalid  -     0s     0         -                         spec: cycle: c -> c
s     running  7     0s     0         -                         reads its configuration anew; odd; says: ` + strings.Repeat("x", 59) + `…
`
	var out bytes.Buffer
	if err := statusTable(statuses, now, false).write(&out, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	out.Reset()
	if err := statusTable(statuses[2:3], now, true).write(&out, true); err != nil {
		t.Fatal(err)
	}
	want = "\x1b[1mNAME\x1b[0m  \x1b[1mSTATE\x1b[0m            \x1b[1mPID\x1b[0m  \x1b[1mSINCE\x1b[0m  \x1b[1mRESTARTS\x1b[0m  \x1b[1mLAST EXIT\x1b[0m                 \x1b[1mNOTE\x1b[0m\n" +
		"x     \x1b[2mstopped (stale)\x1b[0m  -    1h0m   0         could not start: no [31m\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("coloured table (-want +got):\n%s", diff)
	}
}
