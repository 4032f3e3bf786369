package colony

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// truth is what really happened in a simWorld, and the invariants: what the
// supervisors do and say is held against it.
type truth struct {
	w        *simWorld
	lives    map[lifeID]*simLife
	kills    int                // of supervisors
	trouble  bool               // the disk was full at some time: what is written may be lost
	taken    map[string]int     // messages, by file: how often they were acted on
	short    map[string]instant // when the last life of a service has ended by itself, if it was short
	streak   map[string]int     // how many of them in a row
	old      map[string]bool    // messages that were left from before a start
	again    map[lifeID]bool    // numbers that were used twice
	excused  map[string]bool    // an early start of a service, by somebody's wish
	unbound  map[string]bool    // services whose stop may leave something alone
	ready    map[lifeID]bool    // lives that have said so, to a supervisor, or somebody for them
	told     map[lifeID]bool    // those that have themselves
	beat     map[lifeID]instant // and when they last beat
	restarts map[string]*restarts
	clocked  bool // the wall clock was set
	acts     int  // signals and forks ordered, to see that there were none
}

// simLife is the life of a service as it really was.
type simLife struct {
	pid    int
	began  instant
	ended  bool
	status exitStatus
	known  bool // to the supervisor, or in the ledger
}

func newTruth(w *simWorld) *truth {
	return &truth{w: w, lives: map[lifeID]*simLife{}, taken: map[string]int{}, short: map[string]instant{}, streak: map[string]int{}, old: map[string]bool{}, excused: map[string]bool{}, unbound: map[string]bool{}, again: map[lifeID]bool{}, ready: map[lifeID]bool{}, told: map[lifeID]bool{}, beat: map[lifeID]instant{}, restarts: map[string]*restarts{}}
}

// forked is invariant 1: a service has one life at a time, and the next does not
// begin before nothing is left of the one before. And 8: not too early.
func (t *truth) forked(p *simProc) {
	t.acts++
	t.look()
	if p.kind == kindStopCommand {
		return
	}
	if l := t.lives[p.life]; l != nil && (l.known || !l.ended) && !t.trouble {
		t.w.fail("%s/%d begins twice", p.life.name, p.life.generation)
	}
	for _, q := range t.w.kernel.procs {
		if q != p && !q.zombie && q.life.name == p.life.name && !t.unbound[q.life.name] && !q.late && (q.life != p.life || q.main) {
			t.w.fail("%s/%d begins while %d of generation %d lives", p.life.name, p.life.generation, q.pid, q.life.generation)
		}
	}
	if t.lives[p.life] != nil { // of which nothing was ever written
		t.again[p.life] = true
		delete(t.ready, p.life)
		delete(t.told, p.life)
		delete(t.beat, p.life)
	}
	t.lives[p.life] = &simLife{pid: p.pid, began: t.w.mono}
	t.notEarly(p.life.name)
}

func (t *truth) notEarly(name string) {
	at, ok := t.short[name]
	delete(t.short, name)
	m := t.w.c.loop.model
	if s := m.services[name]; ok && s != nil && !t.excused[name] && !s.helper {
		b := m.bounds(s)
		least := b.min
		for range t.streak[name] - 1 {
			least = min(2*least, b.max)
		}
		if waited := t.w.mono.sub(at); waited < least {
			t.w.fail("%s starts %v after fast failure %d in a row, want %v at least", name, waited, t.streak[name], least)
		}
	}
	if t.excused[name] {
		t.streak[name] = 0
	}
	t.excused[name] = false
}

// failed takes in that a fork is going to fail.
func (t *truth) failed(o *spawn) {
	if o.kind != kindStopCommand {
		delete(t.short, o.life.name)
		t.excused[o.life.name] = false
	}
}

// excuse allows early starts, of all services where there is no name.
func (t *truth) excuse(name string) {
	t.forgiven()
	t.allowEarly(name)
}

func (t *truth) allowEarly(name string) {
	for _, n := range simServices {
		if n == name || name == "" {
			t.excused[n] = true
		}
	}
}

func (t *truth) died(p *simProc, st exitStatus) {
	l := t.lives[p.life]
	if !p.main || l == nil || l.pid != p.pid {
		return
	}
	l.ended, l.status = true, st
	byItself := !slices.Contains(t.w.kernel.doom, p) && st.signal == 0
	if s := t.model(p.life.name); s == nil || s.restart || s.life.spec != nil && s.spec != nil && !spec.SameProcess(s.life.spec, s.spec) {
		return // there is a wish that it ends
	}
	if byItself && t.w.mono.sub(l.began) < simOptions.Threshold {
		t.short[p.life.name] = t.w.mono
		t.streak[p.life.name]++
	} else {
		t.streak[p.life.name] = 0
	}
}

// model is what the supervisor knows of a service; nil = nothing.
func (t *truth) model(name string) *service {
	if t.w.c == nil || t.w.c.loop == nil {
		return nil
	}
	return t.w.c.loop.model.services[name]
}

// hit is invariant 4, for what is left of lives: no stranger, and nobody who is
// to live.
func (t *truth) hit(p *simProc, sig spec.Signal) {
	if p.life == (lifeID{}) && p.token == "" && p.parent == simInit {
		t.w.fail("signal %v to a stranger, %d", sig, p.pid)
	}
	c := t.w.c
	if c == nil || c.loop == nil {
		return
	}
	if s := c.loop.model.services[p.life.name]; s != nil && p.main && s.phase == up && s.generation == p.life.generation {
		t.w.fail("signal %v to %d, the main process of %s, which is to run", sig, p.pid, p.life.name)
	}
}

func (t *truth) murdered() {
	t.kills++
	t.unwritten()
	t.allowEarly("") // of what had not been written down
}

// finished looks at what a supervisor leaves behind that ends in order.
func (t *truth) finished() {
	k := t.w.kernel
	for _, p := range k.procs {
		ours := k.orphanage(p) == k.me || p.life != lifeID{} && p.token != "" && !t.unbound[p.life.name]
		if k.swept != 0 && p.start > k.swept {
			continue // begun since, and time was over
		}
		if p.late {
			delete(t.told, p.life) // it was not waited for, and what it said is gone with who heard it
		}
		if ours && !p.zombie && !p.undead && !p.late && !slices.Contains(k.doom, p) {
			t.w.fail("the supervisor has ended and left %d of %s behind", p.pid, p.life.name)
		}
	}
}

// look notes of which processes the start has taken too long.
func (t *truth) look() {
	if t.w.c.loop == nil {
		return
	}
	for _, o := range t.w.c.loop.model.orders {
		if !o.overdue {
			continue
		}
		for _, p := range t.w.kernel.procs {
			p.late = p.late || p.order == o.number && p.life == o.life
		}
	}
}

// before watches an event on its way to the core.
func (t *truth) before(ev event) {
	t.look()
	switch ev := ev.(type) {
	case received:
		t.taken[ev.file]++
		if t.taken[ev.file] > 1 {
			t.w.fail("message %s is acted on twice", ev.file)
		}
		t.old[ev.file] = ev.old
		if ev.message != nil {
			t.asked(ev.message)
		}
		t.excuse("")
	case seen:
		t.excuse("") // another may take its place as main
	case notified:
		t.heard(ev)
	case spawnFailed:
		for _, o := range t.w.c.loop.model.orders {
			if s := o.service; o.number == ev.order && o.kind != kindStopCommand {
				t.fell(s, ev.fault.class == faultOther || ev.fault.class == faultMissing)
			}
		}
	case exited:
		if c, ok := t.w.c.loop.model.pids[ev.pid]; ok && c.kind != kindStopCommand {
			t.fell(c.service, true)
		} else if !ok && len(t.w.c.loop.model.orders) > 0 {
			for _, o := range t.w.c.loop.model.orders {
				r := t.runs(o.service.name) // it may be the end of that
				r.ends, r.more = append(r.ends, t.w.mono), true
			}
		}
		if p := t.w.kernel.find(ev.pid); p != nil && p.main && t.lives[p.life] != nil && t.w.mono.sub(t.lives[p.life].began) >= simOptions.Threshold {
			t.streak[p.life.name] = 0 // by the time that it is seen, it was a long one
			delete(t.short, p.life.name)
		}
	case started:
		for _, p := range t.w.kernel.procs {
			if p.pid == ev.pid && p.main && t.lives[p.life] != nil {
				t.lives[p.life].known = true
			}
		}
	}
}

// mustBeIdle names an event that starts nothing and ends nothing: a bad file,
// and a message for a life that is not there.
func (t *truth) mustBeIdle(ev event) string {
	switch ev := ev.(type) {
	case seen:
		known := false
		for range t.w.c.loop.model.of(ev.name) {
			known = true
		}
		if ev.problem != nil && (known || len(t.w.c.loop.model.dependents[ev.name]) == 0) { // others may have ended for want of it
			return "the bad file of " + ev.name
		}
	case received:
		if msg := ev.message; msg != nil && msg.Generation != nil {
			if s := t.model(msg.Name); s == nil || s.generation != *msg.Generation {
				return "a message for another life of " + msg.Name
			}
		}
	}
	return ""
}

// rest is invariant 9: when the input has stopped, what is wanted is what there
// is, the files say so, and every request and every end was answered for.
func (t *truth) rest() {
	w := t.w
	for _, name := range simNames {
		t.agreeAll(name)
	}
	sp, bad := (*spec.Spec)(nil), t.beating()
	t.agree(heartcheck, sp, bad, t.stopNote(heartcheck))
	t.leftovers()
	t.messages()
	t.ends()
	var cs spec.ColonyStatus
	if err := json.Unmarshal(w.disk.content(simPlaces.Colony()), &cs); err != nil {
		w.fail("colony.json: %v", err)
		return
	}
	for name := range cs.Degraded { // it is stopped, or has not been started again yet: so it should say
		if s := w.c.loop.model.services[name]; s != nil && s.helper && s.phase != up {
			delete(cs.Degraded, name)
		}
	}
	if len(cs.Degraded) > 0 {
		w.fail("still degraded: %v", cs.Degraded)
	}
	if cs.PID != w.kernel.me {
		w.fail("colony.json says pid %d, it is %d", cs.PID, w.kernel.me)
	}
	if n := len(w.c.loop.model.requests); n > 0 {
		w.fail("%d requests are open", n)
	}
}

// main returns the living main process of a service.
func (t *truth) main(name string) *simProc {
	for _, p := range t.w.kernel.procs {
		if p.main && !p.zombie && p.life.name == name {
			return p
		}
	}
	return nil
}

// specOf is the spec in the files of a name; bad means that they are there and
// hold none.
func (t *truth) specOf(name string) (sp *spec.Spec, bad bool) {
	bare, json := t.w.disk.content(configFile(name)), t.w.disk.content(configFile(name+".json"))
	switch {
	case bare == nil && json == nil:
		return nil, false
	case bare != nil && json != nil:
		return nil, true
	case bare == nil:
		bare = json
	}
	sp, err := spec.Parse(bare)
	return sp, err != nil
}

// stopNote reports whether a service is stopped, as the files have it.
func (t *truth) stopNote(name string) bool {
	return t.w.disk.content(filepath.Join(simPlaces.StoppedDir(), name)) != nil
}

// agreeAll compares a file with all that can be made of it.
func (t *truth) agreeAll(name string) {
	sp, bad := t.specOf(name)
	made := []string{name}
	switch {
	case bad: // what there was goes on
		made = nil
		for _, service := range simServices {
			if file, _ := spec.Instance(service); file == name && t.status(service) != nil {
				made = append(made, service)
			}
		}
		if len(made) == 0 {
			t.w.fail("%s has a bad file, and nobody says so", name)
		}
	case sp != nil && sp.Runs():
		made = sp.Services(name)
	}
	for _, service := range simServices {
		file, number := spec.Instance(service)
		switch {
		case file != name:
		case slices.Contains(made, service):
			t.agree(service, sp, bad, t.stopNote(service) || t.stopNote(name))
		default: // the note of all stands under the name of the file; with a bad one nobody knows whether there will be such a service
			t.agree(service, nil, false, !bad && t.stopNote(service) && (number > 0 || len(made) == 0))
		}
	}
}

// agree compares what is wanted, processes and status of one service.
func (t *truth) agree(name string, sp *spec.Spec, bad, stopped bool) {
	w := t.w
	p := t.main(name)
	st := t.status(name)
	switch {
	case sp == nil && !bad:
		if p != nil || st != nil || stopped && name != heartcheck {
			w.fail("%s has no file; process %v, status %v, stop note %v", name, p != nil, st, stopped)
		}
	case st == nil:
		w.fail("%s has no status", name)
	case p == nil && t.passesForMain(name, st.PID):
	case (p == nil) != (st.PID == 0) || p != nil && st.PID != p.pid:
		w.fail("%s: status says pid %d %s, there is %v", name, st.PID, st.State, p)
	case stopped:
		if p != nil || st.State != spec.Stopped && !bad {
			w.fail("%s is stopped; %s, process %v", name, st.State, p != nil)
		}
	case bad:
		if st.SpecError == nil && name != heartcheck {
			w.fail("%s has a bad file, and does not say so", name)
		}
	case !sp.Runs():
		if p != nil || st.State != spec.Stopped {
			w.fail("%s has no instances; %s, process %v", name, st.State, p != nil)
		}
	case st.SpecError != nil && sp.Main: // there is one already
	case t.model(name) == nil:
		w.fail("%s is not known", name)
	case runsRightly(w.c.loop.model, t.model(name)) != "":
		w.fail("%s", runsRightly(w.c.loop.model, t.model(name)))
	case st.State != w.c.loop.model.stateOf(t.model(name)):
		w.fail("%s is %s, and its status says %s", name, w.c.loop.model.stateOf(t.model(name)), st.State)
	case p != nil:
		if now, err := spec.Parse(p.config); err != nil || !spec.SameProcess(now, sp) {
			w.fail("%s runs as %s, its file says %s", name, p.config, sp.Raw)
		}
		if st.State != spec.Running {
			w.fail("%s runs, and its status says %s", name, st.State)
		}
	case st.State == spec.Waiting && len(sp.Needs) > 0, st.State == spec.Invalid && st.SpecError != nil && strings.HasPrefix(st.SpecError.Message, "cycle: "):
	case st.State == spec.Failed && (len(sp.Needs) > 0 || sp.Limit != nil):
	case st.State != spec.Exited || startsAgain(sp, st.LastExit):
		w.fail("%s does not run: %s, last exit %v, file %s", name, st.State, st.LastExit, sp.Raw)
	}
}

// status is the status file of a service; nil = there is none.
func (t *truth) status(name string) *spec.Status {
	b := t.w.disk.content(simPlaces.Status(name))
	if b == nil {
		return nil
	}
	st := &spec.Status{}
	if err := json.Unmarshal(b, st); err != nil {
		t.w.fail("status of %s: %v", name, err)
		return nil
	}
	return st
}

// passesForMain reports whether a process may pass for the main one: it has
// escaped from its life, and nothing was ever written of that.
func (t *truth) passesForMain(name string, pid int) bool {
	p := t.w.kernel.find(pid)
	if p == nil || p.zombie || p.life.name != name {
		return false
	}
	l := t.lives[p.life]
	return t.kills > 0 && (t.trouble || l != nil && !l.known)
}

// beating reports whether a spec in force wants the heart checker.
func (t *truth) beating() bool { return t.w.c.loop.model.needed[0] > 0 }

// leftovers looks for what belongs to no life that there is.
func (t *truth) leftovers() {
	m := t.w.c.loop.model
	for _, p := range t.w.kernel.procs {
		if p.zombie || p.life == (lifeID{}) || p.token == "" || p.late || t.unbound[p.life.name] {
			continue
		}
		if s := m.services[p.life.name]; s == nil || s.generation != p.life.generation || s.phase != up {
			t.w.fail("%d of %s/%d is left behind", p.pid, p.life.name, p.life.generation)
		}
	}
}

// messages looks for an answer to each that was sent.
func (t *truth) messages() {
	w := t.w
	for i := range w.sent {
		file := simMessage(i)
		switch b := w.disk.content(simPlaces.Result(file)); {
		case w.disk.content(filepath.Join(simPlaces.Messages, file)) != nil:
			w.fail("message %s was not taken", file)
		case b == nil && !t.trouble:
			w.fail("message %s has no result", file)
		case b != nil:
			var r spec.Result
			if err := json.Unmarshal(b, &r); err != nil || r.Finished == nil {
				w.fail("the result of %s is not finished: %s", file, b)
			}
			parts := r.Services
			if len(parts) == 0 {
				parts = []spec.ServiceResult{{Name: r.Name, OldPID: r.OldPID, NewPID: r.NewPID}}
			}
			for _, p := range parts {
				if r.Type == spec.RestartService && r.OK && p.NewPID == p.OldPID && p.OldPID != 0 && !t.old[file] {
					w.fail("%s: %s was restarted, and %d runs as before", file, p.Name, p.OldPID)
				}
				if r.Type == spec.RestartService && r.OK && p.NewPID == 0 && !t.old[file] {
					w.fail("%s: %s was restarted, and no process of it is named", file, p.Name)
				}
			}
		}
	}
}

// ends holds what the events say against how lives really ended: each told at
// least once, once if no supervisor was killed, and never otherwise than it was.
func (t *truth) ends() {
	told := map[lifeID]int{}
	for line := range strings.Lines(string(t.w.disk.content(filepath.Join(simPlaces.EventsDir(), currentEvents)))) {
		var e spec.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			if t.kills == 0 && !t.trouble {
				t.w.fail("an event is torn: %q", line)
			}
			continue
		}
		if e.Type != spec.EventExited {
			continue
		}
		e.Exit.Reason = "" // why we have ended it
		id := lifeID{e.Name, e.Generation}
		l := t.lives[id]
		told[id]++
		switch {
		case t.again[id] || t.trouble && t.kills > 0 || l != nil && !l.known:
		case l == nil || !l.ended:
			t.w.fail("%s/%d is told to have ended, and has not", id.name, id.generation)
		case e.Exit.Unknown && (t.kills > 0 || t.trouble):
		case e.Exit.String() != exitOf(l.status).String():
			t.w.fail("%s/%d is told to have ended with %v, it was %v", id.name, id.generation, e.Exit, exitOf(l.status))
		}
	}
	for id, l := range t.lives {
		n := told[id]
		switch {
		case t.trouble || !l.known || t.again[id]:
		case l.ended && n == 0:
			t.w.fail("%s/%d has ended, and nobody is told", id.name, id.generation)
		case n > 1 && t.kills == 0:
			t.w.fail("the end of %s/%d is told %d times", id.name, id.generation, n)
		}
	}
}

// exitOf is an exit as events have it.
func exitOf(st exitStatus) *spec.Exit {
	switch {
	case st.unknown:
		return &spec.Exit{Unknown: true}
	case st.signal != 0:
		return &spec.Exit{Signal: st.signal.String(), Core: st.core}
	default:
		return &spec.Exit{Code: &st.code}
	}
}

func simMessage(i int) string { return fmt.Sprintf("m%04d", i) }

// settle ends the input: everything that was broken works again, and time goes
// by until nothing more happens.
func (t *truth) settle() {
	w, k := t.w, t.w.kernel
	w.disk.full, w.disk.gone, w.disk.kill = false, nil, 0
	k.slow, k.failing, k.refusal, w.back = false, nil, "", ""
	for _, p := range k.procs {
		p.undead, p.hangs = false, false
		if p.marked {
			k.deliver(p, sigKILL)
		}
	}
	scans := 0
	for range 2000 {
		k.talk()
		for _, s := range k.spawners {
			s.hung = false
		}
		for i := 0; w.broken == "" && w.step(w.luck(64)); i++ {
			if i > 20000 {
				w.fail("it does not come to rest")
			}
		}
		switch {
		case w.broken != "":
			return
		case w.c == nil:
			w.boot(nil)
			continue
		case strings.Contains(w.c.loop.model.degraded["config"], errVanished.Error()):
			w.turn(signalled{sigHUP}) // somebody means it
			continue
		case !w.c.files.pending.empty():
			w.guarded(w.write)
			continue
		case w.c.publisher.behind():
			w.guarded(w.c.publisher.writeLeft)
			continue
		}
		if k.finishJobs(); w.ready(partReap) {
			continue
		}
		at := w.scans.Sub(simBegin)
		if look := w.lookAt().Sub(simBegin); look < at {
			at = look
		} else if due := nextDue(w.c.loop.model); due != 0 && time.Duration(due) < at {
			at = time.Duration(due)
		} else if scans++; scans > 3 && (due == 0 || time.Duration(due) > at+time.Minute) {
			return
		}
		if len(k.talkers()) > 0 {
			at = min(at, time.Duration(w.mono)+simBeat)
		}
		w.mono = max(w.mono, instant(at))
	}
	w.fail("it does not come to rest: %v", nextDue(w.c.loop.model).sub(w.mono))
}

// wrote takes in what somebody wants of a service.
func (t *truth) wrote(name, text string) {
	if strings.Contains(text, `"scope":"main"`) {
		t.unbound[name] = true
		for i := range 3 {
			t.unbound[spec.InstanceName(name, i+1)] = true
		}
	}
}
