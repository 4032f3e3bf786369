package top

import (
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Every way not to be well is found, and told with its cause.
func TestTrouble(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { at := now.Add(d); return &at }
	three := 3
	crash := &spec.Exit{Code: &three, Ran: 0.2}
	bad := &spec.Problem{Line: 3, Column: 12, Message: "uid: must be a number"}
	beat := &spec.Heartbeat{State: spec.HeartOverdue, Generation: 7, Period: 10, LastBeat: at(-25 * time.Second)}
	held := *beat
	held.State, held.LastBeat = spec.HeartHeld, nil
	before := *beat
	before.Generation = 6
	running := spec.Status{State: spec.Running, PID: 4711, Generation: 7, Ready: true}
	waits := spec.Status{State: spec.Waiting, WaitingFor: []string{spec.Scheduler}}
	with := func(st spec.Status, more func(*spec.Status)) spec.Status { more(&st); return st }
	for _, tc := range []struct {
		status spec.Status
		heart  *spec.Heartbeat
		want   trouble
		text   string
	}{
		{spec.Status{State: spec.Failed, Reason: "more than 5 restarts within 1m0s", LastExit: crash}, nil, failed, "failed: more than 5 restarts within 1m0s"},
		{spec.Status{State: spec.Failed, LastExit: crash}, nil, failed, "failed: exited with code 3 after 200ms"},
		{spec.Status{State: spec.Backingoff, LastExit: crash, Restarts: 4, NextStart: at(4 * time.Second)}, nil, looping,
			"crash-looping: exited with code 3 after 200ms; starts in 4s; 4 restarts"},
		{spec.Status{State: spec.Backingoff}, nil, looping, "crash-looping: "},
		{running, beat, overdue, "overdue: no beat within 10s, the last 25s ago"},
		{running, &held, overdue, "overdue: no beat within 10s; others of its group are restarted first"},
		{running, &before, fine, ""}, // of the life before
		{running, &spec.Heartbeat{State: spec.HeartBeating, Generation: 7}, fine, ""},
		{with(running, func(st *spec.Status) { st.PID = 0 }), beat, fine, ""},
		{with(waits, func(st *spec.Status) { st.Schedule = &spec.Timetable{Next: at(-time.Minute)} }), nil, overdue, "overdue: was due 1m0s ago"},
		{with(waits, func(st *spec.Status) { st.Schedule = &spec.Timetable{Next: at(-time.Second)} }), nil, fine, "was due 1s ago"},
		{with(waits, func(st *spec.Status) { st.State, st.Schedule = spec.Stopped, &spec.Timetable{Next: at(-time.Minute)} }), nil, fine, "was due 1m0s ago"},
		{with(running, func(st *spec.Status) { st.Schedule = &spec.Timetable{Next: at(-time.Minute)} }), nil, fine, "was due 1m0s ago"},
		{spec.Status{State: spec.Invalid, SpecError: bad}, nil, broken, "invalid: line 3 column 12: uid: must be a number"},
		{with(running, func(st *spec.Status) { st.SpecError = bad }), nil, broken, "its new spec is bad: line 3 column 12: uid: must be a number"},
		{with(running, func(st *spec.Status) {
			st.Probes = map[string]spec.Probe{"http": {Error: "refused", Generation: 7, Bad: 2}}
		}), nil, sick, "http check bad 2 times: refused"},
		{spec.Status{State: spec.Waiting, WaitingFor: []string{"db"}, Reason: `there is no service "db"`}, nil, stuck, `waits for db; there is no service "db"`},
		{spec.Status{State: spec.Waiting, WaitingFor: []string{"db"}}, nil, fine, "waits for db"},
		{spec.Status{State: spec.Failed, Reason: "odd\x1b[31m"}, nil, failed, "failed: odd [31m"},
		{running, nil, fine, ""},
	} {
		r := &row{status: tc.status, heart: tc.heart}
		r.trouble = troubleOf(&r.status, r.heart, now)
		if got := r.describe(now); r.trouble != tc.want || got != tc.text {
			t.Errorf("%s: trouble %d, %q; want %d, %q", tc.status.State, r.trouble, got, tc.want, tc.text)
		}
	}
}
