package ctl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Goal is what one can wait for a service to be.
type Goal string

const (
	GoalReady   Goal = "ready"   // it does its work: what "ready" in its spec asks for has come, or it runs
	GoalRunning Goal = "running" // its program runs, ready or not
	GoalExited  Goal = "exited"  // it has ended or is stopped, and does not start by itself, or not before it is due
	GoalGone    Goal = "gone"    // it is no service any more: neither spec nor process
)

// Goals lists all goals.
var Goals = []Goal{GoalReady, GoalRunning, GoalExited, GoalGone}

// Hopeless says that a service is in a state from which only somebody's action
// leads to what was waited for.
type Hopeless struct {
	State  spec.State
	Reason string
}

func (e *Hopeless) Error() string { return e.Reason }

// WaitFor returns the status of name once it is what goal says; for GoalGone
// there is none, and it is nil. If the service does not get there the last
// status, if any was seen, comes with an error: a *Hopeless, ErrNoService,
// ErrNoSupervisor, or ctx's.
//
// A service that has a spec and no status yet is waited for. A process that
// ends right after its start is not taken for one that runs, and a state
// without hope has to last for a moment: a request that was sent before may not
// have had its effect yet.
func WaitFor(ctx context.Context, p Places, name string, goal Goal) (*spec.Status, error) {
	if _, alive, err := Alive(p); err != nil {
		return nil, err
	} else if !alive {
		return nil, ErrNoSupervisor
	}
	var last *spec.Status
	var up, hopeless time.Time // since when we see it so, in this life
	err := poll(ctx, p, func() (bool, error) {
		st, err := StatusOf(p, name)
		if err == ErrNoService {
			last = nil
			return goneOrToCome(p, name, goal)
		}
		if err != nil {
			return false, err
		}
		if last == nil || last.Generation != st.Generation {
			up, hopeless = time.Time{}, time.Time{}
		}
		last = st
		switch reached, cause := goal.judge(st); {
		case reached && (goal == GoalReady || goal == GoalRunning):
			return lasts(&up, lateness) || time.Since(st.Since) >= lateness, nil
		case reached:
			return true, nil
		case cause == nil:
			up, hopeless = time.Time{}, time.Time{}
			return false, nil
		case lasts(&hopeless, patience):
			return true, cause
		}
		return false, nil
	})
	return last, err
}

// lasts says whether something that is so now, and was since *since unless that
// is zero, is so for long enough.
func lasts(since *time.Time, enough time.Duration) bool {
	if since.IsZero() {
		*since = time.Now()
	}
	return time.Since(*since) >= enough
}

// goneOrToCome is what it means that name has no status.
func goneOrToCome(p Places, name string, goal Goal) (reached bool, err error) {
	err = Known(p, name)
	if goal == GoalGone && err == ErrNoService {
		return true, nil
	}
	return false, err
}

// Is says at once whether name is what goal says: nil if it is. Otherwise the
// error says what it is instead, or is ErrNoService or ErrNoSupervisor. The
// status, if there is one, comes with it.
func Is(p Places, name string, goal Goal) (*spec.Status, error) {
	if _, alive, err := Alive(p); err != nil {
		return nil, err
	} else if !alive {
		return nil, ErrNoSupervisor
	}
	st, err := StatusOf(p, name)
	if err == ErrNoService {
		reached, err := goneOrToCome(p, name, goal)
		if err == nil && !reached {
			err = errors.New("the supervisor has not seen it yet")
		}
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	reached, cause := goal.judge(st)
	if !reached && cause == nil {
		cause = fmt.Errorf("it is %s", st.State)
	}
	return st, cause
}

// UntilDue reports whether a service waits for its schedule.
func UntilDue(st *spec.Status) bool {
	return st.State == spec.Waiting && slices.Contains(st.WaitingFor, spec.Scheduler)
}

// judge says whether a status is what g asks for and, if not, why it will not
// be; nil = it may.
func (g Goal) judge(st *spec.Status) (reached bool, hopeless error) {
	switch g {
	case GoalReady:
		reached = st.Ready
	case GoalRunning:
		reached = st.PID != 0 && (st.State == spec.Running || st.State == spec.Starting)
	case GoalExited:
		reached = st.State == spec.Exited || st.State == spec.Stopped || st.State == spec.Failed && st.NextStart == nil || UntilDue(st) && st.LastExit != nil
	}
	if reached || g == GoalGone {
		return reached, nil
	}
	no := func(reason string) (bool, error) { return false, &Hopeless{st.State, reason} }
	switch st.State {
	case spec.Invalid:
		if st.SpecError != nil {
			return no("it has no good spec: " + st.SpecError.Error())
		}
		return no("it has no good spec")
	case spec.Stopped:
		if st.Reason != "" {
			return no(st.Reason)
		}
		return no("it is stopped")
	case spec.Failed:
		switch {
		case st.NextStart != nil: // it is tried again
			return false, nil
		case st.Reason != "":
			return no("it has failed: " + st.Reason)
		}
		return no(ending(st) + ", and it is not started again")
	case spec.Exited:
		if st.Schedule != nil {
			return no(ending(st) + ", and it is not started again before it is due")
		}
		return no(ending(st) + ", and it is not started again")
	case spec.Waiting:
		if st.Reason != "" {
			return no("it waits: " + st.Reason)
		}
	}
	return false, nil
}
