package colony

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

const (
	rekill  = 2 * time.Second // between attempts on what does not die
	recount = time.Second     // between censuses while something is left
)

// terminate begins to end a life that somebody wants ended.
func (m *model) terminate(s *service) {
	s.life.asked = true
	m.beginStop(s)
}

// beginStop begins to end a life, for whatever reason.
func (m *model) beginStop(s *service) {
	l := &s.life
	m.setPhase(s, stopping)
	grace := m.grace(s)
	l.deadline = m.now.mono.add(grace)
	m.recordFor(s, spec.Event{Type: spec.EventTerminating, PID: l.pid})
	m.reportFor(s, slog.LevelInfo, "stopping", slog.Int("pid", l.pid), slog.Duration("grace", grace))
	switch {
	case grace <= 0:
		m.kill(s)
	case l.dumping():
		l.stage = commanding // the stop begins when it has written
	default:
		m.askStop(s)
	}
	m.dueStop(s)
}

// askStop runs the stop command, if there is one, or sends the signal.
func (m *model) askStop(s *service) {
	command := s.spec.Stop.Command
	if len(command) == 0 {
		m.sayStop(s)
		return
	}
	s.life.stage = commanding
	s.life.ordered = true
	m.order(s, kindStopCommand, command)
}

// dumping reports whether a life was asked what it is doing, and its stop waits
// for that.
func (l *life) dumping() bool { return l.signs != nil && l.signs.dumpUntil != 0 }

// commandOver goes on after the stop command: it has ended, or did not start.
func (m *model) commandOver(s *service) {
	if s.phase == stopping && s.life.stage == commanding {
		m.sayStop(s)
		m.dueStop(s)
	}
	m.touch(s)
	m.ifEmpty(s)
}

// sayStop sends the stop signal. CONT lets a process take it that was suspended.
func (m *model) sayStop(s *service) {
	l := &s.life
	l.stage = terminating
	if l.pid == 0 {
		return
	}
	sig := s.spec.Stop.Signal
	switch {
	case s.cmd && m.drain.signal != 0:
		m.emit(signal{pid: l.pid, signal: sigCONT})
		return // it was passed on as received
	case sig == 0:
		sig = sigTERM
	}
	group := m.scope(s) == spec.ScopeGroup
	m.emit(signal{pid: l.pid, group: group, signal: sig})
	m.emit(signal{pid: l.pid, group: group, signal: sigCONT})
}

// kill ends what is left of a life for good.
func (m *model) kill(s *service) {
	l := &s.life
	l.deadline = m.now.mono.add(rekill)
	if l.stage != killing {
		m.recordFor(s, spec.Event{Type: spec.EventKilled, PID: l.pid})
		m.reportFor(s, slog.LevelWarn, "killing: grace is over", slog.Int("pid", l.pid))
		l.stage = killing
		l.grouped = false
	} else {
		m.blame(s)
	}
	if l.pid != 0 {
		m.emit(signal{pid: l.pid, group: m.scope(s) != spec.ScopeMain, signal: sigKILL})
	}
	if l.pid != 0 && s.cmd {
		m.emit(signal{pid: l.pid, signal: sigKILL}) // on a terminal it may have left its group
	}
	if l.command != 0 {
		m.emit(signal{pid: l.command, group: true, signal: sigKILL})
	}
	if l.spec.Cgroup != nil && m.scope(s) != spec.ScopeMain {
		m.emit(killGroup{s.lifeID()})
	}
	m.signalLeft(s, true)
	m.recount()
	m.ifEmpty(s)
}

// stopDue is called when a stop under way has something to do.
func (m *model) stopDue(s *service) {
	switch {
	case m.now.mono >= s.life.deadline:
		m.kill(s)
	case s.life.dumping() && m.now.mono >= s.life.signs.dumpUntil:
		s.life.signs.dumpUntil = 0
		if s.life.stage == commanding {
			m.askStop(s)
		}
	default:
		m.recount()
	}
	if s.phase == stopping {
		m.dueStop(s)
	}
	m.touch(s)
}

// dueStop sets when stopDue is called next.
func (m *model) dueStop(s *service) {
	at := s.life.deadline
	if s.life.dumping() {
		at = min(at, s.life.signs.dumpUntil)
	}
	if len(s.life.left) > 0 {
		at = min(at, m.now.mono.add(recount))
	}
	m.setDue(s, at)
}

// blame names in status what does not die though it was killed.
func (m *model) blame(s *service) {
	var names []string
	if pid := s.life.pid; pid != 0 {
		names = append(names, fmt.Sprintf("main process %d", pid))
	}
	for _, p := range s.life.left {
		names = append(names, fmt.Sprintf("%s (%d)", p.command, p.pid))
	}
	if len(names) > 0 {
		s.warnings = []string{"killed and still there: " + strings.Join(names, ", ")}
	}
}

// counted takes in what is left of the lives whose main process is gone.
func (m *model) counted(ev counted) {
	if ev.number != m.census.number {
		return // we have given up on it
	}
	if m.census.lost > 0 {
		m.degrade(degraded{what: "census"})
	}
	m.census.out, m.census.lost = false, 0
	if m.stray != ev.unattributed {
		m.stray = ev.unattributed
		m.colonyDirty = true
	}
	for _, id := range sortedLives(ev.left) {
		s, left := m.services[id.name], ev.left[id]
		if s == nil || s.phase != stopping || s.generation != id.generation || s.life.pid != 0 {
			continue
		}
		if len(left) == 0 && m.census.want && s.life.start == 0 && s.life.doubts < maxDoubts {
			// Something died while it was counted: what it left may have changed
			// hands behind the count's back. The next one is under way. For a life
			// that was adopted all of /proc was looked through, whoever has what.
			s.life.doubts++
			continue
		}
		s.life.doubts = 0
		s.life.unclear = false
		s.life.left = left
		if len(left) == 0 {
			delete(m.leaving, s)
		}
		m.signalLeft(s, false)
		m.dueStop(s)
		m.ifEmpty(s)
		m.touch(s)
	}
	if m.drain.sweeping {
		m.sweepUp()
	}
}

// maxDoubts bounds how often an answer that says "empty" is doubted, so that
// orphans that die all the time cannot keep a service from starting.
const maxDoubts = 20

// sortedLives is the lives of a census by name, so that a step is repeatable.
func sortedLives(left map[lifeID][]process) []lifeID {
	return slices.SortedFunc(maps.Keys(left), func(a, b lifeID) int { return strings.Compare(a.name, b.name) })
}

// signalLeft sends what is due to what a main process has left behind, once in
// each stage, or again.
func (m *model) signalLeft(s *service, again bool) {
	l := &s.life
	var to []process
	told := make(map[processID]stage, len(l.left))
	for _, p := range l.left {
		before := l.told[p.processID]
		if before == none && l.grouped && p.inGroup {
			before = l.stage // with its group, while that was certainly ours
		}
		if before < l.stage || again {
			to = append(to, p)
		}
		told[p.processID] = l.stage
	}
	l.told = told
	if len(to) > 0 {
		m.emit(signalRest{processes: to, signal: l.rest()})
	}
}

// censusState keeps one census at a time under way.
type censusState struct {
	out    bool // one was asked for and has not answered
	want   bool // something has changed since
	number uint64
	since  instant
	lost   int // in a row that have not answered in time
}

// patience is when the census that is out is given up: later each time, for
// each costs a goroutine that may never come back.
func (c *censusState) patience() instant { return c.since.add(censusPatience << min(c.lost, 10)) }

const censusPatience = 10 * time.Second

// loseCensus gives up on the census that is out, and asks for another.
func (m *model) loseCensus() {
	m.census.out, m.census.want = false, true
	m.census.lost++
	m.degrade(degraded{"census", "what services have left behind cannot be counted: /proc does not answer"})
}

// recount asks for a census if something may be left of a life.
func (m *model) recount() { m.census.want = true }

// askCensus sends one off, if it is wanted and can tell us anything.
func (m *model) askCensus() {
	if !m.census.want || m.census.out {
		return
	}
	m.census.want = false
	if len(m.leaving) == 0 && !m.drain.sweeping {
		return
	}
	var lives []lifeQuery
	for s := range m.leaving {
		leader := s.life.leader
		if _, reused := m.pids[leader]; reused {
			leader = 0 // its group is empty, and the number another's
		}
		lives = append(lives, lifeQuery{s.lifeID(), leader, s.life.start, s.life.spec.Cgroup != nil})
	}
	slices.SortFunc(lives, func(a, b lifeQuery) int { return strings.Compare(a.life.name, b.life.name) })
	m.census.out = true
	m.census.number++
	m.census.since = m.now.mono
	m.emit(census{m.census.number, lives, slices.Sorted(maps.Keys(m.pids))})
}

// grace is how long a stop of s may take before it is killed.
func (m *model) grace(s *service) time.Duration {
	g := m.policy.grace
	if s.spec.Stop.Grace != nil {
		g = s.spec.Stop.Grace.D()
	}
	if m.drain.on && m.drain.rude {
		return 0
	}
	if m.drain.on && m.drain.deadline != 0 {
		g = min(g, m.drain.deadline.sub(m.now.mono))
	}
	return g
}

func (m *model) scope(s *service) spec.Scope { return s.spec.Stop.Scope }

// The signals the supervisor itself thinks of, with Linux's numbers.
const (
	sigHUP  spec.Signal = 1
	sigINT  spec.Signal = 2
	sigQUIT spec.Signal = 3
	sigKILL spec.Signal = 9
	sigUSR1 spec.Signal = 10
	sigUSR2 spec.Signal = 12
	sigTERM spec.Signal = 15
	sigCONT spec.Signal = 18
	sigSTOP spec.Signal = 19
	sigTSTP spec.Signal = 20
)
