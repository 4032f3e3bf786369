package colony

import (
	"slices"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// What dependencies ask of a colony, found out by another way than the core's,
// so that the two can differ. Simulation and exploration hold it against what is
// done.

// mayOrder says why a start that is ordered is too early; "" = it is not.
func mayOrder(m *model, s *service) (why string) {
	for _, need := range s.spec.Needs {
		if m.tangled == 0 && inCycle(m, s.name, need) || m.tangled != 0 && s.needs.knot != nil {
			continue // until cycles are looked for, those that there were count
		}
		if !isFit(m.services[need]) {
			return s.name + " starts, and " + need + " is not ready"
		}
	}
	return ""
}

// isFit reports whether what comes after a service may start.
func isFit(d *service) bool {
	switch {
	case d == nil || d.gone || d.spec == nil || d.stopped != nil:
		return false
	case d.over == hasExited:
		return d.lastExit != nil && well(d.spec, d.lastExit)
	case d.spec.Restart == spec.RestartNever && !d.spec.Main:
		return false
	}
	return d.phase == up && d.life.ready
}

// isLost reports whether a service does not come back by itself: it is not
// there, stopped or failed, or what it needs is lost.
func isLost(m *model, name string) bool {
	var look func(name string, seen []string) bool
	look = func(name string, seen []string) bool {
		d := m.services[name]
		switch {
		case d == nil:
			return m.looked
		case d.gone:
			return true
		case d.spec == nil:
			return false
		case d.stopped != nil || d.over == hasFailed || d.retrying:
			return true
		case d.over == hasExited:
			return !isFit(d)
		case slices.Contains(seen, name):
			return false
		}
		seen = append(seen, name)
		for _, need := range d.spec.Needs {
			if inCycle(m, name, need) {
				continue
			}
			n := m.services[need]
			failed := n != nil && n.spec != nil && !n.gone && n.over == hasExited && n.stopped == nil && !isFit(n)
			if failed || slices.Contains(d.spec.Requires, need) && look(need, seen) {
				return true
			}
		}
		return false
	}
	return look(name, nil)
}

// inCycle reports whether two services come, in the end, after each other.
func inCycle(m *model, one, other string) bool { return leads(m, one, other) && leads(m, other, one) }

func leads(m *model, from, to string) bool {
	seen := map[string]bool{}
	var look func(name string) bool
	look = func(name string) bool {
		s := m.services[name]
		if seen[name] || s == nil || s.spec == nil {
			return false
		}
		seen[name] = true
		return slices.ContainsFunc(s.spec.Needs, func(n string) bool { return n == to || look(n) })
	}
	return look(from)
}

// mayStop says why the stop of a service is wrong: it has no reason, or something
// that has to go first still runs. "" = it is right.
func mayStop(m *model, s *service) (why string) {
	l := &s.life
	switch {
	case l.signs != nil && (l.signs.failed != "" || l.signs.stopping):
		return "" // it has failed, or ends by itself
	case m.drain.on && m.drain.rude, m.tangled != 0:
		return ""
	}
	wanted := s.spec != nil && !s.gone && s.stopped == nil && !m.draining(s)
	lost := false
	for _, need := range s.spec.Requires {
		lost = lost || isLost(m, need) && !inCycle(m, s.name, need)
	}
	if wanted && !lost {
		if !s.restart && spec.SameProcess(l.spec, s.spec) {
			return s.name + " is ended, and there is no reason for it"
		}
		return "" // those that depend on it go on
	}
	for _, d := range m.inOrder() {
		if !d.alive() || d.spec == nil || inCycle(m, s.name, d.name) || !slices.Contains(d.spec.Needs, s.name) || m.comesNever(d) {
			continue
		}
		if m.drain.on || slices.Contains(d.spec.Requires, s.name) {
			return s.name + " is ended before " + d.name
		}
	}
	return ""
}

// runsRightly says what is wrong with a service at rest; "" = nothing.
func runsRightly(m *model, s *service) (why string) {
	if s.phase == up {
		for _, need := range s.spec.Requires {
			if isLost(m, need) && !inCycle(m, s.name, need) {
				return s.name + " runs, and " + need + " does not come back"
			}
		}
		if !m.wanted(s) {
			return s.name + " runs, and is not wanted"
		}
		return ""
	}
	if !m.wanted(s) {
		return ""
	}
	st := m.statusOf(s)
	if s.starts == 0 && inCycle(m, s.name, s.name) {
		if st.State != spec.Invalid || st.SpecError == nil || !strings.HasPrefix(st.SpecError.Message, "cycle: ") && s.problem == nil {
			return s.name + " is in a cycle, and it says " + string(st.State)
		}
		return ""
	}
	failed := false
	var waits []string
	for _, need := range s.spec.Needs {
		d := m.services[need]
		if inCycle(m, s.name, need) || isFit(d) {
			continue
		}
		waits = append(waits, need)
		failed = failed || d != nil && !d.gone && d.spec != nil && d.over == hasExited && d.stopped == nil
	}
	switch {
	case len(waits) == 0:
		return s.name + " is " + s.phase.String() + ", and all that it needs is there"
	case !slices.Equal(st.WaitingFor, waits):
		return s.name + " waits for " + strings.Join(waits, " ") + ", and says " + strings.Join(st.WaitingFor, " ")
	case failed != (st.State == spec.Failed), !failed && st.State != spec.Waiting:
		return s.name + " says " + string(st.State)
	}
	return ""
}

// nextDue is when the core wants to be called, but for the next beats of those
// that go on beating.
func nextDue(m *model) instant {
	all := m.timers
	m.timers = nil
	next := m.deadline()
	for _, s := range all {
		if beats(s) {
			continue
		}
		if next == 0 || s.due < next {
			next = s.due
		}
	}
	m.timers = all
	return next
}

func beats(s *service) bool {
	return s.phase == up && s.life.ready && s.life.signs != nil && !s.life.signs.stopping
}
