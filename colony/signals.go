package colony

import (
	"log/slog"
	"time"
)

// commandName is the service of `-- CMD`.
const commandName = "main"

// runningCommand returns the service of `-- CMD` if its main process lives; else nil.
func (m *model) runningCommand() *service {
	if s := m.services[commandName]; s != nil && s.cmd && s.life.pid != 0 {
		return s
	}
	return nil
}

// commandFirst is how long signals wait for the start of `-- CMD`.
const commandFirst = time.Second

// holdSignals is how long signals are to wait yet: `-- CMD` is about to be, and
// gets every one. If its start hangs, they are for us alone.
func (l *loop) holdSignals() time.Duration {
	for _, o := range l.model.orders {
		if o.kind == kindCommand {
			return max(0, o.since.add(commandFirst).sub(l.clock().mono))
		}
	}
	return 0
}

// signalled takes in a signal to the supervisor.
func (m *model) signalled(ev signalled) {
	cmd := m.runningCommand()
	switch {
	case cmd == nil:
	case ev.signal == sigCONT:
		m.emit(resume{cmd.life.pid})
	default:
		m.emit(signal{pid: cmd.life.pid, signal: ev.signal})
	}
	switch ev.signal {
	case sigTERM, sigINT, sigQUIT:
		m.drain.signals++
		if m.drain.signals == 1 {
			if cmd != nil && !m.drain.on {
				m.drain.signal = ev.signal
			}
			m.beginDrain("signal " + ev.signal.String())
		} else {
			m.beRude()
		}
	case sigHUP:
		m.emit(rescan{})
	case sigUSR1:
		m.dump()
	case sigUSR2:
		if cmd == nil && m.upgrade == nil && !m.drain.on { // else it is the program's
			m.beginUpgrade("", "")
		}
	}
}

// suspended takes in that `-- CMD`, on our terminal, has been stopped. By a key
// or for want of the terminal, that is job control, and ours to play. Whoever
// sent STOP itself will know when to send CONT.
func (m *model) suspended(ev suspended) {
	cmd := m.runningCommand()
	if cmd == nil {
		return
	}
	m.reportFor(cmd, slog.LevelInfo, "suspended", slog.Int("pid", cmd.life.pid), slog.String("signal", ev.signal.String()))
	switch {
	case ev.signal == sigSTOP:
	case cmd.phase == stopping:
		m.emit(signal{pid: cmd.life.pid, group: true, signal: sigCONT}) // it cannot end while it is stopped
	default:
		m.emit(suspend{cmd.life.pid, ev.signal})
	}
}

// dump writes what is known of every service to the log.
func (m *model) dump() {
	for _, s := range m.inOrder() {
		m.reportFor(s, slog.LevelInfo, "state", slog.String("state", string(m.stateOf(s))), slog.String("phase", s.phase.String()),
			slog.Int("pid", s.life.pid), slog.Uint64("generation", s.generation), slog.Int("restarts", s.restarts()))
	}
	m.report(slog.LevelInfo, "state", slog.Int("services", len(m.services)), slog.Int("pids", len(m.pids)),
		slog.Int("orders", len(m.orders)), slog.Int("requests", len(m.requests)))
}
