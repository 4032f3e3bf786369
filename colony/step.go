package colony

import (
	"container/heap"
	"fmt"
	"log/slog"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// step is the whole of the supervisor's judgement: something has happened, what
// is to be done? It is deterministic, and touches nothing but the model.
func (m *model) step(now moment, ev event) []effect {
	m.now = now
	if m.trap != nil {
		m.trap(ev)
	}
	switch ev := ev.(type) {
	case ticked:
	case seen:
		m.see(ev)
	case scanned:
		m.scanned(ev)
	case received:
		m.receive(ev)
	case started:
		m.started(ev)
	case spawnFailed:
		m.spawnFailed(ev)
	case exited:
		m.exited(ev)
	case notified:
		m.notified(ev)
	case counted:
		m.counted(ev)
	case signalled:
		m.signalled(ev)
	case suspended:
		m.suspended(ev)
	case examined:
		m.examined(ev)
	case remained:
		m.remained(ev)
	case replaced:
		m.replaced(ev)
	case degraded:
		m.degrade(ev)
	case recovered:
		m.recovered(ev)
	default:
		m.report(slog.LevelError, fmt.Sprintf("internal error: unknown event %T", ev))
	}
	m.settle()
	m.expire()
	m.publishChanges()
	out := m.out
	m.out = nil
	return out
}

// settle lets everything the event touched come to rest.
func (m *model) settle() {
	for {
		for len(m.touched) > 0 {
			s := m.touched[len(m.touched)-1]
			m.touched = m.touched[:len(m.touched)-1]
			s.touched = false
			m.reconcile(s)
			m.spread(s)
		}
		m.dispatch()
		m.advanceDrain()
		m.needHelpers()
		m.advanceUpgrade()
		if len(m.touched) == 0 {
			break
		}
	}
	m.askCensus()
}

// expire does what is due.
func (m *model) expire() {
	for len(m.timers) > 0 && m.timers[0].due <= m.now.mono {
		s := heap.Pop(&m.timers).(*service)
		s.due = 0
		m.due(s)
		m.settle()
	}
	if o := m.slowest(); o != nil && o.since.add(spawnPatience) <= m.now.mono {
		m.overdue(o)
		m.settle()
	}
	if m.tangled != 0 && m.tangled <= m.now.mono {
		m.untangle()
		m.settle()
	}
	if m.upgrade != nil && m.upgrade.due <= m.now.mono {
		m.upgradeDue()
		m.settle()
	}
	if m.census.out && m.census.patience() <= m.now.mono {
		m.loseCensus()
		m.settle()
	}
	if m.drain.due != 0 && m.drain.due <= m.now.mono {
		m.drain.due = 0
		m.drainDue()
		m.settle()
	}
}

// due is called when the due time of s has come; what it means depends on what
// s is doing.
func (m *model) due(s *service) {
	switch s.phase {
	case backoff:
		if s.retrying {
			s.forgive()
			s.delay = 0
		}
		m.setPhase(s, down)
		m.touch(s)
	case stopping:
		m.stopDue(s)
	case up:
		m.upDue(s)
	case down, queued, spawning:
		m.report(slog.LevelError, "internal error: due in phase "+s.phase.String(), slog.String("service", s.name))
	}
}

// deadline is the next time at which step wants to be called though nothing
// happens; 0 = none.
func (m *model) deadline() instant {
	var next instant
	sooner := func(i instant) {
		if i != 0 && (next == 0 || i < next) {
			next = i
		}
	}
	if len(m.timers) > 0 {
		sooner(m.timers[0].due)
	}
	if o := m.slowest(); o != nil {
		sooner(o.since.add(spawnPatience))
	}
	if m.census.out {
		sooner(m.census.patience())
	}
	if m.upgrade != nil {
		sooner(m.upgrade.due)
	}
	sooner(m.drain.due)
	sooner(m.tangled)
	return next
}

// setPhase moves s to another phase. Whatever was due belonged to the old one.
func (m *model) setPhase(s *service, p phase) {
	if s.phase == p {
		return
	}
	m.setDue(s, 0)
	before := s.alive()
	s.phase = p
	switch now := s.alive(); {
	case now && !before:
		m.alive[kindOf(s.helper)]++
	case before && !now:
		m.alive[kindOf(s.helper)]--
		m.letStop(s)
	}
	s.nextStart, s.retrying = time.Time{}, false
	m.change(s)
	m.settleAsks(s)
}

// record appends an event about the colony; recordFor, about a service.
func (m *model) record(e spec.Event) {
	e.Time = m.now.wall
	m.emit(record{e})
}

func (m *model) recordFor(s *service, e spec.Event) {
	e.Name, e.Generation = s.name, s.generation
	m.record(e)
}

func (m *model) report(level slog.Level, text string, attrs ...slog.Attr) {
	m.emit(report{level, text, attrs})
}

// reportFor is report with the service named first.
func (m *model) reportFor(s *service, level slog.Level, text string, attrs ...slog.Attr) {
	m.report(level, text, append([]slog.Attr{slog.String("service", s.name)}, attrs...)...)
}
