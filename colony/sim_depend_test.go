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
		if m.tangled == 0 && inCycle(m, fileOf(s), need) || m.tangled != 0 && s.needs.knot != nil {
			continue // until cycles are looked for, those that there were count
		}
		if !fileIsFit(m, need) {
			return s.name + " starts, and " + need + " is not ready"
		}
	}
	return ""
}

// fileOf is the file that a service is made of; madeOf, what is made of a file and
// is there, by number.
func fileOf(s *service) string {
	file, _ := spec.Instance(s.name)
	return file
}

func madeOf(m *model, file string) (all []*service) {
	for _, s := range m.services {
		if fileOf(s) == file && !s.gone {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *service) int { return a.number - b.number })
	return all
}

func fileIsFit(m *model, file string) bool {
	all := madeOf(m, file)
	return len(all) > 0 && !slices.ContainsFunc(all, func(s *service) bool { return !isFit(s) })
}

// hasFailedJob reports whether anything that is made of a file has failed for
// good as a job.
func hasFailedJob(m *model, file string) bool {
	return slices.ContainsFunc(madeOf(m, file), func(d *service) bool {
		return d.spec != nil && d.over == hasExited && d.lastExit != nil && d.stopped == nil && !isFit(d)
	})
}

// isFit reports whether what comes after a service may start.
func isFit(d *service) bool {
	switch {
	case d == nil || d.gone || d.spec == nil || d.stopped != nil:
		return false
	case d.spec.Instances != nil && *d.spec.Instances == 0:
		return true
	case d.over == hasExited:
		return d.lastExit != nil && well(d.spec, d.lastExit)
	case (d.spec.Restart == spec.RestartNever || d.spec.Schedule != nil && d.spec.Restart != spec.RestartAlways) && !d.spec.Main:
		return false
	}
	return d.phase == up && d.life.ready
}

// isLost reports whether what is made of a file does not come back by itself: it
// is not there, stopped or failed, or what it needs is lost; and so is all of it.
func isLost(m *model, file string) bool {
	var look func(file string, seen []string) bool
	one := func(d *service, seen []string) bool {
		switch {
		case d.spec == nil:
			return false
		case d.stopped != nil:
			return true
		case d.spec.Instances != nil && *d.spec.Instances == 0:
			return false
		case d.over == hasFailed || d.retrying:
			return true
		case d.over == hasExited && d.lastExit != nil:
			return !isFit(d)
		case slices.Contains(seen, d.name):
			return false
		}
		seen = append(seen, d.name)
		for _, need := range d.spec.Needs {
			if inCycle(m, fileOf(d), need) {
				continue
			}
			if hasFailedJob(m, need) && d.phase != up && d.phase != spawning || slices.Contains(d.spec.Requires, need) && look(need, seen) {
				return true
			}
		}
		return false
	}
	look = func(file string, seen []string) bool {
		all := madeOf(m, file)
		if len(all) == 0 {
			going := slices.ContainsFunc(m.inOrder(), func(s *service) bool { return fileOf(s) == file })
			return going || m.looked
		}
		return !slices.ContainsFunc(all, func(d *service) bool { return !one(d, seen) })
	}
	return look(file, nil)
}

// inCycle reports whether the services of two files come, in the end, after each other.
func inCycle(m *model, one, other string) bool { return leads(m, one, other) && leads(m, other, one) }

func leads(m *model, from, to string) bool {
	seen := map[string]bool{}
	var look func(name string) bool
	look = func(name string) bool {
		if seen[name] {
			return false
		}
		seen[name] = true
		for _, s := range m.services {
			if fileOf(s) == name && s.spec != nil && slices.ContainsFunc(s.spec.Needs, func(n string) bool { return n == to || look(n) }) {
				return true
			}
		}
		return false
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
	wanted := s.spec != nil && !s.gone && s.stopped == nil && !m.draining(s) && (s.spec.Instances == nil || *s.spec.Instances > 0)
	lost := false
	for _, need := range s.spec.Requires {
		lost = lost || isLost(m, need) && !inCycle(m, fileOf(s), need)
	}
	if wanted && !lost {
		if !s.restart && spec.SameProcess(l.spec, s.spec) {
			return s.name + " is ended, and there is no reason for it"
		}
		return "" // those that depend on it go on
	}
	file := fileOf(s)
	for _, d := range m.inOrder() {
		if !d.alive() || d.spec == nil || inCycle(m, file, fileOf(d)) || !slices.Contains(d.spec.Needs, file) || m.comesNever(d) {
			continue
		}
		if m.drain.on || slices.Contains(d.spec.Requires, file) && isLost(m, file) {
			return s.name + " is ended before " + d.name
		}
	}
	return ""
}

// runsRightly says what is wrong with a service at rest; "" = nothing.
func runsRightly(m *model, s *service) (why string) {
	if s.phase == up {
		for _, need := range s.spec.Requires {
			if isLost(m, need) && !inCycle(m, fileOf(s), need) {
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
	if s.starts == 0 && inCycle(m, fileOf(s), fileOf(s)) {
		if st.State != spec.Invalid || st.SpecError == nil || !strings.HasPrefix(st.SpecError.Message, "cycle: ") && s.problem == nil {
			return s.name + " is in a cycle, and it says " + string(st.State)
		}
		return ""
	}
	failed := false
	var waits []string
	for _, need := range s.spec.Needs {
		if inCycle(m, fileOf(s), need) || fileIsFit(m, need) {
			continue
		}
		waits = append(waits, need)
		failed = failed || hasFailedJob(m, need)
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
