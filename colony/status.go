package colony

import (
	"log/slog"
	"maps"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// stateOf is what s is doing, in the words of the status files.
func (m *model) stateOf(s *service) spec.State {
	switch s.phase {
	case queued, spawning:
		return spec.Starting
	case up:
		switch {
		case !m.mayRun(s) || s.life.signs != nil && s.life.signs.stopping:
			return spec.Stopping // others go first, or it does so by itself
		case !s.life.ready:
			return spec.Starting
		}
		return spec.Running
	case stopping:
		return spec.Stopping
	case backoff:
		if s.retrying {
			return spec.Failed
		}
		return spec.Backingoff
	}
	switch {
	case s.stopped != nil:
		return spec.Stopped
	case s.spec == nil:
		return spec.Invalid
	case !s.spec.Runs():
		return spec.Stopped
	case s.over == hasExited && !(untilDue(s) && (s.lastExit == nil || succeeded(s))):
		return spec.Exited
	case s.over == hasFailed:
		return spec.Failed
	case m.draining(s) || s.gone:
		return spec.Stopped
	case m.tied(s):
		return spec.Invalid
	case untilDue(s):
		return spec.Waiting
	case m.failedJob(s) != nil:
		return spec.Failed
	default:
		return spec.Waiting
	}
}

// statusOf is all that is published of s.
func (m *model) statusOf(s *service) *spec.Status {
	st := &spec.Status{
		Name: s.name, State: s.state, Since: s.since, PID: s.life.pid, Generation: s.generation,
		Restarts: s.restarts(), Ready: s.phase == up && s.life.ready, LastExit: s.lastExit, SpecError: s.problem,
		Warnings: []string{}, WaitingFor: []string{},
	}
	if s.state == spec.Waiting && untilDue(s) {
		st.WaitingFor = append(st.WaitingFor, scheduler)
	}
	if !s.nextStart.IsZero() {
		at := s.nextStart
		st.NextStart = &at
	}
	m.statusOfSigns(s, st)
	st.Warnings = append(st.Warnings, s.warnings...)
	if s.spec != nil && !s.gone {
		st.SpecSHA256 = s.spec.Digest()
		st.Warnings = append(st.Warnings, s.spec.Warnings...)
		if m.policy.budget > 0 && m.grace(s) > m.policy.budget {
			st.Warnings = append(st.Warnings, "stop.grace is longer than the supervisor's whole time to shut down ("+m.policy.budget.String()+")")
		}
		m.statusOfHelpers(s, st)
	}
	return st
}

// statusOfSigns adds what only some services have: dependencies, a way to become
// ready, a limit.
func (m *model) statusOfSigns(s *service, st *spec.Status) {
	if s.needs != nil {
		if !s.needs.wanted.IsZero() {
			at := s.needs.wanted
			st.Wanted = &at
		}
		if s.phase == down && m.wanted(s) {
			st.WaitingFor = append(st.WaitingFor, m.waitsFor(s, maxWaitingFor)...)
			st.Reason = m.whyDown(s)
		}
		if k := s.needs.knot; k != nil && st.SpecError == nil {
			st.SpecError = &spec.Problem{Message: k.text}
		}
	}
	if s.over == hasFailed || s.retrying {
		st.Reason = s.limitText
	}
	if s.phase == down && s.spec != nil && !s.spec.Runs() {
		st.Reason = noInstances
	}
	for _, f := range s.failures {
		st.Failures = append(st.Failures, f.wall)
	}
	g := s.life.signs
	if g == nil {
		return
	}
	if at := s.life.started.wall; !at.IsZero() {
		st.Started = &at
	}
	if at := g.readyAt; !at.IsZero() {
		st.ReadyAt = &at
	}
	st.StatusText, st.Reloading = g.text, g.reloading
	if g.refused != "" {
		st.Warnings = append(st.Warnings, "MAINPID="+g.refused+" was refused: the process that was started is the main process")
	}
}

// publishChanges emits what has changed of services and colony in this step.
func (m *model) publishChanges() {
	for i := 0; i < len(m.changed); i++ {
		s := m.changed[i]
		s.changed = false
		if m.services[s.name] != s {
			continue
		}
		if state := m.stateOf(s); state != s.state {
			m.uncount(s)
			s.state, s.since = state, m.now.wall
			m.counts[state]++
			m.colonyDirty = true
		}
		m.unlisten(s)
		if s.helper {
			m.helperChanged(s)
		}
		m.emit(publish{m.statusOf(s)})
	}
	m.changed = m.changed[:0]
	if m.colonyDirty {
		m.colonyDirty = false
		m.emit(publishColony{m.colonyStatus()})
	}
}

// uncount takes s out of the counts by state.
func (m *model) uncount(s *service) {
	if s.state == "" {
		return
	}
	if m.counts[s.state]--; m.counts[s.state] == 0 {
		delete(m.counts, s.state)
	}
	s.state = ""
	m.colonyDirty = true
}

func (m *model) colonyStatus() spec.ColonyStatus {
	c := m.colony
	c.Draining = m.drain.on
	c.Counts = maps.Clone(m.counts)
	c.Orphans, c.Unattributed, c.Panics = m.orphans, m.stray, m.panics
	c.BadFiles = maps.Clone(m.bad)
	c.Degraded = maps.Clone(m.degraded)
	c.Generations = m.generations
	return c
}

// degrade takes in what an edge cannot do, once.
func (m *model) degrade(ev degraded) {
	old, was := m.degraded[ev.what]
	switch {
	case ev.why == "" && was:
		delete(m.degraded, ev.what)
		m.record(spec.Event{Type: spec.EventRecovered, Reason: ev.what})
		m.report(slog.LevelInfo, "recovered", slog.String("what", ev.what))
	case ev.why != "" && old != ev.why:
		m.degraded[ev.what] = ev.why
		m.record(spec.Event{Type: spec.EventDegraded, Reason: ev.what, Error: ev.why})
		m.report(slog.LevelError, "degraded", slog.String("what", ev.what), slog.String("err", ev.why))
	default:
		return
	}
	m.colonyDirty = true
}
