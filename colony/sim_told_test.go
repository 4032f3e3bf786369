package colony

import (
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// simTold is what a life has told, on its way to the supervisor.
type simTold struct {
	life lifeID
	text string
}

// hear and release are the effects: who is heard is the affair of one supervisor,
// and of those that take over from it.
func (k *simKernel) hear(e hear) { k.listen(e.life) }

func (k *simKernel) release(e release) {
	k.ears = slices.DeleteFunc(k.ears, func(id lifeID) bool { return id == e.life })
}

func (k *simKernel) unlisten(unlisten)         {}
func (k *simKernel) follow(string, *spec.Spec) {}
func (k *simKernel) killGroup(killGroup)       {}
func (k *simKernel) outOfMemory(lifeID) bool   { return false }

func (k *simKernel) listen(id lifeID) {
	if !slices.Contains(k.ears, id) {
		k.ears = append(k.ears, id)
	}
}

// tell is a process that tells something. If no supervisor hears its life, that
// is lost.
func (k *simKernel) tell(p *simProc, text string) {
	heard := slices.Contains(k.ears, p.life)
	k.w.say("  %d of %s/%d says %q (heard: %v)", p.pid, p.life.name, p.life.generation, text, heard)
	p.said = p.said || strings.Contains(text, "READY=1")
	if heard {
		k.wire = append(k.wire, simTold{p.life, text})
	}
}

// deliverTold has the loop hear something: what lives say in one order, of
// several lives in any.
func (k *simKernel) deliverTold() {
	i := 0
	for n := k.w.luck(len(k.wire)); n > 0 && i == 0; n-- {
		if !slices.ContainsFunc(k.wire[:n], func(s simTold) bool { return s.life == k.wire[n].life }) {
			i = n
		}
	}
	s := k.wire[i]
	k.wire = slices.Delete(k.wire, i, i+1)
	k.w.c.inbox <- notified{s.life, parseNotification([]byte(s.text))}
}

// talkers are the living main processes that have something to tell.
func (k *simKernel) talkers() (all []*simProc) {
	for _, p := range k.procs {
		if p.main && !p.zombie && p.spec != nil && (p.spec.Ready != nil || p.spec.Watchdog != nil) {
			all = append(all, p)
		}
	}
	return all
}

// talk has each of them do what it is there for: say once that it is ready, and
// beat, unless it hangs.
func (k *simKernel) talk() {
	for _, p := range k.talkers() {
		switch {
		case p.hangs:
		case p.spec.Ready != nil && !p.said:
			k.tell(p, "READY=1")
		case p.spec.Watchdog != nil:
			k.tell(p, "WATCHDOG=1")
		}
	}
}

// finishJobs has those jobs do what others wait for.
func (k *simKernel) finishJobs() {
	m := k.w.c.loop.model
	for _, p := range slices.Clone(k.procs) {
		s := m.services[p.life.name]
		if p.main && !p.zombie && s != nil && s.spec != nil && isJob(s.spec) && len(m.dependents[s.file()]) > 0 {
			k.die(p, exitStatus{})
		}
	}
}

var simTellings = []string{"READY=1", "READY=1", "READY=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1", "EXTEND_TIMEOUT_USEC=20000000",
	"WATCHDOG=trigger", "RELOADING=1", "MAINPID=1", "STATUS=well\nREADY=1", "WATCHDOG_USEC=20000000"}

// opTell has a process of a life tell something, or hang from now on.
func (w *simWorld) opTell(o simOp) {
	p := w.pick(o.a)
	if p == nil {
		return
	}
	if o.b > 240 {
		p.hangs = true
		return
	}
	w.kernel.tell(p, simTellings[int(o.b)%len(simTellings)])
}

// simBeat is often enough for every watchdog of the schedules.
const simBeat = 5 * time.Second

// witness holds each effect against what it follows from, at the moment at which
// it is decided on.
func (t *truth) witness(e effect) {
	if t.w.c == nil || t.w.c.loop == nil {
		return
	}
	switch e := e.(type) {
	case spawn:
		if s := t.model(e.life.name); s != nil && e.kind != kindStopCommand {
			t.tell(mayOrder(t.w.c.loop.model, s))
			t.ordered(s)
		}
	case publish:
		if st := e.status; st.Ready && t.isMute(st.Name) && !t.ready[lifeID{st.Name, st.Generation}] {
			t.w.fail("%s/%d is published as ready, and has not said so", st.Name, st.Generation)
		}
	case record:
		t.recorded(e.event)
	}
}

// isMute reports whether the life of a service counts as ready only when it says
// so.
func (t *truth) isMute(name string) bool {
	s := t.model(name)
	return s != nil && s.alive() && s.life.spec != nil && s.life.spec.Ready != nil
}

func (t *truth) tell(why string) {
	if why != "" {
		t.w.fail("%s", why)
	}
}

// recorded watches what the core says that it does.
func (t *truth) recorded(e spec.Event) {
	s := t.model(e.Name)
	if s == nil {
		return
	}
	now, l := t.w.mono, t.lives[s.lifeID()]
	switch e.Type {
	case spec.EventTerminating:
		t.tell(mayStop(t.w.c.loop.model, s))
	case spec.EventReady:
		t.beat[s.lifeID()] = now
		if !t.ready[s.lifeID()] {
			t.w.fail("%s/%d counts as ready, and has not said so", s.name, s.generation)
		}
	case spec.EventUnready:
		if l != nil && now.sub(l.began) < s.life.spec.Ready.Limit() {
			t.w.fail("%s/%d is ended as not ready after %v", s.name, s.generation, now.sub(l.began))
		}
	case spec.EventOverdue:
		if l != nil && strings.HasPrefix(e.Reason, "no ") && now.sub(max(l.began, t.beat[s.lifeID()])) < s.life.signs.watchdog {
			t.w.fail("%s/%d is ended as hanging %v after its last beat", s.name, s.generation, now.sub(max(l.began, t.beat[s.lifeID()])))
		}
	case spec.EventFailed:
		t.hasFailed(s)
	}
	if e.Type == spec.EventUnready || e.Type == spec.EventOverdue && strings.HasPrefix(e.Reason, "no ") {
		if late := now.sub(s.life.next()); late > lateness {
			t.w.fail("%s/%d is ended %v after its time: what it has told meanwhile may be on its way", s.name, s.generation, late)
		}
	}
}

// heard takes in what is told, on its way to the core.
func (t *truth) heard(ev notified) {
	if ev.says.ready {
		t.ready[ev.life], t.told[ev.life] = true, true
	}
	if ev.says.beat {
		t.beat[ev.life] = t.w.mono
	}
}

// isTold checks that those are ready that have said so.
func (t *truth) isTold(m *model) {
	for _, name := range simServices {
		s := m.services[name]
		if s != nil && s.phase == up && s.life.spec.Ready != nil && !s.life.ready && !s.life.signs.stopping && t.told[s.lifeID()] && t.kills == 0 {
			t.w.fail("%s/%d has said that it is ready, and is not", name, s.generation)
		}
	}
}

// asked takes in a READY message, on its way to the core.
func (t *truth) asked(msg *spec.Message) {
	for s := range t.w.c.loop.model.of(msg.Name) {
		if msg.Type == spec.Ready && (msg.Generation == nil || *msg.Generation == s.generation) {
			t.ready[s.lifeID()] = true
		}
	}
}

// restarts is what is known of those of a service.
type restarts struct {
	sure []instant // ends by itself that were followed by a start, and nobody has wished anything since
	ends []instant // all ends, and starts that have failed
	last instant   // the last of them, if it certainly was by itself
	more bool      // the core may know of others than these
}

func (t *truth) runs(name string) *restarts {
	if t.restarts[name] == nil {
		t.restarts[name] = &restarts{}
	}
	return t.restarts[name]
}

// forgiven takes in that somebody has wished something: all that was counts no
// more, or may not.
func (t *truth) forgiven() {
	for _, r := range t.restarts {
		r.sure, r.last, r.more = nil, 0, false
	}
}

// fell takes in the end of a life, or a start that has failed, on its way to the
// core.
func (t *truth) fell(s *service, counts bool) {
	r := t.runs(s.name)
	r.ends = append(r.ends, t.w.mono)
	r.last = 0
	if counts && s.spec != nil && !s.gone && s.stopped == nil && !s.restart && !s.life.asked && !t.w.c.loop.model.drain.on &&
		s.life.spec != nil && spec.SameProcess(s.life.spec, s.spec) {
		r.last = t.w.mono
	}
}

// ordered is invariant 12: no more restarts than limit allows within its time.
// What counts is when a life was empty, between its end and this start: those
// whose end is near enough to this start certainly count.
func (t *truth) ordered(s *service) {
	r := t.runs(s.name)
	if n := len(r.ends); n > 0 {
		r.ends[n-1] = t.w.mono // it may have been empty only now
	}
	if r.last == 0 {
		return
	}
	r.sure = append(r.sure, r.last)
	r.last = 0
	if s.spec.Limit == nil {
		r.sure = nil
		return
	}
	if n := t.within(r.sure, s); n > s.spec.Limit.Restarts && !t.clocked {
		t.w.fail("%s is restarted for the time %d within %v, limit allows %d", s.name, n, s.spec.Limit.Within.D(), s.spec.Limit.Restarts)
	}
}

func (t *truth) within(at []instant, s *service) (n int) {
	for _, i := range at {
		if t.w.mono.sub(i) < s.spec.Limit.Within.D() {
			n++
		}
	}
	return n
}

// hasFailed checks that a limit was reached.
func (t *truth) hasFailed(s *service) {
	if s.spec.Limit == nil {
		t.w.fail("%s has failed, and has no limit", s.name)
		return
	}
	n := 0
	for _, i := range t.runs(s.name).ends {
		if t.w.mono.sub(i) < s.spec.Limit.Within.D() {
			n++
		}
	}
	if n <= s.spec.Limit.Restarts && !t.clocked && t.kills == 0 {
		t.w.fail("%s has failed after %d ends within %v, limit allows %d restarts", s.name, n, s.spec.Limit.Within.D(), s.spec.Limit.Restarts)
	}
}

// unwritten has a kill forget those failures that were not in a status file yet:
// the next supervisor knows of no others. How an end is judged that was not taken
// in, or whose start is on its way, is not known.
func (t *truth) unwritten() {
	for name, r := range t.restarts {
		known := 0
		if st := t.status(name); st != nil && len(r.sure) > 0 && !r.more {
			for _, f := range st.Failures {
				if !f.Before(simBegin.Add(time.Duration(r.sure[0]))) {
					known++
				}
			}
		}
		r.sure = r.sure[:min(len(r.sure), known)]
		r.last, r.more = 0, true
	}
}
