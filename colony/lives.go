package colony

import (
	"log/slog"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// started takes in that an order has become a process.
func (m *model) started(ev started) {
	o := m.answered(ev.order)
	if o == nil {
		m.report(slog.LevelError, "internal error: started without an order", slog.Int("pid", ev.pid))
		return
	}
	s := o.service
	h, dead := m.heldFor(ev.order, ev.pid)
	if o.tooLate() {
		if !dead { // it dies an orphan
			m.emit(signal{pid: ev.pid, group: true, signal: sigKILL})
		}
		m.letGo()
		m.recount()
		return
	}
	m.pids[ev.pid] = child{s, o.kind}
	if o.kind == kindStopCommand {
		s.life.ordered, s.life.command = false, ev.pid
		if s.life.stage == killing && !dead {
			m.emit(signal{pid: ev.pid, group: true, signal: sigKILL}) // it has come too late
		}
	} else {
		s.life.pid, s.life.leader, s.life.started = ev.pid, ev.pid, m.now
		s.busy = 0
		s.starts++
		if ev.warning != "" {
			s.warnings = []string{ev.warning}
			m.reportFor(s, slog.LevelWarn, ev.warning, slog.Int("pid", ev.pid))
		}
		m.recordFor(s, spec.Event{Type: spec.EventStarted, PID: ev.pid})
		m.reportFor(s, slog.LevelInfo, "started", slog.Int("pid", ev.pid), slog.Uint64("generation", s.generation))
		m.setPhase(s, up)
		m.comesUp(s)
		m.emit(keepSpec{s.name, s.life.spec})
	}
	m.touch(s)
	if dead {
		m.exited(h)
	}
	m.letGo()
}

// heldFor returns the end of the process that an order has become, if that came
// first: it is reaped, and its number may be a stranger's by now.
func (m *model) heldFor(order uint64, pid int) (end exited, dead bool) {
	h, ok := m.held[pid]
	delete(m.held, pid)
	return h.exit, ok && h.seq >= order
}

// spawnFailed takes in that an order has not.
func (m *model) spawnFailed(ev spawnFailed) {
	o := m.answered(ev.order)
	if o == nil {
		m.report(slog.LevelError, "internal error: spawn failed without an order")
		return
	}
	defer m.letGo()
	s := o.service
	if o.tooLate() {
		m.recount()
		return
	}
	if o.kind == kindStopCommand {
		s.life.ordered = false
		m.reportFor(s, slog.LevelError, "stop command did not start", slog.String("err", ev.fault.text))
		m.commandOver(s)
		return
	}
	s.lastExit = &spec.Exit{SpawnError: ev.fault.text, At: m.now.wall}
	s.missing = ev.fault.class == faultMissing
	m.recordFor(s, spec.Event{Type: spec.EventSpawnFailed, Error: ev.fault.text})
	m.reportFor(s, slog.LevelError, "did not start", slog.String("err", ev.fault.text))
	m.failAsks(s, func(a ask) bool { return !a.stop && s.generation > a.after }, ev.fault.text)
	m.release(s)
	m.afterNothing(s, ev.fault)
}

// exited takes in the death of a child.
func (m *model) exited(ev exited) {
	c, ok := m.pids[ev.pid]
	switch {
	case !ok && len(m.orders) > 0:
		// It may be a child whose started is still on its way. By the time that
		// comes, the zombie is gone.
		ev.reaped = true
		m.held[ev.pid] = heldExit{ev, m.ordered}
		m.recount()
		return
	case !ok:
		m.orphans++
		m.colonyDirty = true
		m.recount()
		return
	}
	delete(m.pids, ev.pid)
	s := c.service
	m.touch(s)
	if c.kind == kindStopCommand {
		s.life.command = 0
		if s.life.pid == 0 && !ev.alone && m.scope(s) != spec.ScopeMain {
			m.leftBehind(s, ev)
		}
		m.commandOver(s)
		return
	}
	m.mainExited(s, ev)
}

// letGo counts the held exits that no order can be waiting for any more.
func (m *model) letGo() {
	if len(m.orders) > 0 || len(m.held) == 0 {
		return
	}
	m.orphans += uint64(len(m.held))
	m.colonyDirty = true
	clear(m.held)
	m.recount()
}

// mainExited takes in the death of the main process of a life. The life is not
// over before it is empty.
func (m *model) mainExited(s *service, ev exited) {
	l := &s.life
	l.exit = m.newExit(ev.status, l.started)
	if l.signs != nil {
		l.exit.Reason = l.signs.failed
	}
	s.lastExit = l.exit
	l.pid, l.died = 0, m.now.mono
	if s.cmd {
		m.emit(reclaim{ev.pid})
	}
	m.emit(ended{s.lifeID(), ev.pid})
	why := ""
	if ev.status.unknown {
		why = unseen
	}
	m.recordFor(s, spec.Event{Type: spec.EventExited, PID: ev.pid, Exit: l.exit, Reason: why})
	m.reportExit(s, ev.pid, l)
	m.mainOver(s, !l.asked && !s.restart && !startsAgain(s.spec, l.exit))
	m.ending(s, ev)
}

// ending sees to what a main process that is dead has left behind.
func (m *model) ending(s *service, ev exited) {
	l := &s.life
	if s.phase == up {
		m.setPhase(s, stopping)
		l.stage = terminating
		l.deadline = m.now.mono.add(m.grace(s))
		m.dueStop(s)
	} else if l.stage == commanding {
		l.stage = terminating
	}
	if m.scope(s) == spec.ScopeMain || ev.alone {
		m.ifEmpty(s)
		return
	}
	l.grouped = !ev.reaped
	m.leftBehind(s, ev)
}

// leftBehind takes in that a child of a life is dead, and something may be left
// of that life or of another. While its zombie holds the number its group is
// certainly ours.
func (m *model) leftBehind(s *service, ev exited) {
	if !ev.reaped {
		m.emit(signal{pid: ev.pid, group: true, signal: s.life.rest()})
	}
	s.life.unclear = true
	m.leaving[s] = true
	m.recount()
}

// rest is the signal for what a main process has left behind.
func (l *life) rest() spec.Signal {
	if l.stage == killing {
		return sigKILL
	}
	return sigTERM
}

// ifEmpty ends the life of s if nothing is left of it.
func (m *model) ifEmpty(s *service) {
	l := &s.life
	if s.phase != stopping || l.pid != 0 || l.command != 0 || l.ordered && !m.inVain(s) || l.unclear || len(l.left) > 0 {
		return
	}
	if m.now.wall.After(l.exit.At) {
		m.recordFor(s, spec.Event{Type: spec.EventEmptied})
	}
	s.warnings = nil
	over := s.life
	m.release(s)
	delete(m.leaving, s)
	m.afterLife(s, over)
}

// release is the end of what there is of a life, and of what the edges have of it.
func (m *model) release(s *service) {
	if sp := s.life.spec; s.life.signs != nil || sp.Cgroup != nil || sp.Credentials != nil {
		m.emit(release{s.lifeID(), sp})
	}
	s.life = life{}
}

// newExit is how a process ended that was started then.
func (m *model) newExit(st exitStatus, began moment) *spec.Exit {
	e := &spec.Exit{At: m.now.wall, Ran: m.now.mono.sub(began.mono).Seconds(), Core: st.core, OOM: st.oom}
	if st.unknown {
		e.Unknown = true
	} else if st.signal != 0 {
		e.Signal = st.signal.String()
	} else {
		e.Code = &st.code
	}
	return e
}

func (m *model) reportExit(s *service, pid int, l *life) {
	how := slog.String("signal", l.exit.Signal)
	level := slog.LevelInfo
	if l.exit.Code != nil {
		how = slog.Int("code", *l.exit.Code)
	}
	if !l.asked && (l.exit.Code == nil || *l.exit.Code != 0) {
		level = slog.LevelWarn
	}
	m.reportFor(s, level, "exited", slog.Int("pid", pid), slog.Uint64("generation", s.generation), how,
		slog.Duration("ran", m.now.mono.sub(l.started.mono)))
}

// lifeID names the current life of s.
func (s *service) lifeID() lifeID { return lifeID{s.name, s.generation} }

// restarts counts the starts after the first.
func (s *service) restarts() int { return max(s.starts-1, 0) }

// alive reports whether there is, or may be, a process of s.
func (s *service) alive() bool { return s.phase >= spawning }
