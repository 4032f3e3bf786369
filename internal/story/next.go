package story

import (
	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// next is what happens if nobody does anything.
func (s *Story) next() string {
	st := s.status
	switch {
	case st == nil && s.alive:
		return "The supervisor finds the spec at its next full look at the directory, or when it is told to."
	case st == nil, !s.alive && st.State != spec.Exited && st.State != spec.Stopped:
		return "The next supervisor starts it, if its spec is good."
	}
	switch st.State {
	case spec.Running:
		if s.removed() {
			return "It is stopped, and forgotten."
		}
		return "It runs on until it ends, or somebody stops it."
	case spec.Starting:
		if st.Started != nil && st.PID != 0 {
			return "It is running when it is ready."
		}
		return "It is running as soon as its program is executed."
	case spec.Stopping:
		return "What is left when the grace is over is killed." + s.afterStop()
	case spec.Backingoff:
		if st.NextStart != nil {
			return "It is started at " + s.at(*st.NextStart) + "."
		}
		return "It is started when the delay is over."
	case spec.Waiting:
		if ctl.UntilDue(st) {
			return "It is started when it is due" + s.dueAt(st.Schedule) + "."
		}
		if st.Reason != "" {
			return "Nothing, until somebody acts on that. Then it starts by itself."
		}
		return "It is started when what it waits for is ready."
	case spec.Failed:
		switch {
		case s.blocked():
			return "It is started when that has ended well, after somebody has started it again."
		case s.retried():
			return "It is tried again at " + s.at(*st.NextStart) + ", and its restarts are counted anew."
		case s.scheduled():
			return "It is started when it is due again" + s.dueAt(st.Schedule) + "."
		}
		return "Nothing, until somebody starts it or changes its spec."
	case spec.Exited:
		if s.scheduled() {
			return "It is started when it is due again" + s.dueAt(st.Schedule) + "."
		}
		return "Nothing, until somebody starts it or changes its spec."
	case spec.Stopped:
		if s.spec != nil && !s.spec.Runs() {
			return "Nothing, until its file says that there are instances."
		}
		if s.stop == nil {
			return ""
		}
		if s.scheduled() {
			return "Nothing, also when it is due, until somebody starts it; and then again when it is due."
		}
		return "Nothing: it stays stopped, also when the supervisor is started again."
	case spec.Invalid:
		if s.cycle() != "" {
			return "It is started when one of those does not depend on the next any more."
		}
		return "It is started as soon as its spec is good."
	}
	return ""
}

func (s *Story) afterStop() string {
	switch {
	case s.draining, s.stop != nil:
		return " Then it is stopped."
	case s.removed():
		return " Then it is gone."
	}
	return " Then policy decides whether it starts again."
}
