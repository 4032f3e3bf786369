package colony

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// signs is what a life has told of itself, and what it still has to. Lives that
// have neither ready nor watchdog have none, and are ready when they run.
type signs struct {
	readyBy   instant // it has to be ready then; 0 = it is, or may take its time
	readyAt   time.Time
	watchdog  time.Duration // so often it has to beat; 0 = it need not
	beat      instant       // the last one, or the start of the watch
	dumpUntil instant       // it was asked what it is doing, and has time for it; 0 = not
	text      string        // STATUS
	reloading bool
	stopping  bool   // it has begun to end by itself
	refused   string // MAINPID
	failed    string // why we end it; "" = we do not
}

const (
	// dumpTime is for a program to write down what it is doing, before the stop.
	dumpTime = 2 * time.Second
	// lateness is how late we may act on a deadline and still believe it. If we
	// are later, we have not run ourselves, and what we did not hear says nothing.
	lateness = 100 * time.Millisecond
	// hearing is the time for what was told meanwhile to reach us.
	hearing = time.Second
)

// signsOf is what a life that is about to begin has to tell.
func signsOf(sp *spec.Spec) *signs {
	if sp == nil || sp.Ready == nil && sp.Watchdog == nil {
		return nil
	}
	g := &signs{}
	if sp.Watchdog != nil {
		g.watchdog = sp.Watchdog.D()
	}
	return g
}

// comesUp takes in that the main process of s runs: it is ready, or has so much
// time to be.
func (m *model) comesUp(s *service) {
	l := &s.life
	if l.spec.Ready == nil || l.ready { // what it has told may have come before its pid
		m.isReady(s, "")
		return
	}
	if limit := l.spec.Ready.Limit(); limit > 0 {
		l.signs.readyBy = m.now.mono.add(limit)
	}
	m.dueUp(s)
}

// isReady takes in that s does its work.
func (m *model) isReady(s *service, by string) {
	l := &s.life
	l.ready = true
	if g := l.signs; g != nil {
		g.readyBy, g.beat = 0, m.now.mono
		if l.spec.Ready != nil && g.readyAt.IsZero() {
			g.readyAt = m.now.wall
			took := m.now.mono.sub(l.started.mono).Round(time.Millisecond)
			m.recordFor(s, spec.Event{Type: spec.EventReady, PID: l.pid, Reason: fmt.Sprintf("after %s%s", took, by)})
			m.reportFor(s, slog.LevelInfo, "ready", slog.Int("pid", l.pid), slog.Duration("took", took))
		}
		m.dueUp(s)
	}
	m.settleAsks(s) // now: it may be dead already
	m.touch(s)
}

// dueUp sets when upDue is called next.
func (m *model) dueUp(s *service) {
	if s.phase == up {
		m.setDue(s, s.life.next())
	}
}

// next is when a life that is up is next looked at by itself; 0 = not.
func (l *life) next() instant {
	g := l.signs
	switch {
	case g == nil:
		return 0
	case g.stopping:
		return l.deadline
	case !l.ready:
		return g.readyBy
	case g.watchdog > 0:
		return g.beat.add(g.watchdog)
	}
	return 0
}

// upDue is called when a life that is up has not told in time what it has to.
func (m *model) upDue(s *service) {
	l := &s.life
	g := l.signs
	m.touch(s)
	late := m.now.mono.sub(l.next()) > lateness
	switch {
	case g.stopping:
		m.beginStop(s)
	case late && !l.ready:
		g.readyBy = m.now.mono.add(hearing)
		m.dueUp(s)
	case late:
		g.beat = m.now.mono
		m.dueUp(s)
	case !l.ready:
		m.fail(s, spec.EventUnready, "not ready after "+l.spec.Ready.Limit().String(), false)
	default:
		m.fail(s, spec.EventOverdue, "no WATCHDOG=1 for "+g.watchdog.String(), true)
	}
}

// fail ends a life that is not what it has to be. What hangs is asked first what
// it is doing, if it can say.
func (m *model) fail(s *service, event, why string, hangs bool) {
	l := &s.life
	l.signs.failed = why
	m.recordFor(s, spec.Event{Type: event, PID: l.pid, Reason: why})
	m.reportFor(s, slog.LevelWarn, "ending it as failed: "+why, slog.Int("pid", l.pid))
	if dump := s.spec.Stop.Dump; hangs && dump != 0 {
		l.signs.dumpUntil = m.now.mono.add(min(dumpTime, m.grace(s)))
		m.emit(signal{pid: l.pid, signal: dump})
		m.emit(signal{pid: l.pid, signal: sigCONT})
	}
	m.beginStop(s)
}

// notified takes in what a life tells of itself.
func (m *model) notified(ev notified) {
	s := m.services[ev.life.name]
	if s == nil || s.lifeID() != ev.life || s.phase < spawning || s.life.signs == nil {
		return // of a life that is over
	}
	l, n := &s.life, ev.says
	g := l.signs
	if n.says {
		g.text = n.text
	}
	if n.mainPID != "" && g.refused == "" {
		g.refused = n.mainPID
		m.reportFor(s, slog.LevelWarn, "MAINPID refused: the process that was started is the main process", slog.String("mainpid", n.mainPID))
	}
	if n.watchdog > 0 && l.spec.Watchdog != nil {
		g.watchdog = n.watchdog
	}
	if n.extend > 0 {
		m.extend(s, n.extend)
	}
	g.reloading = (g.reloading || n.reloading) && !n.ready
	m.touch(s)
	if s.phase == stopping || g.stopping {
		return
	}
	if n.beat {
		g.beat = m.now.mono
	}
	switch {
	case n.stopping && s.phase == up:
		g.stopping = true
		l.deadline = m.now.mono.add(m.grace(s))
		m.reportFor(s, slog.LevelInfo, "stops by itself", slog.Int("pid", l.pid))
	case n.ready && !l.ready && l.spec.Ready != nil && s.phase == up:
		m.isReady(s, "")
	case n.ready && l.spec.Ready != nil:
		l.ready = true // what follows from it does when it is up
	case n.hangs && l.ready && s.phase == up:
		m.fail(s, spec.EventOverdue, "it says WATCHDOG=trigger", true)
		return
	}
	m.dueUp(s)
}

// extend gives a life more time for what it is about: to become ready, to end.
func (m *model) extend(s *service, by time.Duration) {
	l := &s.life
	at := m.now.mono.add(by)
	switch {
	case s.phase == up && l.signs.stopping, s.phase == stopping && l.stage < killing:
		if m.drain.on && m.drain.deadline != 0 {
			at = min(at, m.drain.deadline)
		}
		l.deadline = max(l.deadline, at)
		if s.phase == stopping {
			m.dueStop(s)
		}
		m.dueUp(s)
	case s.phase == up && l.signs.readyBy != 0:
		l.signs.readyBy = max(l.signs.readyBy, at)
	case s.phase == up && l.signs.watchdog > 0:
		l.signs.beat = max(l.signs.beat, at.add(-l.signs.watchdog))
	}
}

// requestReady takes in that a helper, or anybody, says that s is ready.
func (m *model) requestReady(r *request, s *service, part int) {
	a := ask{request: r, part: part}
	if s.phase != up {
		m.settleAsk(s, a, "not running", s.life.pid)
		return
	}
	if !s.life.ready {
		m.isReady(s, ", says request "+r.file)
	}
	m.settleAsk(s, a, "", s.life.pid)
}

// hearAgain has what a life of an earlier supervisor tells heard. What it has
// told meanwhile nobody has.
func (m *model) hearAgain(s *service, readyAt *time.Time) {
	l := &s.life
	if l.signs == nil {
		return
	}
	m.emit(hear{s.lifeID(), l.pid, l.spec})
	switch {
	case !l.ready:
		m.comesUp(s)
	case readyAt != nil:
		l.signs.readyAt = *readyAt
		fallthrough
	default:
		m.isReady(s, "")
	}
}
