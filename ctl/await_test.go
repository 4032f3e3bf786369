package ctl

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Every state against every goal: y = reached, n = there is no hope, . = wait.
func TestGoals(t *testing.T) {
	states := map[spec.State]string{ // ready, running, exited, gone
		spec.Waiting:    "....",
		spec.Starting:   "....",
		spec.Running:    "yy..",
		spec.Stopping:   "....",
		spec.Backingoff: "....",
		spec.Failed:     "nny.",
		spec.Exited:     "nny.",
		spec.Stopped:    "nny.",
		spec.Invalid:    "nnn.",
	}
	for _, state := range spec.States {
		want, ok := states[state]
		if !ok {
			t.Errorf("state %s is not tested", state)
		}
		st := &spec.Status{State: state, SpecError: &spec.Problem{Message: "bad"}}
		if state == spec.Running {
			st.PID, st.Ready = 7, true
		}
		got := ""
		for _, goal := range Goals {
			reached, err := goal.judge(st)
			switch {
			case reached:
				got += "y"
			case err != nil:
				got += "n"
			default:
				got += "."
			}
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", state, got, want)
		}
	}
	// What only somebody's action ends is told from what ends by itself.
	soon := time.Now()
	for _, tc := range []struct {
		st   spec.Status
		goal Goal
		want string // of why there is no hope; "" = there is some
	}{
		{spec.Status{State: spec.Failed, Reason: "more than 2 restarts within 1m0s"}, GoalReady, "it has failed: more than 2 restarts within 1m0s"},
		{spec.Status{State: spec.Failed, Reason: "more than 2 restarts within 1m0s", NextStart: &soon}, GoalReady, ""},
		{spec.Status{State: spec.Failed, Reason: "more than 2 restarts within 1m0s", NextStart: &soon}, GoalExited, ""},
		{spec.Status{State: spec.Waiting, Reason: `there is no service "db"`}, GoalRunning, `it waits: there is no service "db"`},
		{spec.Status{State: spec.Waiting, WaitingFor: []string{"db"}}, GoalReady, ""},
	} {
		reached, err := tc.goal.judge(&tc.st)
		if got := errorText(err); reached || got != tc.want {
			t.Errorf("%s for %s: got %v, %q, want %q", tc.st.State, tc.goal, reached, got, tc.want)
		}
	}
	// A program that is up but not ready runs.
	st := &spec.Status{State: spec.Starting, PID: 7}
	if ready, _ := GoalReady.judge(st); ready {
		t.Error("starting is taken for ready")
	}
	if running, _ := GoalRunning.judge(st); !running {
		t.Error("a process that starts is not taken for one that runs")
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A request that is on its way is waited for, and a process that ends right after its
// start does not run, however often it is started.
func TestWaitFor(t *testing.T) { synctest.Test(t, testWaitFor) }

func testWaitFor(t *testing.T) {
	p := newPlaces(t)
	hold(t, p)
	say := func(st spec.Status) {
		st.Name, st.Since = "web", time.Now()
		publish(t, p.Status("web"), st)
	}
	runs := func(generation uint64) spec.Status {
		return spec.Status{State: spec.Running, PID: 5, Ready: true, Generation: generation}
	}
	say(spec.Status{State: spec.Stopped})
	if _, err := WaitFor(within(t, time.Minute), p, "web", GoalReady); errorText(err) != "it is stopped" {
		t.Errorf("stopped: error %v", err)
	}
	time.AfterFunc(patience-lastPoll, func() { say(runs(1)) })
	if st, err := WaitFor(within(t, time.Minute), p, "web", GoalReady); err != nil || st.PID != 5 {
		t.Errorf("started meanwhile: got %+v, %v", st, err)
	}
	say(spec.Status{State: spec.Backingoff, Generation: 1})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range uint64(20) {
			time.Sleep(lastPoll)
			say(runs(2 + i))
			time.Sleep(lateness - lastPoll)
			say(spec.Status{State: spec.Backingoff, Generation: 2 + i})
		}
	}()
	if st, err := WaitFor(within(t, 2*time.Second), p, "web", GoalRunning); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("started again and again: got %+v, %v, want a deadline", st, err)
	}
	<-done
}
