package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// What a running supervisor writes is held against the schemas in
// cmd/ncolony/ctl_schema_test.go. Here is what it seldom writes.

var (
	now   = time.Now()
	exits = []*spec.Exit{
		nil,
		{Code: ptr(0), At: now}, {Code: ptr(255), At: now, Ran: 0.25},
		{Signal: "RTMIN+3", At: now, Core: true, OOM: true},
		{Unknown: true, At: now},
		{SpawnError: "no such file", At: now},
	}
)

// accepts says whether the schema accepts v as it is written.
func accepts(t *testing.T, s *jsonschema.Schema, v any) error {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return validate(s, text)
}

func TestStatuses(t *testing.T) {
	s := compile(t, "status")
	for _, state := range spec.States {
		for _, exit := range exits {
			st := spec.Status{Name: "@heartcheck", State: state, Since: now, PID: 1, Generation: 1<<64 - 1, LastExit: exit,
				NextStart: &now, SpecError: &spec.Problem{Message: "x"}, Warnings: []string{}, WaitingFor: []string{"web"}}
			if err := accepts(t, s, st); err != nil {
				t.Errorf("%s: %v", state, err)
			}
		}
	}
	for what, change := range map[string]func(*spec.Status){
		"state":          func(st *spec.Status) { st.State = "asleep" },
		"name":           func(st *spec.Status) { st.Name = "a/b" },
		"pid":            func(st *spec.Status) { st.PID = -1 },
		"digest":         func(st *spec.Status) { st.SpecSHA256 = "abc" },
		"null list":      func(st *spec.Status) { st.Warnings = nil },
		"no exit":        func(st *spec.Status) { st.LastExit = &spec.Exit{At: now} },
		"two exits":      func(st *spec.Status) { st.LastExit = &spec.Exit{Code: ptr(0), Signal: "KILL", At: now} },
		"impossible end": func(st *spec.Status) { st.LastExit = &spec.Exit{Code: ptr(256), At: now} },
	} {
		st := spec.Status{Name: "web", State: spec.Running, Since: now, Warnings: []string{}, WaitingFor: []string{}}
		if err := accepts(t, s, st); err != nil {
			t.Fatal(err)
		}
		if change(&st); accepts(t, s, st) == nil {
			t.Errorf("%s: is accepted", what)
		}
	}
}

func TestEvents(t *testing.T) {
	s := compile(t, "event")
	for _, typ := range spec.EventTypes {
		for _, exit := range exits {
			e := spec.Event{Seq: 1, Time: now, Type: typ, Name: "web", Generation: 3, PID: 7, Exit: exit, Delay: 0.5, Request: "r", Reason: "why", Error: "what"}
			if err := accepts(t, s, e); err != nil {
				t.Errorf("%s: %v", typ, err)
			}
		}
	}
	if accepts(t, s, spec.Event{Seq: 1, Time: now, Type: "slept"}) == nil {
		t.Error("an unknown type is accepted")
	}
}

func TestResults(t *testing.T) {
	s := compile(t, "result")
	for _, typ := range append([]spec.Type{""}, spec.Types...) {
		r := spec.Result{OK: true, Error: "x", Type: typ, Name: "web", Group: "g", Received: now}
		if err := accepts(t, s, r); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		r.Finished, r.Services = &now, []spec.ServiceResult{{Name: "web", Error: "no", OldPID: 1, NewPID: 2}}
		if err := accepts(t, s, r); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
	}
	if accepts(t, s, spec.Result{Type: "DANCE", Received: now}) == nil {
		t.Error("an unknown type is accepted")
	}
	if accepts(t, s, map[string]any{"ok": true}) == nil {
		t.Error("half a result is accepted")
	}
}

func TestCrashes(t *testing.T) {
	s := compile(t, "crash")
	for _, exit := range exits[1:] {
		c := spec.Crash{Name: "web@2", Generation: 3, Exit: exit, Started: &now, Restarts: 2, SpecSHA256: strings.Repeat("0f", 32), Lines: []string{}, Stderr: []string{"x"}}
		if err := accepts(t, s, c); err != nil {
			t.Error(err)
		}
		c.Started, c.SpecSHA256, c.Stderr = nil, "", nil
		if err := accepts(t, s, c); err != nil {
			t.Error(err)
		}
	}
	for what, c := range map[string]spec.Crash{
		"no exit":  {Name: "web", Lines: []string{}},
		"no name":  {Exit: exits[1], Lines: []string{}},
		"no lines": {Name: "web", Exit: exits[1]},
		"digest":   {Name: "web", Exit: exits[1], Lines: []string{}, SpecSHA256: "x"},
	} {
		if accepts(t, s, c) == nil {
			t.Errorf("%s: is accepted", what)
		}
	}
}

func TestHealth(t *testing.T) {
	probes, hearts := compile(t, "probe"), compile(t, "heart")
	p := spec.Probes{Name: "web@2", Checks: map[string]spec.Probe{"http": {OK: true, Since: now, At: now, Took: 0.5, Generation: 7, Good: 3, Next: &now}, "ready": {Error: "x"}}}
	if err := accepts(t, probes, p); err != nil {
		t.Error(err)
	}
	p.Checks["icmp"] = spec.Probe{}
	if accepts(t, probes, p) == nil {
		t.Error("an unknown check is accepted")
	}
	for _, state := range spec.HeartStates {
		h := spec.Heartbeat{Name: "web", State: state, Generation: 7, File: "/run/web", Period: 0.05, LastBeat: &now, Misses: 3}
		if err := accepts(t, hearts, h); err != nil {
			t.Errorf("%s: %v", state, err)
		}
		if h.LastBeat = nil; accepts(t, hearts, h) != nil {
			t.Errorf("%s: not without a beat", state)
		}
	}
	if accepts(t, hearts, spec.Heartbeat{Name: "web", State: "broken", Period: 1}) == nil {
		t.Error("an unknown state is accepted")
	}
}

func TestColony(t *testing.T) {
	s := compile(t, "colony")
	c := spec.ColonyStatus{PID: 1, Started: now, Counts: map[spec.State]int{}, BadFiles: map[string]string{"a b": "why"}, Degraded: map[string]string{}}
	for _, state := range spec.States {
		c.Counts[state] = 1
	}
	if err := accepts(t, s, c); err != nil {
		t.Error(err)
	}
	c.Counts["asleep"] = 1
	if accepts(t, s, c) == nil {
		t.Error("an unknown state is accepted")
	}
}
