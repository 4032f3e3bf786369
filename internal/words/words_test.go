package words

import (
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Every type of event has words of its own.
func TestEvent(t *testing.T) {
	zero, three := 0, 3
	for _, tc := range []struct {
		event spec.Event
		want  string
	}{
		{spec.Event{Type: spec.EventColonyStarted, Reason: "cold start"}, "the supervisor has started (cold start)"},
		{spec.Event{Type: spec.EventColonyEnded, Reason: "exit code 0"}, "the supervisor has ended (exit code 0)"},
		{spec.Event{Type: spec.EventDraining, Reason: "signal TERM"}, "the colony shuts down (signal TERM)"},
		{spec.Event{Type: spec.EventStarted, PID: 7}, "started, pid 7"},
		{spec.Event{Type: spec.EventSpawnFailed, Error: "no such file"}, "could not be started: no such file"},
		{spec.Event{Type: spec.EventExited, Exit: &spec.Exit{Code: &three, Ran: 12}, Delay: 2}, "exited with code 3 after 12s; starts again in 2s"},
		{spec.Event{Type: spec.EventExited, Exit: &spec.Exit{Code: &zero, Ran: 0.25}}, "exited with code 0 after 250ms"},
		{spec.Event{Type: spec.EventExited, Exit: &spec.Exit{Code: &zero, Ran: 0.0005}}, "exited with code 0 at once"},
		{spec.Event{Type: spec.EventExited, Exit: &spec.Exit{Signal: "SEGV", Ran: 3.14159, Core: true}}, "was killed by signal SEGV and dumped core after 3.1s"},
		{spec.Event{Type: spec.EventExited, Exit: &spec.Exit{Signal: "KILL", Ran: 7380, OOM: true}}, "was killed for lack of memory after 2h3m"},
		{spec.Event{Type: spec.EventExited, Exit: &spec.Exit{Unknown: true}, Reason: "no supervisor was there to see it"},
			"ended while nobody was looking (no supervisor was there to see it)"},
		{spec.Event{Type: spec.EventExited, Exit: &spec.Exit{Signal: "TERM", Ran: 12, Reason: "not ready after 10s"}},
			"was killed by signal TERM after 12s (the supervisor has ended it: not ready after 10s)"},
		{spec.Event{Type: spec.EventEmptied}, "the last process that it left behind is gone"},
		{spec.Event{Type: spec.EventTerminating, PID: 7}, "is being stopped, pid 7"},
		{spec.Event{Type: spec.EventKilled, PID: 7}, "did not stop in time and is killed, pid 7"},
		{spec.Event{Type: spec.EventSpecChanged}, "has a new spec"},
		{spec.Event{Type: spec.EventSpecInvalid, Name: "web", Error: "args: missing"}, "has a bad spec: args: missing"},
		{spec.Event{Type: spec.EventSpecInvalid, Reason: "a b", Error: "no name"}, `bad file "a b": no name`},
		{spec.Event{Type: spec.EventRemoved}, "was removed"},
		{spec.Event{Type: spec.EventRequested, Reason: "STOP web: tired"}, "requested: STOP web: tired"},
		{spec.Event{Type: spec.EventRequested, Request: "x", Error: "no JSON"}, "request x cannot be read: no JSON"},
		{spec.Event{Type: spec.EventAnswered}, "request done"},
		{spec.Event{Type: spec.EventAnswered, Error: "no such group"}, "request failed: no such group"},
		{spec.Event{Type: spec.EventDegraded, Reason: "status", Error: "disk full"}, "does not work now: status: disk full"},
		{spec.Event{Type: spec.EventRecovered, Reason: "status"}, "works again: status"},
		{spec.Event{Type: spec.EventAdopted, PID: 7}, "adopted from a supervisor that was killed, pid 7"},
		{spec.Event{Type: spec.EventUpgraded, Reason: "from 1 to 2, in 12ms"}, "upgraded from 1 to 2, in 12ms"},
		{spec.Event{Type: spec.EventUpgradeFailed, Error: "no such file"}, "not upgraded: no such file"},
		{spec.Event{Type: spec.EventPanicked, Error: "oops"}, "the supervisor has recovered from an internal error: oops"},
		{spec.Event{Type: spec.EventReady, Reason: "after 2s"}, "is ready (after 2s)"},
		{spec.Event{Type: spec.EventUnready, Reason: "not ready after 1m0s"}, "did not become ready in time (not ready after 1m0s)"},
		{spec.Event{Type: spec.EventOverdue, Reason: "no WATCHDOG=1 for 2s"}, "hangs: no WATCHDOG=1 for 2s"},
		{spec.Event{Type: spec.EventFailed, Reason: "4 restarts within 1m0s"}, "has failed: 4 restarts within 1m0s"},
		{spec.Event{Type: "dreamt", PID: 7, Reason: "night", Error: "late"}, "dreamt, pid 7: night: late"},
	} {
		if got := Event(&tc.event); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.event.Type, got, tc.want)
		}
	}
	for _, known := range spec.EventTypes {
		e := spec.Event{Type: known}
		if got := Event(&e); got == describeStranger(&e) && known != spec.EventStarted {
			t.Errorf("event %s has no words", known)
		}
	}
}

func TestSomeOf(t *testing.T) {
	for want, names := range map[string][]string{"a": {"a"}, "a, b and c": {"a", "b", "c"}, "a, b, c and 2 more": {"a", "b", "c", "d", "e"}} {
		if got := SomeOf(names); got != want {
			t.Errorf("someOf(%v) = %q, want %q", names, got, want)
		}
	}
}
