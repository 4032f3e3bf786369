package colony

import (
	"log/slog"
	"slices"
	"time"
)

const (
	// spawnWindow is how many orders may be out at once: enough to keep the
	// spawner busy, few enough that a drain need not wait for many.
	spawnWindow = 4
	// spawnPatience is how long one may take before a fresh spawner gets the rest.
	spawnPatience = 10 * time.Second
	// maxOverdue bounds the spawners that never come back, and their threads.
	maxOverdue = 8
)

// enqueue has s wait for the spawner.
func (m *model) enqueue(s *service) {
	m.setPhase(s, queued)
	m.queue = append(m.queue, s)
}

// dequeue has s wait no longer: should it be queued again, it is behind those
// that have been there all the time.
func (m *model) dequeue(s *service) {
	m.setPhase(s, down)
	i := slices.Index(m.queue, s)
	m.queue = slices.Delete(m.queue, i, i+1)
}

// dispatch hands waiting services to the spawner, within the window.
func (m *model) dispatch() {
	if m.upgrade != nil && m.upgrade.fit {
		return // what has not begun is for the new program
	}
	for len(m.queue) > 0 && m.outstanding() < spawnWindow {
		s := m.queue[0]
		m.queue[0] = nil
		m.queue = m.queue[1:]
		m.spawn(s)
	}
	if len(m.queue) == 0 {
		m.queue = nil // let the array go
	}
}

// outstanding counts the orders in the window: all but those we gave up
// waiting for.
func (m *model) outstanding() int {
	n := 0
	for _, o := range m.orders {
		if !o.overdue {
			n++
		}
	}
	return n
}

// spawn begins a life.
func (m *model) spawn(s *service) {
	s.generation++
	s.restart = false
	s.life = life{spec: s.spec, signs: signsOf(s.spec)}
	m.listens(s)
	m.setPhase(s, spawning)
	kind := kindService
	if s.cmd {
		kind = kindCommand
	}
	m.order(s, kind, nil)
}

func (m *model) order(s *service, kind childKind, argv []string) {
	m.ordered++
	m.emit(spawn{order: m.ordered, life: s.lifeID(), spec: s.life.spec, kind: kind, argv: argv, main: s.life.pid})
	m.orders = append(m.orders, &order{number: m.ordered, service: s, kind: kind, life: s.lifeID(), since: m.now.mono})
}

// slowest is the order the spawner is at, if that can be known: the oldest that
// is not overdue. nil when there is none, or no more spawners may be spent.
func (m *model) slowest() *order {
	overdue := 0
	for _, o := range m.orders {
		if !o.overdue {
			if overdue >= maxOverdue {
				return nil
			}
			return o
		}
		overdue++
	}
	return nil
}

// overdue gives up on an order for now: it is shown, and the others go to a
// fresh spawner. It may still be answered.
func (m *model) overdue(o *order) {
	o.overdue = true
	o.service.warnings = []string{"the start has been under way for " + spawnPatience.String() +
		": the program or its directory is on a file system that does not answer"}
	m.touch(o.service)
	m.reportFor(o.service, slog.LevelWarn, "start hangs", slog.Duration("after", spawnPatience))
	m.emit(relieve{})
	for _, o := range m.orders {
		if !o.overdue {
			o.since = m.now.mono
		}
		m.letStop(o.service) // nobody waits for one that never comes
	}
	m.ifEmpty(o.service)
}

// inVain reports whether a life that is killed waits for a stop command whose
// start hangs.
func (m *model) inVain(s *service) bool {
	if s.life.stage != killing {
		return false
	}
	hangs := m.slowest() == nil // so do all of them
	for _, o := range m.orders {
		hangs = hangs || o.overdue && o.service == s && o.kind == kindStopCommand
	}
	return hangs
}

// answered takes an order off the list; nil if it is not on it.
func (m *model) answered(number uint64) *order {
	for i, o := range m.orders {
		if o.number != number {
			continue
		}
		m.orders = slices.Delete(m.orders, i, i+1)
		if next := m.slowest(); next != nil && !o.overdue {
			next.since = m.now.mono
		}
		if o.overdue {
			o.service.warnings = nil
		}
		return o
	}
	return nil
}

// tooLate reports whether an order was for a stop command whose life is over: a
// life that is being killed does not wait for one.
func (o *order) tooLate() bool {
	return o.kind == kindStopCommand && (o.life != o.service.lifeID() || o.service.phase != stopping)
}
