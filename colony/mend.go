package colony

import (
	"log/slog"
	"slices"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

const (
	// exitPanicked is our exit code when we cannot trust ourselves any more
	// (EX_SOFTWARE of sysexits.h).
	exitPanicked = 70

	panicLimit = 3 // so many within panicSpan end the colony
	panicSpan  = time.Minute

	poisonText = "internal error: the supervisor panicked when it read this spec, which is set aside until it changes: "
	lostText   = "internal error: the supervisor panicked; nothing was done"
)

// history is how to have a model again as it was before a step that panicked
// half-way: what it knew some time ago, and what has happened since. A model is
// deterministic; what happens to it again makes it what it was.
type history struct {
	fresh *model // made like ours, which is new; nil = there is a base
	base  []byte // a snapshot, squeezed
	size  int    // it had before
	since []happened
}

type happened struct {
	now   moment
	event event
}

// full reports whether it is time for another snapshot. Its cost is that of
// some events for each service.
func (h *history) full(m *model) bool {
	return h.fresh == nil && h.base == nil || len(h.since) >= max(1000, 4*len(m.services))
}

// begin forgets all before m as it is now.
func (h *history) begin(m *model) {
	h.beginWith(m.encode())
	clear(h.since)
	h.since = h.since[:0]
}

// beginWith begins with a model that has just been made of that text.
func (h *history) beginWith(text []byte) { h.fresh, h.base, h.size = nil, squeeze(text), len(text) }

func (h *history) add(now moment, ev event) { h.since = append(h.since, happened{now, ev}) }

// again returns broken as it was after the last event that was added. What the
// model decides on the way was done the first time.
func (h *history) again(broken *model) (*model, error) {
	m, err := h.first(broken.policy)
	if err != nil {
		return nil, err
	}
	for _, was := range h.since {
		m.step(was.now, was.event)
	}
	m.trap = broken.trap
	if h.fresh == m { // which is no longer what it was
		h.begin(m)
	}
	return m, nil
}

// first is the model that the history begins with.
func (h *history) first(p policy) (*model, error) {
	if h.fresh != nil {
		return h.fresh, nil
	}
	base, err := expand(h.base, h.size)
	if err != nil {
		return nil, err
	}
	s, err := readSnapshot(base)
	if err != nil {
		return nil, err
	}
	return restore(p, s)
}

// recovered takes in that something panicked. Too often, and we end: in order,
// while we can.
func (m *model) recovered(ev recovered) {
	m.panics++
	m.colonyDirty = true
	m.record(spec.Event{Type: spec.EventPanicked, Error: ev.what})
	m.report(slog.LevelError, "panic: "+ev.what, slog.String("stack", ev.stack))
	m.setAside(ev.dropped, ev.what)
	m.panicked = append(m.panicked, m.now.mono)
	m.panicked = slices.DeleteFunc(m.panicked, func(at instant) bool { return m.now.mono.sub(at) >= panicSpan })
	if len(m.panicked) >= panicLimit {
		m.drain.code, m.drain.broken = exitPanicked, true
		m.beginDrain("too many panics")
	}
	if len(m.panicked) >= 2*panicLimit { // nor can we drain
		m.emit(exit{exitPanicked})
	}
}

// setAside does as little as can be done about an event that was dropped. What
// it is about must not be lost.
func (m *model) setAside(ev event, what string) {
	switch ev := ev.(type) {
	case seen:
		if ev.spec != nil {
			m.poison[ev.name] = poison{ev.spec.SHA256, poisonText + what}
			m.setFileProblem(ev.name, &spec.Problem{Message: poisonText + what})
		}
	case received:
		r := &request{file: ev.file, result: spec.Result{Received: ev.at}}
		m.requests[r.file] = r
		m.finish(r, lostText)
	case started:
		if _, dead := m.heldFor(ev.order, ev.pid); !dead {
			m.emit(signal{pid: ev.pid, group: true, signal: sigKILL}) // nobody would ever end it
		}
		m.dropOrder(ev.order)
	case spawnFailed:
		m.dropOrder(ev.order)
	case exited:
		m.dropPID(ev)
	case counted:
		m.census.out = false
		m.recount()
	case signalled:
		if slices.Contains([]spec.Signal{sigTERM, sigINT, sigQUIT}, ev.signal) {
			m.beginDrain("signal " + ev.signal.String())
		}
	}
}

// dropOrder takes an order off the list whose answer was dropped.
func (m *model) dropOrder(number uint64) {
	o := m.answered(number)
	switch {
	case o == nil || o.tooLate():
	case o.kind == kindStopCommand:
		o.service.life.ordered = false
		m.commandOver(o.service)
	default:
		m.endLife(o.service)
	}
	m.letGo()
}

// dropPID takes in a death in the simplest way there is.
func (m *model) dropPID(ev exited) {
	c, known := m.pids[ev.pid]
	if !known { // perhaps of a start whose answer is on its way
		ev.reaped = true
		m.held[ev.pid] = heldExit{ev, m.ordered}
		m.letGo()
		return
	}
	delete(m.pids, ev.pid)
	s := c.service
	if c.kind == kindStopCommand {
		s.life.command = 0
		m.commandOver(s)
		return
	}
	s.lastExit = m.newExit(ev.status, s.life.started)
	m.recordFor(s, spec.Event{Type: spec.EventExited, PID: ev.pid, Exit: s.lastExit})
	m.emit(ended{s.lifeID(), ev.pid})
	if s.life.command != 0 {
		m.emit(signal{pid: s.life.command, group: true, signal: sigKILL})
		delete(m.pids, s.life.command)
	}
	m.endLife(s)
}

// endLife forgets the life of s, whatever is left of it, and looks at s again.
func (m *model) endLife(s *service) {
	m.release(s)
	delete(m.leaving, s)
	m.setPhase(s, down)
	m.touch(s)
}
