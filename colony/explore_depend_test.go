package colony

import (
	"slices"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// What is asked of dependencies, readiness and limits in each state: by another
// way than the core's, so that the two can differ.

// witness watches each effect at the moment at which it is decided on.
func (x *paper) witness(what any) {
	switch e := what.(type) {
	case spawn:
		if e.kind != kindStopCommand {
			x.mayOrder(e)
		}
	case record:
		i := x.index(e.event.Name)
		if i < 0 {
			return
		}
		s := x.m.services[e.event.Name]
		switch e.event.Type {
		case spec.EventTerminating:
			x.mayStop(s)
		case spec.EventReady:
			if !x.ready[i] {
				x.wrong("%q counts as ready, and this life of it has not said so", s.name)
			}
		case spec.EventFailed:
			if n := limitOf(s.spec); x.runs[i] != n {
				x.wrong("%q has failed after %d restarts, want %d", s.name, x.runs[i], n)
			}
		}
	}
}

// mayOrder checks that what a service needs is ready when its start is ordered,
// and that it was not restarted too often.
func (x *paper) mayOrder(e spawn) {
	i, s := x.index(e.life.name), x.m.services[e.life.name]
	x.ready[i] = false
	if n := limitOf(s.spec); n >= 0 && x.auto[i] {
		if x.runs[i]++; x.runs[i] > n {
			x.wrong("%q is restarted for the time %d, of %d", s.name, x.runs[i], n)
		}
	}
	x.auto[i] = false
	if s.spec == nil {
		return
	}
	for _, need := range s.spec.Needs {
		if x.m.tangled == 0 && inCycle(x.m, s.name, need) || x.m.tangled != 0 && s.needs.knot != nil {
			continue // until cycles are looked for, those that there were count
		}
		if d := x.m.services[need]; !isFit(d) {
			x.wrong("%q starts, and %q is not ready", s.name, need)
		}
	}
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
		case d == nil || d.gone:
			return m.looked
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
		if seen[name] || s == nil || s.gone || s.spec == nil {
			return false
		}
		seen[name] = true
		return slices.ContainsFunc(s.spec.Needs, func(n string) bool { return n == to || look(n) })
	}
	return look(from)
}

// mayStop checks that the stop of a service has a reason, and that nothing that
// has to go first still runs.
func (x *paper) mayStop(s *service) {
	m, l := x.m, &s.life
	switch {
	case l.signs != nil && (l.signs.failed != "" || l.signs.stopping):
		return // it has failed, or ends by itself
	case m.drain.on && m.drain.rude, m.tangled != 0:
		return
	}
	wanted := s.spec != nil && !s.gone && s.stopped == nil && !m.draining(s)
	lost := false
	for _, need := range s.spec.Requires {
		lost = lost || isLost(m, need) && !inCycle(m, s.name, need)
	}
	if wanted && !lost {
		if !s.restart && spec.SameProcess(l.spec, s.spec) {
			x.wrong("%q is ended, and there is no reason for it", s.name)
		}
		return // those that depend on it go on
	}
	for _, d := range m.services {
		if !d.alive() || d.spec == nil || inCycle(m, s.name, d.name) || !slices.Contains(d.spec.Needs, s.name) || m.comesNever(d) {
			continue
		}
		if m.drain.on || slices.Contains(d.spec.Requires, s.name) {
			x.wrong("%q is ended before %q", s.name, d.name)
		}
	}
}

// checkDepends is what holds between steps.
func (x *paper) checkDepends() {
	m := x.m
	for i, name := range x.c.names {
		s := m.services[name]
		if s == nil {
			x.ready[i], x.auto[i], x.runs[i] = false, false, 0
			continue
		}
		if s.phase == up && s.life.spec.Ready != nil && s.life.ready && !x.ready[i] {
			x.wrong("%q is ready, and this life of it has not said so", name)
		}
		if s.phase == up && s.life.spec.Ready != nil && !s.life.ready && x.ready[i] && !s.life.signs.stopping {
			x.wrong("%q has said that it is ready, and is not", name)
		}
		var want []string
		for _, d := range m.services {
			if d.spec != nil && slices.Contains(d.spec.Needs, name) {
				want = append(want, d.name)
			}
		}
		x.sameNames(name, want)
		if s.needs != nil && m.tangled == 0 && (s.needs.knot != nil) != (!s.gone && inCycle(m, name, name)) {
			x.wrong("%q is in a cycle: %v, and is not, or the other way round", name, s.needs.knot)
		}
	}
	for name := range m.dependents {
		if x.index(name) < 0 || m.services[name] != nil {
			continue
		}
		var want []string
		for _, d := range m.services {
			if d.spec != nil && slices.Contains(d.spec.Needs, name) {
				want = append(want, d.name)
			}
		}
		x.sameNames(name, want)
	}
}

func (x *paper) sameNames(name string, want []string) {
	var got []string
	for _, d := range x.m.dependents[name] {
		got = append(got, d.name)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		x.wrong("what depends on %q: %v, want %v", name, got, want)
	}
}

// runsRightly says what is wrong with a service at rest; "" = nothing. wanted is
// without regard to others.
func (x *paper) runsRightly(s *service) (why string) {
	m := x.m
	state := m.stateOf(s)
	cyclic := s.spec != nil && inCycle(m, s.name, s.name)
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
	if cyclic {
		if st := m.statusOf(s); s.starts == 0 && (state != spec.Invalid || st.SpecError == nil || !strings.HasPrefix(st.SpecError.Message, "cycle: ")) {
			return s.name + " is in a cycle, and it says " + string(state)
		}
		if s.starts == 0 {
			return ""
		}
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
	st := m.statusOf(s)
	switch {
	case len(waits) == 0:
		return s.name + " is " + s.phase.String() + ", and all that it needs is there"
	case !slices.Equal(st.WaitingFor, waits):
		return s.name + " waits for " + strings.Join(waits, " ") + ", and says " + strings.Join(st.WaitingFor, " ")
	case failed != (state == spec.Failed), !failed && state != spec.Waiting:
		return s.name + " says " + string(state)
	}
	return ""
}
