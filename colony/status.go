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
		return spec.Running
	case stopping:
		return spec.Stopping
	case backoff:
		return spec.Backingoff
	}
	switch {
	case s.stopped != nil:
		return spec.Stopped
	case s.spec == nil:
		return spec.Invalid
	case s.over == hasExited:
		return spec.Exited
	default: // only a drain keeps it down
		return spec.Stopped
	}
}

// statusOf is all that is published of s.
func (m *model) statusOf(s *service) spec.Status {
	st := spec.Status{
		Name: s.name, State: s.state, Since: s.since, PID: s.life.pid, Generation: s.generation,
		Restarts: s.restarts(), Ready: s.phase == up, LastExit: s.lastExit, SpecError: s.problem,
		Warnings: []string{}, WaitingFor: []string{},
	}
	if !s.nextStart.IsZero() {
		at := s.nextStart
		st.NextStart = &at
	}
	st.Warnings = append(st.Warnings, s.warnings...)
	if s.spec != nil && !s.gone {
		st.SpecSHA256 = s.spec.Digest()
		st.Warnings = append(st.Warnings, s.spec.Warnings...)
		if m.policy.budget > 0 && m.grace(s) > m.policy.budget {
			st.Warnings = append(st.Warnings, "stop.grace is longer than the supervisor's whole time to shut down ("+m.policy.budget.String()+")")
		}
		if s.spec.Heart != nil {
			h := m.services[heartcheck]
			st.Watched.Heart = h != nil && h.phase == up
			if m.policy.helpers[heartcheck] == nil {
				st.Warnings = append(st.Warnings, "ncolony.beatcheck: helpers are off; its heartbeat is watched only if you run `ncolony heartcheck`")
			}
		}
	}
	return st
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

// helperChanged has the services published that a helper looks after, when it
// comes up or goes down.
func (m *model) helperChanged(s *service) {
	if now := s.phase == up; now != s.watching {
		s.watching = now
		for _, o := range m.inOrder() {
			if o.spec != nil && o.spec.Heart != nil {
				m.change(o)
			}
		}
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
