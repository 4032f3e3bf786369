package colony

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// reconcile compares what is wanted of s with what there is of it, and takes
// the next step from the one to the other. It is called for every service that
// an event has touched, and does nothing when the two agree.
func (m *model) reconcile(s *service) {
	switch s.phase {
	case down:
		if m.mayStart(s) {
			m.enqueue(s)
			break
		}
		s.restart = false // there is nothing to end
		switch {
		case s.gone:
			m.forget(s)
		case m.wanted(s):
			m.waits(s)
		}
	case backoff:
		if !m.wanted(s) || s.restart {
			m.setPhase(s, down)
			m.touch(s)
		}
	case queued:
		if !m.mayStart(s) {
			m.dequeue(s)
			m.touch(s)
		}
	case spawning:
		// Nothing can be done about a process that may not exist yet.
	case up:
		if m.isToEnd(s) {
			m.terminate(s)
		}
	case stopping:
		// The stop under way ends in afterLife, which looks again.
	}
	m.settleAsks(s)
}

// isToEnd reports whether the life of s, which is up, is to be ended now. One
// that is not to run any more waits for those that have to stop before it; one
// that is to run anew does not end them.
func (m *model) isToEnd(s *service) bool {
	if !m.mayRun(s) {
		return !m.goFirst(s)
	}
	return s.restart || !spec.SameProcess(s.life.spec, s.spec)
}

// wanted reports whether s is to run.
func (m *model) wanted(s *service) bool {
	return s.spec != nil && !s.gone && s.stopped == nil && s.over == notOver && !m.draining(s) && s.spec.Runs()
}

// setProblem notes what is wrong with the file of s as it is now; nil = nothing.
// What runs goes on.
func (m *model) setProblem(s *service, p *spec.Problem) {
	if p == nil {
		s.problem = nil
		return
	}
	if s.problem != nil && *s.problem == *p {
		return
	}
	s.problem = p
	m.touch(s)
	m.recordFor(s, spec.Event{Type: spec.EventSpecInvalid, Error: p.Error()})
	m.reportFor(s, slog.LevelError, "spec is invalid", slog.String("err", p.Error()))
}

// accept makes sp what is wanted of s.
func (m *model) accept(s *service, sp *spec.Spec) {
	m.touch(s)
	if sp.Main && m.main != "" && m.main != s.name {
		s.second = sp
		m.setProblem(s, &spec.Problem{Message: `main: "` + m.main + `" is main already`})
		return
	}
	s.problem, s.second = nil, nil
	old := s.spec
	if old != nil && !s.gone && old.SHA256 == sp.SHA256 {
		return
	}
	wasMain := m.main == s.name
	scaled := old != nil && !s.gone && spec.OnlyScaled(old, sp) && old.Runs() == sp.Runs()
	m.adopt(s, sp)
	if scaled {
		return // that is no news to it
	}
	if wasMain && m.main == "" {
		m.promote()
	}
	if old == nil {
		if s.ranSpec != sp.Digest() {
			s.over, s.delay, s.rest = notOver, 0, 0 // it is not what has run
			s.forgive()
		} else if s.over == hasExited && startsAgain(sp, s.lastExit) {
			s.over = notOver
		}
		m.awaitFirst(s)
		if s.rest > 0 && m.wanted(s) {
			b := m.bounds(s) // the wall clock may have been set while it waited, too
			s.delay = min(s.delay, b.max)
			m.delayStart(s, min(s.rest, b.max+time.Duration(float64(b.max)*b.jitter)))
		}
		if s.over == hasExited {
			m.mainOver(s, true) // the colony was about to end with it
		}
		return
	}
	same := spec.SameProcess(old, sp) && old.Runs() == sp.Runs()
	m.recordFor(s, spec.Event{Type: spec.EventSpecChanged})
	over := s.over
	switch {
	case !same:
		// Somebody mended it, or wants something else: the past does not count.
		s.over, s.delay, s.busy = notOver, 0, 0
		if s.phase == backoff {
			m.setPhase(s, down)
		}
	case s.over == hasExited && startsAgain(sp, s.lastExit):
		s.over = notOver
	}
	s.forgive()
	m.reschedule(s, old, over)
}

// adopt puts sp in force and keeps what is derived from it in step.
func (m *model) adopt(s *service, sp *spec.Spec) {
	m.abandon(s)
	if s.spec != nil {
		m.independent(s)
	}
	s.spec, s.gone = sp, false
	m.enlist(s)
	if sp.Main {
		m.main = s.name
	}
}

// enlist derives from the spec of s what others look up.
func (m *model) enlist(s *service) {
	for _, g := range s.spec.Group {
		if m.groups[g] == nil {
			m.groups[g] = map[string]*service{}
		}
		m.groups[g][s.name] = s
	}
	m.countNeeds(s.spec, 1)
	m.depend(s)
}

// abandon undoes adopt; the spec itself stays, for the stop it governs.
func (m *model) abandon(s *service) {
	if s.spec == nil || s.gone {
		return
	}
	for _, g := range s.spec.Group {
		delete(m.groups[g], s.name)
		if len(m.groups[g]) == 0 {
			delete(m.groups, g)
		}
	}
	m.countNeeds(s.spec, -1)
	if m.main == s.name && !s.cmd {
		m.main = ""
	}
}

// withdraw takes in that the file of s is gone. s stays until nothing of its
// last life is left.
func (m *model) withdraw(s *service) {
	wasMain := m.main == s.name
	if !s.gone && s.spec != nil {
		m.recordFor(s, spec.Event{Type: spec.EventRemoved})
	}
	m.abandon(s)
	m.dropStop(s)
	// A stop under way comes to its end; one of a life that has not begun may not.
	m.failAsks(s, func(a ask) bool { return !a.stop || s.phase == spawning }, "removed meanwhile")
	s.gone, s.restart, s.problem, s.second = true, false, nil, nil
	if f := s.family; f != nil && f.stopped != nil && !f.here() {
		f.stopped = nil
		m.emit(forgetStop{f.name})
	}
	if wasMain {
		m.promote()
	}
}

// promote accepts the first of the specs that were refused because there was a
// main, now that there is none.
func (m *model) promote() {
	var first *service
	for _, s := range m.services {
		if s.second != nil && (first == nil || s.name < first.name) {
			first = s
		}
	}
	if first != nil {
		m.accept(first, first.second)
	}
}

// forget removes a service that is gone from the model, or keeps it as invalid
// when a broken file of its name has come back.
func (m *model) forget(s *service) {
	if s.spec != nil {
		m.independent(s)
	}
	m.unlisten(s)
	if s.problem != nil {
		s.spec, s.gone = nil, false
		m.change(s)
		return
	}
	s.spec = nil
	m.settleAsks(s)
	delete(m.services, s.name)
	m.leave(s)
	m.touchDependents(s.file())
	m.generations = max(m.generations, s.generation)
	m.setDue(s, 0)
	m.emit(retract{s.name})
	m.uncount(s)
	if s.helper {
		m.degrade(degraded{what: s.name})
	}
}

// scanned takes in that the whole config directory was looked at.
func (m *model) scanned(ev scanned) {
	m.noteBadFiles(ev.bad)
	if !m.looked {
		m.looked = true
		for _, s := range m.dependent() {
			m.touch(s)
		}
	}
	if m.tangled != 0 {
		m.untangle()
	}
	if ev.names == nil {
		return
	}
	// What we run without a file has lost it while nobody looked; so has what was
	// withdrawn, if a broken file had come back.
	for _, s := range m.inOrder() {
		if !ev.names[s.file()] && !s.helper && !s.cmd && (!s.gone || s.problem != nil) {
			m.withdraw(s)
			m.touch(s)
		}
	}
	// What earlier starts have left about others is of no use.
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(m.notes)), slices.Sorted(maps.Keys(m.past))) {
		if file, _ := spec.Instance(name); !ev.names[file] {
			m.forgetPast(name)
		}
	}
	for _, f := range slices.Collect(maps.Values(m.families)) {
		if !ev.names[f.name] {
			f.past = nil
			m.dropEmpty(f)
		}
	}
}

// forgetPast drops what earlier starts have left about a service that is none
// any more.
func (m *model) forgetPast(name string) {
	if _, ok := m.notes[name]; ok {
		delete(m.notes, name)
		m.emit(forgetStop{name})
	}
	m.forgetStatus(name)
}

// forgetStatus drops the status among that.
func (m *model) forgetStatus(name string) {
	if st, ok := m.past[name]; ok {
		m.generations = max(m.generations, st.Generation)
		m.colonyDirty = true
		delete(m.past, name)
		m.emit(retract{name})
	}
}

// noteBadFiles takes in which files of the config directory can be no spec.
func (m *model) noteBadFiles(bad map[string]string) {
	for _, file := range slices.Sorted(maps.Keys(bad)) {
		if why := bad[file]; m.bad[file] != why {
			m.report(slog.LevelError, "no spec", slog.String("file", file), slog.String("err", why))
			m.record(spec.Event{Type: spec.EventSpecInvalid, Reason: file, Error: why})
		}
	}
	m.bad = bad
	m.colonyDirty = true
}
