package colony

import (
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// drain is the end of the colony: the services stop, then the helpers, then
// what nobody owns.
type drain struct {
	on       bool
	stage    drainStage
	rude     bool        // grace is over for everybody
	signal   spec.Signal // that began it and was passed on to `-- CMD`; 0 = none
	signals  int         // that asked for it
	code     int         // our exit code
	deadline instant     // end of the budget; 0 = none
	due      instant     // when drainDue is called; 0 = not
	termed   bool        // TERM was sent to everything
	swept    bool        // KILL was sent to everything
	sweeping bool        // a census must say when nothing is left
	broken   bool        // code is about ourselves
	done     bool
}

type drainStage int

const (
	drainServices drainStage = iota
	drainHelpers
	drainRest
)

const (
	sweepGrace = time.Second            // TERM to KILL for processes that belong to nobody
	lastWait   = 250 * time.Millisecond // for the kernel to bury what was killed
)

// draining reports whether s is to end, or not to start, because the colony
// ends. Helpers go on until the services have stopped, and come back if they die:
// what nobody reads a service cannot write, and so not end.
func (m *model) draining(s *service) bool {
	return m.drain.on && (!s.helper || m.drain.stage > drainServices)
}

// beginDrain ends the colony.
func (m *model) beginDrain(why string) {
	if m.drain.on {
		return
	}
	m.drain.on = true
	if m.policy.budget > 0 {
		m.drain.deadline = m.now.mono.add(m.policy.budget)
		m.drain.due = m.drain.deadline
	}
	m.colonyDirty = true
	m.record(spec.Event{Type: spec.EventDraining, Reason: why})
	m.report(slog.LevelInfo, "draining", slog.String("reason", why))
	for _, s := range m.inOrder() {
		m.touch(s)
	}
}

// advanceDrain takes the next step of a drain when the last one is done.
func (m *model) advanceDrain() {
	if !m.drain.on || m.drain.done {
		return
	}
	if m.drain.stage == drainRest && !m.drain.rude && m.living(false)+m.living(true) > 0 {
		// A start that hung has come back after all.
		m.drain.stage, m.drain.sweeping, m.drain.termed = drainServices, false, false
		m.drain.due = m.drain.deadline
		m.touchHelpers() // a service may need them to end
	}
	if m.drain.stage == drainServices && m.living(false) == 0 {
		m.drain.stage = drainHelpers
		m.touchHelpers()
	}
	if m.drain.stage == drainHelpers && len(m.touched) == 0 && m.living(true) == 0 {
		m.drain.stage = drainRest
		m.drain.sweeping = true
		m.recount()
		m.drain.due = m.now.mono.add(lastWait) // should no census answer
	}
}

func (m *model) touchHelpers() {
	for _, s := range m.inOrder() {
		if s.helper {
			m.touch(s)
		}
	}
}

// living counts the services that have, or may get, a process. One whose start
// hangs is not waited for.
func (m *model) living(helpers bool) int {
	n := m.alive[kindOf(helpers)]
	all := len(m.orders) > 0 && m.slowest() == nil // no more spawners: none of them comes
	for _, o := range m.orders {
		if (o.overdue || all) && o.kind != kindStopCommand && o.service.helper == helpers {
			n--
		}
	}
	return n
}

func kindOf(helper bool) int {
	if helper {
		return 1
	}
	return 0
}

// sweepUp ends what belongs to nobody, now that no service is left.
func (m *model) sweepUp() {
	switch {
	case m.stray == 0 && len(m.pids) == 0 && len(m.leaving) == 0 && m.outstanding() == 0: // else the count was too early
		m.finishDrain()
	case m.drain.swept && m.stray > 0: // begun while the others were swept
		m.emit(sweep{sigKILL})
		m.recount()
	case m.drain.rude && !m.drain.swept:
		m.drain.swept = true
		m.emit(sweep{sigKILL})
		m.drain.due = m.now.mono.add(lastWait)
	case !m.drain.swept && !m.drain.termed:
		m.drain.termed = true
		m.report(slog.LevelInfo, "ending what no service owns", slog.Int("processes", m.stray))
		m.emit(sweep{sigTERM})
		at := m.now.mono.add(sweepGrace)
		if m.drain.deadline != 0 {
			at = min(at, m.drain.deadline)
		}
		m.drain.due = at
	}
}

// drainDue is called when a drain has waited long enough for something.
func (m *model) drainDue() {
	switch {
	case m.drain.stage < drainRest && !m.drain.rude:
		m.report(slog.LevelWarn, "killing what is left: the time to shut down is over")
		m.drain.stage = drainHelpers
		m.beRude()
		m.drain.due = m.now.mono.add(lastWait)
	case !m.drain.swept:
		m.drain.stage, m.drain.sweeping = drainRest, true
		m.drain.swept = true
		m.beRude()
		m.emit(sweep{sigKILL})
		m.recount()
		m.drain.due = m.now.mono.add(lastWait)
	default:
		m.report(slog.LevelError, "leaving processes behind that do not die")
		m.finishDrain()
	}
}

// beRude ends every grace now.
func (m *model) beRude() {
	m.drain.rude = true
	for _, s := range m.inOrder() {
		m.touch(s)
		if s.phase == stopping && s.life.stage != killing {
			s.life.deadline = m.now.mono
			m.stopDue(s)
		}
	}
}

// finishDrain is the last thing a core does.
func (m *model) finishDrain() {
	m.drain.done = true
	m.drain.due = 0
	for _, file := range slices.Sorted(maps.Keys(m.requests)) {
		r := m.requests[file]
		if r.result.Type == spec.Shutdown {
			m.finish(r, "")
		} else {
			m.finish(r, spec.HasShutDown)
		}
	}
	m.colony.Clean = true
	m.colonyDirty = true
	m.record(spec.Event{Type: spec.EventColonyEnded, Reason: "exit code " + strconv.Itoa(m.drain.code)})
	m.publishChanges()
	m.emit(exit{m.drain.code})
}

// mainOver ends the colony when the service it lives and dies with has ended,
// with its code.
func (m *model) mainOver(s *service, byItself bool) {
	if m.main != s.name || s.lastExit == nil || !byItself && !m.drain.on {
		return
	}
	if !m.drain.broken {
		m.drain.code = exitCode(s.lastExit, s.missing)
	}
	if byItself {
		m.beginDrain("main has ended: " + s.lastExit.String())
	}
}

// exitCode is how a shell would put an exit in one number.
func exitCode(e *spec.Exit, missing bool) int {
	switch {
	case e.Code != nil:
		return *e.Code
	case e.Signal != "":
		n, _ := spec.ParseSignal(e.Signal)
		return 128 + int(n)
	case missing:
		return 127
	case e.SpawnError != "":
		return 126
	default:
		return 1
	}
}

// inOrder is the services by name, so that a step is repeatable.
func (m *model) inOrder() []*service {
	all := make([]*service, 0, len(m.services))
	for _, name := range slices.Sorted(maps.Keys(m.services)) {
		all = append(all, m.services[name])
	}
	return all
}
