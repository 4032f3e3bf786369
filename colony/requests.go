package colony

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// request is a message whose result is not finished.
type request struct {
	file   string
	result spec.Result
	open   int  // services that have not answered
	many   bool // -ALL or -GROUP: the answers are listed
}

// ask is one request's wait for one service.
type ask struct {
	request *request
	part    int    // its place in result.Services, for a request about many
	stop    bool   // done when the life asked about is over; else, when a later one runs
	after   uint64 // the generation at the time
}

// noService is the error of a request that names none. ctl tells it apart.
const noService = "no such service"

// noInstances is what keeps a service down whose file asks for none.
const noInstances = "instances is 0: there is nothing to run"

// receive acts on a message. It was unlinked before, so whatever happens here
// happens at most once.
func (m *model) receive(ev received) {
	r := &request{file: ev.file, result: spec.Result{Received: ev.at}}
	if ev.message == nil {
		m.requests[r.file] = r
		m.reject(r, ev.problem.Error())
		return
	}
	msg := ev.message
	r.result.Type, r.result.Name, r.result.Group = msg.Type, msg.Name, msg.Group
	m.requests[r.file] = r
	m.record(spec.Event{Type: spec.EventRequested, Name: msg.Name, Request: ev.file, Reason: describe(msg)})
	m.report(slog.LevelInfo, "requested", slog.String("request", ev.file), slog.String("what", describe(msg)))
	if why := m.refusal(ev); why != "" {
		m.finish(r, why)
		return
	}
	switch msg.Type {
	case spec.RestartService, spec.StartService, spec.StopService, spec.SendSignal, spec.Ready:
		m.requestOne(r, ev)
	case spec.RestartAll:
		m.requestMany(r, m.services, ev.old)
	case spec.RestartGroup:
		m.requestMany(r, m.groups[msg.Group], ev.old)
	case spec.Rescan:
		m.finish(r, "") // the watcher has looked before it handed the message over
	case spec.Upgrade:
		r.open = 1
		m.beginUpgrade(ev.file, msg.Path)
	case spec.Shutdown:
		m.beginDrain("request " + ev.file)
	}
}

// describe puts a message in a few words for events and log.
func describe(msg *spec.Message) string {
	d := string(msg.Type)
	if about := msg.Name + msg.Group; about != "" {
		d += " " + about
	}
	if msg.Signal != 0 {
		d += " " + msg.Signal.String()
	}
	if msg.Reason != "" {
		d += ": " + msg.Reason
	}
	return d
}

// refusal says why a message is not acted on; "" = it is.
func (m *model) refusal(ev received) string {
	msg := ev.message
	switch msg.Type {
	case spec.Shutdown, spec.Upgrade:
		if !ev.trusted {
			return "not allowed: the message's file belongs to neither root nor the supervisor's user"
		}
	}
	if ev.old && (msg.Type == spec.Shutdown || msg.Type == spec.Upgrade || msg.Type == spec.SendSignal) {
		return "refused: it was left from before the supervisor started"
	}
	if m.drain.on && msg.Type != spec.Shutdown {
		return spec.ShuttingDown
	}
	switch msg.Type {
	case spec.Upgrade:
		if m.upgrade != nil {
			return "an upgrade is under way"
		}
	case spec.RestartService, spec.StartService, spec.StopService, spec.SendSignal, spec.Ready:
		all, many := m.about(msg.Name)
		switch {
		case len(all) == 0:
			return fmt.Sprintf("%s: %q", noService, msg.Name)
		case many && (msg.Generation != nil || msg.PID != nil):
			return fmt.Sprintf("%q has instances: name the one whose life is meant, as %q", msg.Name, all[len(all)-1].name)
		case many:
			return ""
		}
		s := all[0]
		if another(s, msg) {
			return "another life"
		}
		if s.stopped != nil && msg.Type == spec.RestartService && (msg.Generation != nil || msg.PID != nil) {
			return "stopped meanwhile"
		}
	case spec.RestartGroup:
		if len(m.groups[msg.Group]) == 0 {
			return fmt.Sprintf("no such group: %q", msg.Group)
		}
	}
	return ""
}

// another reports whether a message is meant for a life that is not the
// current one.
func another(s *service, msg *spec.Message) bool {
	live := s.phase == up || s.phase == stopping
	return msg.Generation != nil && (!live || *msg.Generation != s.generation) ||
		msg.PID != nil && (!live || *msg.PID != s.life.pid)
}

// requestMany restarts all of them but those somebody has stopped, those that
// wait until they are due, and helpers.
func (m *model) requestMany(r *request, of map[string]*service, old bool) {
	r.many = true
	r.open = 1 // ours, until all are asked
	for _, name := range slices.Sorted(maps.Keys(of)) {
		s := of[name]
		if s.helper || s.gone || s.stopped != nil || untilDue(s) || s.spec != nil && !s.spec.Runs() {
			continue
		}
		r.open++
		m.restart(r, s, old, r.enter(s, s.life.pid))
	}
	m.partDone(r)
}

// restart ends the life of s if there is one, and starts it whatever kept it
// from running.
func (m *model) restart(r *request, s *service, old bool, part int) {
	a := ask{request: r, part: part, after: s.generation}
	switch {
	case s.spec == nil:
		m.settleAsk(s, a, "no good spec: "+problemText(s), 0)
	case !s.spec.Runs():
		m.settleAsk(s, a, noInstances, 0)
	case old && !m.wanted(s):
		m.settleAsk(s, a, "refused: it was left from before the supervisor started", 0)
	case old && s.life.start == 0: // it was not adopted
		m.settleAsk(s, a, "", s.life.pid) // the start was a restart of it
	default:
		m.unstop(s)
		s.restart = true
		s.asks = append(s.asks, a)
		m.touch(s)
	}
}

func (m *model) requestStart(r *request, s *service, part int) {
	a := ask{request: r, part: part, after: s.generation}
	switch {
	case s.spec == nil:
		m.settleAsk(s, a, "no good spec: "+problemText(s), 0)
	case !s.spec.Runs():
		m.forgetStop(s)
		m.touch(s)
		m.settleAsk(s, a, noInstances, 0)
	case s.phase == up && !s.restart && s.life.ready && m.mayRun(s):
		m.settleAsk(s, a, "", s.life.pid)
	default:
		m.unstop(s)
		switch s.phase {
		case backoff, stopping:
			s.restart = true // whatever policy makes of the last life
		case spawning:
			a.after-- // the start under way is the one
		case up:
			if !s.restart {
				a.after-- // likewise; it is not ready yet
			}
		}
		s.asks = append(s.asks, a)
		m.touch(s)
	}
}

func (m *model) requestStop(r *request, s *service, part int, note spec.StopNote) {
	s.stopped = &note
	s.restart = false
	// If they waited on, a START that comes before this life has begun would be
	// done with it, and a RESTART would have no other life to wait for.
	m.failAsks(s, func(a ask) bool { return !a.stop }, "stopped meanwhile")
	if !r.many { // else the note is the family's
		m.emit(keepStop{s.name, note})
	}
	s.asks = append(s.asks, ask{request: r, part: part, stop: true, after: s.generation})
	m.touch(s)
}

func (m *model) requestSignal(r *request, s *service, part int, sig spec.Signal) {
	a := ask{request: r, part: part}
	if s.life.pid == 0 || !s.alive() {
		m.settleAsk(s, a, "not running", 0)
		return
	}
	m.emit(signal{pid: s.life.pid, signal: sig})
	m.settleAsk(s, a, "", s.life.pid)
}

// forgetStop forgets that somebody stopped s, if so.
func (m *model) forgetStop(s *service) {
	if s.stopped != nil {
		m.exempt(s)
		m.dropStop(s)
	}
}

// dropStop forgets it of s alone.
func (m *model) dropStop(s *service) {
	if s.stopped != nil {
		s.stopped = nil
		m.emit(forgetStop{s.name})
	}
}

// unstop clears what keeps s from running.
func (m *model) unstop(s *service) {
	m.forgetStop(s)
	s.over = notOver
	s.forgive()
	if s.phase != stopping { // a stop under way comes to its end
		m.failAsks(s, func(a ask) bool { return a.stop }, "started again meanwhile")
	}
}

func problemText(s *service) string {
	if s.problem == nil {
		return "none was read"
	}
	return s.problem.Error()
}

// settleAsks answers the requests that what is true of s now answers.
func (m *model) settleAsks(s *service) {
	if len(s.asks) == 0 {
		return
	}
	asks := s.asks
	s.asks = nil
	var open []ask
	for _, a := range asks {
		switch {
		case a.stop && (!s.alive() || s.generation > a.after):
			m.settleAsk(s, a, "", 0)
		case a.stop && s.phase == up && m.mayRun(s): // others had to go first, and its file has gone and come back
			m.settleAsk(s, a, "started again meanwhile", 0)
		case a.stop:
			open = append(open, a)
		case s.phase == up && s.life.ready && s.generation > a.after && m.mayRun(s):
			m.settleAsk(s, a, "", s.life.pid)
		case !s.alive() && s.stopped != nil:
			m.settleAsk(s, a, "stopped meanwhile", 0)
		case !s.alive() && s.spec != nil && !s.spec.Runs():
			m.settleAsk(s, a, noInstances, 0)
		case !s.alive() && m.draining(s):
			m.settleAsk(s, a, spec.ShuttingDown, 0)
		case s.over == hasExited && s.phase == down: // before it could be said to run
			m.settleAsk(s, a, fmt.Sprintf("it has ended: %s", s.lastExit), 0)
		case m.whyDown(s) != "":
			m.settleAsk(s, a, "waits: "+m.whyDown(s), 0)
		case s.over == hasFailed && s.phase == down, s.retrying && !s.restart:
			m.settleAsk(s, a, "failed: "+s.limitText, 0)
		default:
			open = append(open, a)
		}
	}
	s.asks = append(open, s.asks...)
}

// failAsks answers those of the requests that wait for s with an error.
func (m *model) failAsks(s *service, which func(ask) bool, why string) {
	asks := s.asks
	s.asks = nil
	for _, a := range asks {
		if which(a) {
			m.settleAsk(s, a, why, 0)
		} else {
			s.asks = append(s.asks, a)
		}
	}
}

// settleAsk notes what became of one service for one request; why "" = well.
func (m *model) settleAsk(s *service, a ask, why string, newPID int) {
	r := a.request
	if r.many {
		p := &r.result.Services[a.part]
		p.OK, p.Error, p.NewPID = why == "", why, newPID
	} else {
		r.result.Error, r.result.NewPID = why, newPID
	}
	m.partDone(r)
}

// partDone finishes a request when all of it is done.
func (m *model) partDone(r *request) {
	if r.open--; r.open > 0 {
		return
	}
	why := r.result.Error
	for _, p := range r.result.Services {
		if !p.OK && why == "" {
			why = fmt.Sprintf("%q: %s", p.Name, p.Error)
		}
	}
	m.finish(r, why)
}

// finish completes the result of a request.
func (m *model) finish(r *request, why string) {
	if m.requests[r.file] != r {
		return // a later message of the same name has taken its result's place
	}
	at := m.now.wall
	r.result.OK, r.result.Error, r.result.Finished = why == "", why, &at
	m.emit(answer{r.file, r.result})
	delete(m.requests, r.file)
	m.record(spec.Event{Type: spec.EventAnswered, Name: r.result.Name, Request: r.file, Error: why})
	if why != "" {
		m.report(slog.LevelWarn, "request failed", slog.String("request", r.file), slog.String("err", why))
	}
}

// reject answers a file that is no message.
func (m *model) reject(r *request, why string) {
	m.record(spec.Event{Type: spec.EventRequested, Request: r.file, Error: why})
	m.finish(r, why)
}
