package colony

import (
	"fmt"
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// move is one thing that can happen next, small enough to be kept for each state.
type move struct {
	kind moveKind
	i, j int8
}

type moveKind uint8

const (
	noMove moveKind = iota
	writeFile
	breakFile
	removeFile
	sendMessage
	signalUs
	answerStart // of order i
	failStart
	dieEarly // before its start is told
	die      // kid i, in manner j
	orphanDies
	restDies // what is left of service i
	strayDies
	answerCensus
	comeDue // the due time of service i
	graceOver
	startOverdue
	censusOverdue
	upgradeOverdue
	drainDue
	allDue
	liveLong
	examine1
	remain
	replace
	untangle1 // see explore_signs_test.go
	lookAround
	tellUs   // service i, the telling j
	comeLate // likewise comeDue
	growOld
)

// manner is how a process ends and what it leaves behind.
type manner struct {
	name   string
	code   int
	alone  bool // and the kernel says so
	leaves int  // leavesNothing, ...
}

const (
	leavesNothing = iota
	leavesInGroup
	leavesOutside
	leavesStray
)

// moves lists what can happen in x, always in the same order.
func (x *paper) moves() (all []move) {
	if x.ended {
		return nil
	}
	add := func(kind moveKind, i, j int) { all = append(all, move{kind, int8(i), int8(j)}) }
	m, c := x.m, x.c
	for i, name := range c.names {
		if name == heartcheck || c.still {
			continue
		}
		for j, f := range c.specs {
			if f.of == "" || f.of == name {
				add(writeFile, i, j)
			}
		}
		if c.broken {
			add(breakFile, i, 0)
		}
		if x.files[i] != noFile && !c.kept {
			add(removeFile, i, 0)
		}
	}
	for j, msg := range c.messages {
		if _, open := slices.BinarySearch(x.open, msg.file); !open {
			add(sendMessage, 0, j)
		}
	}
	if c.drains && m.drain.signals < 2 {
		add(signalUs, 0, 0)
	}
	for i, o := range x.orders {
		add(answerStart, i, 0)
		if o.pid != 0 {
			continue
		}
		for _, class := range c.faults {
			add(failStart, i, int(class))
		}
		for j, how := range c.manners {
			if how.alone && len(c.names) > 1 {
				continue // for one service only: with two there is no end in sight
			}
			if o.kind == kindStopCommand && how.leaves != leavesNothing {
				continue // a life that is killed does not wait for the start of its stop command, nor for what that may leave
			}
			if x.may(how, o.life, o.kind) {
				add(dieEarly, i, j)
			}
		}
	}
	for i, k := range x.kids {
		for j, how := range c.manners {
			if x.may(how, k.life, k.kind) {
				add(die, i, j)
			}
		}
	}
	if c.orphans {
		add(orphanDies, 0, 0)
	}
	for i, r := range x.rests {
		if r.there {
			add(restDies, i, 0)
			if c.untold {
				add(restDies, i, 1)
			}
		}
	}
	if x.stray != noStray {
		add(strayDies, 0, 0)
	}
	for i, q := range x.censuses {
		for j := range 3 {
			if j == 0 || x.content(q, j) != nil {
				add(answerCensus, i, j)
			}
		}
	}
	x.timeMoves(add)
	x.signMoves(add)
	return all
}

// timeMoves are the moves of due times, and of an upgrade.
func (x *paper) timeMoves(add func(moveKind, int, int)) {
	m := x.m
	due, late := 0, false
	addDue := func(kind moveKind, i int) {
		add(kind, i, 0)
		due++
	}
	for i, name := range x.c.names {
		s := m.services[name]
		if s == nil {
			continue
		}
		if s.phase == stopping && s.life.ordered && x.lateCommand(s) {
			late = true
			continue
		}
		if s.due != 0 {
			addDue(comeDue, i)
		}
		if s.phase == stopping && s.due < s.life.deadline {
			addDue(graceOver, i)
		}
		if s.phase == up && s.life.started.mono == paperNow && x.c.long {
			add(liveLong, i, 0)
		}
	}
	if x.c.hangs && m.slowest() != nil {
		addDue(startOverdue, 0)
	}
	if m.census.out && x.c.hangs {
		addDue(censusOverdue, 0)
	}
	if m.upgrade != nil {
		addDue(upgradeOverdue, 0)
	}
	if m.drain.due != 0 {
		addDue(drainDue, 0)
	}
	if m.tangled != 0 {
		due++
	}
	if due > 1 && !late {
		add(allDue, 0, 0)
	}
	if x.asking {
		add(examine1, 0, 0)
		add(examine1, 0, 1)
	}
	if x.handing {
		add(remain, 0, 0)
		add(remain, 0, 1)
		if len(m.orders) == 0 && !m.drain.on && m.upgrade != nil {
			add(replace, 0, 0)
			add(replace, 0, 1)
		}
	}
}

// lateCommand reports whether a stop command of an earlier life is unanswered or
// runs. One at a time is enough: without a bound they are as many as there are
// lives.
func (x *paper) lateCommand(s *service) bool {
	late := func(kind childKind, id lifeID) bool { return kind == kindStopCommand && id != s.lifeID() }
	return slices.ContainsFunc(x.orders, func(o paperOrder) bool { return late(o.kind, o.life) }) ||
		slices.ContainsFunc(x.kids, func(k paperChild) bool { return late(k.kind, k.life) })
}

// may reports whether a process of a life can end so.
func (x *paper) may(how manner, of lifeID, kind childKind) bool {
	i := x.index(of.name)
	clean := x.stray == noStray
	for _, r := range x.rests {
		clean = clean && !r.there
	}
	switch {
	case kind == kindStopCommand && how.code != 0:
		return false // nobody looks at it
	case how.alone:
		return clean
	case how.leaves == leavesStray:
		return x.stray == noStray && kind == kindService
	case how.leaves == leavesNothing:
		return true
	}
	s := x.m.services[of.name]
	return !x.rests[i].there && s != nil && s.lifeID() == of && s.life.spec != nil && s.life.spec.Stop.Scope != spec.ScopeMain && s.spec.Stop.Scope != spec.ScopeMain
}

// take makes a move.
func (x *paper) take(mv move) {
	m, i, j := x.m, int(mv.i), int(mv.j)
	switch mv.kind {
	case writeFile:
		f := x.c.specs[j]
		if x.files[i] != j {
			x.excuse(i)
		}
		x.files[i] = j
		if s := m.services[x.c.names[i]]; s != nil && s.spec != nil && !spec.SameProcess(s.spec, f.spec) {
			x.level[i] = 0
		}
		x.do(seen{name: x.c.names[i], spec: f.spec})
	case breakFile:
		x.files[i] = badFile
		x.do(seen{name: x.c.names[i], problem: badProblem})
	case removeFile:
		x.files[i] = noFile
		x.excuse(i)
		if s := m.services[x.c.names[i]]; s != nil && s.phase == stopping {
			x.auto[i] = !s.life.asked // a restart that was asked for is forgotten
		}
		x.stopped[i] = false
		x.do(seen{name: x.c.names[i], gone: true})
	case sendMessage:
		x.send(x.c.messages[j])
	case signalUs:
		x.do(signalled{sigTERM})
	case answerStart:
		x.start(i)
	case failStart:
		x.fail(i, fault{"no", faultClass(j)})
	case dieEarly:
		x.pids++
		o := &x.orders[i]
		o.pid = x.pids
		x.leave(x.c.manners[j], o.life)
		x.disturb()
		x.do(exited{pid: o.pid, status: exitStatus{code: x.c.manners[j].code}, alone: x.c.manners[j].alone})
	case die:
		x.die(i, x.c.manners[j])
	case orphanDies:
		x.disturb()
		x.do(exited{pid: orphanPID})
	case restDies:
		pid := x.restOf(i).pid
		x.rests[i] = paperRest{}
		if j == 0 {
			x.disturb()
			x.do(exited{pid: pid})
		}
	case strayDies:
		x.stray = noStray
		x.disturb()
		x.do(exited{pid: orphanPID})
	case answerCensus:
		q := x.censuses[i]
		x.censuses = slices.Delete(slices.Clone(x.censuses), i, i+1)
		x.do(*x.content(q, j))
	default:
		x.takeTime(mv)
	}
}

// takeTime makes a move of due times, or of an upgrade.
func (x *paper) takeTime(mv move) {
	m, i, j := x.m, int(mv.i), int(mv.j)
	switch mv.kind {
	case comeDue, graceOver:
		x.setDue(i, mv.kind == graceOver)
		x.do(ticked{})
	case startOverdue:
		m.slowest().since = paperEarly
		x.do(ticked{})
	case censusOverdue:
		m.census.since = paperEarly
		x.do(ticked{})
	case upgradeOverdue:
		m.upgrade.due = paperNow
		x.do(ticked{})
	case drainDue:
		x.setDrainDue()
		x.do(ticked{})
	case allDue:
		x.allDue()
		x.do(ticked{})
	case liveLong:
		m.services[x.c.names[i]].life.started.mono = paperEarly
		x.level[i] = 0 // whoever ends it
	case examine1:
		x.asking = false
		x.do(examined{[]string{"", "it is not fit"}[j]})
	case remain:
		x.handing = false
		x.do(remained{[]string{"", "no"}[j]})
	case replace:
		x.replace([]string{"", "no"}[j])
	default:
		x.takeSigns(mv)
	}
}

func (x *paper) setDue(i int, grace bool) {
	s := x.m.services[x.c.names[i]]
	if s.phase == up {
		x.setUpDue(s, paperNow)
		return
	}
	if s.retrying {
		x.runs[i], x.auto[i] = 0, false
	}
	if s.phase == stopping && s.life.dumping() && s.due < s.life.deadline {
		s.life.signs.dumpUntil = paperNow
	}
	if s.phase == stopping && (grace || s.due == s.life.deadline) {
		s.life.deadline = paperNow
	}
	if s.phase == backoff {
		x.wait[i] = false
	}
	x.m.setDue(s, paperNow)
}

func (x *paper) setDrainDue() {
	d := &x.m.drain
	if d.due == d.deadline {
		d.deadline = paperNow
	}
	d.due = paperNow
}

// allDue has come whatever is due some time.
func (x *paper) allDue() {
	m := x.m
	for i, name := range x.c.names {
		if s := m.services[name]; s != nil && s.due != 0 {
			x.setDue(i, true)
		}
	}
	if o := m.slowest(); o != nil {
		o.since = paperEarly
	}
	if m.census.out {
		m.census.since = paperEarly
	}
	if m.upgrade != nil {
		m.upgrade.due = paperNow
	}
	if m.drain.due != 0 {
		x.setDrainDue()
	}
	if m.tangled != 0 {
		m.tangled = paperNow
	}
}

// excuse allows a service, and those that may take its place as main, to start
// at once.
func (x *paper) excuse(i int) {
	x.wait[i], x.runs[i] = false, 0
	if s := x.m.services[x.c.names[i]]; s == nil || s.phase != stopping {
		x.auto[i] = false // else the end of that life is still to be judged
	}
	for k, name := range x.c.names {
		if s := x.m.services[name]; s != nil && s.second != nil {
			x.wait[k] = false
		}
	}
}

// disturb notes that something has died, which a census may have missed.
func (x *paper) disturb() {
	for i := range x.censuses {
		x.censuses[i].disturbed = true
	}
}

func (x *paper) send(msg paperMessage) {
	at, _ := slices.BinarySearch(x.open, msg.file)
	x.open = slices.Insert(slices.Clone(x.open), at, msg.file)
	x.wait = [3]bool{}
	x.sent, x.before = msg.file, x.stopped
	if i := x.index(msg.message.Name); i >= 0 {
		s := x.m.services[msg.message.Name]
		runs := s != nil && s.phase == up
		switch msg.message.Type {
		case spec.StopService:
			x.stopped[i] = true
		case spec.StartService, spec.RestartService:
			x.stopped[i] = false
			if s == nil || s.gone {
				break // it is refused
			}
			if msg.message.Type == spec.RestartService || !runs || !s.life.ready || s.restart || !x.m.mayRun(s) {
				x.auto[i], x.runs[i] = false, 0
			}
		case spec.Ready:
			x.ready[i] = x.ready[i] || runs && msg.message.Generation == nil
		}
	}
	x.do(received{file: msg.file, at: paperWall, message: msg.message, trusted: true})
	x.sent = ""
}

// start answers an order: it has become a process.
func (x *paper) start(i int) {
	o := x.orders[i]
	x.orders = slices.Delete(slices.Clone(x.orders), i, i+1)
	pid := o.pid
	if pid == 0 {
		x.pids++
		pid = x.pids
		x.kids = append(x.kids, paperChild{pid: pid, life: o.life, kind: o.kind})
	} else if o.kind == kindService {
		x.endedItself(o.life, true)
		if i := x.index(o.life.name); x.m.services[o.life.name].spec.Stop.Scope == spec.ScopeMain {
			x.rests[i] = paperRest{} // nobody looks for it any more
		}
	}
	x.do(started{order: o.number, pid: pid})
}

func (x *paper) fail(i int, f fault) {
	o := x.orders[i]
	x.orders = slices.Delete(slices.Clone(x.orders), i, i+1)
	if o.kind == kindService && f.class != faultBusy {
		x.endedItself(o.life, true)
	}
	x.do(spawnFailed{o.number, f})
}

// endedItself notes that a life has ended and nobody had asked for it: it is not
// started again at once if it was short.
func (x *paper) endedItself(id lifeID, short bool) {
	i, s := x.index(id.name), x.m.services[id.name]
	if s != nil && short && !s.life.asked && !s.restart && x.m.bounds(s).min > 0 {
		x.wait[i] = true
	}
	x.auto[i] = s != nil && !s.life.asked && !s.restart
}

// leave leaves behind what a process of that life does.
func (x *paper) leave(how manner, of lifeID) {
	switch how.leaves {
	case leavesInGroup, leavesOutside:
		x.rests[x.index(of.name)] = paperRest{there: true, life: of, inGroup: how.leaves == leavesInGroup}
	case leavesStray:
		x.stray = unharmed
	}
}

func (x *paper) die(i int, how manner) {
	k := x.kids[i]
	x.kids = slices.Delete(slices.Clone(x.kids), i, i+1)
	x.leave(how, k.life)
	if k.kind == kindService {
		s := x.m.services[k.life.name]
		x.endedItself(k.life, s != nil && s.life.started.mono == paperNow)
	}
	x.disturb()
	x.pinned = k.pid
	x.do(exited{pid: k.pid, status: exitStatus{code: how.code}, alone: how.alone})
}

// content is what a census may answer: how it is now, how it was when it was
// asked, or less than that because something died while it looked. nil: that is
// nothing else.
func (x *paper) content(q paperCensus, which int) *counted {
	ev := &counted{number: q.number, left: map[lifeID][]process{}}
	other := false
	for i, id := range q.lives {
		now := x.left(id)
		p := [...]process{now, q.left[i], {}}[which]
		ev.left[id] = nil
		if p.pid != 0 {
			ev.left[id] = []process{p}
		}
		other = other || p != now
	}
	// What is left of a life that was not asked about belongs to nobody.
	others := x.others(q)
	ev.unattributed = [...]int{others, q.others, 0}[which]
	other = other || ev.unattributed != others
	if which > 0 && !other || which == 2 && !q.disturbed {
		return nil
	}
	return ev
}

// others counts what a census finds that belongs to no life that was asked about.
func (x *paper) others(q paperCensus) (n int) {
	if x.stray != noStray {
		n++
	}
	for _, r := range x.rests {
		if r.there && !slices.Contains(q.lives, r.life) {
			n++
		}
	}
	return n
}

// replace has another program take our place; or, with why, try to.
func (x *paper) replace(why string) {
	x.handing = false
	x.reborn()
	x.censuses = nil // whoever counted is gone
	for i, name := range x.c.names {
		if name == heartcheck {
			x.wait[i] = false // it is of the old program
		}
	}
	x.do(replaced{from: "1", to: "2", since: paperNow, why: why})
	x.tellAgain()
}

// reborn makes the model anew from what it gives away of itself.
func (x *paper) reborn() {
	s, err := readSnapshot(x.m.encode())
	if err != nil {
		x.wrong("%w", err)
		return
	}
	m, err := restore(x.m.policy, s)
	if err != nil {
		x.wrong("%w", err)
		return
	}
	x.m = m
}

// name puts a move in words, in the state before it is made.
func (x *paper) name(mv move) string {
	i, j := int(mv.i), int(mv.j)
	order := func() string {
		o := x.orders[i]
		if o.kind == kindStopCommand {
			return fmt.Sprintf("the stop command of %s", o.life.name)
		}
		return o.life.name
	}
	switch mv.kind {
	case writeFile:
		return fmt.Sprintf("the file of %s is %s", x.c.names[i], x.c.specs[j].spec.Raw)
	case breakFile:
		return fmt.Sprintf("the file of %s is broken", x.c.names[i])
	case removeFile:
		return fmt.Sprintf("the file of %s is removed", x.c.names[i])
	case sendMessage:
		return x.c.messages[j].file
	case signalUs:
		return "TERM to us"
	case answerStart:
		what := order() + " has started"
		if x.orders[i].pid != 0 {
			what += ", and is dead by now"
		}
		return what
	case failStart:
		return fmt.Sprintf("%s has not started: %s", order(), [...]string{"other", "missing", "transient", "busy"}[j])
	case dieEarly:
		return fmt.Sprintf("%s exits before its start is told%s", order(), x.c.manners[j].name)
	case die:
		who := x.kids[i].life.name
		if x.kids[i].kind == kindStopCommand {
			who = "the stop command of " + who
		}
		return fmt.Sprintf("%s exits with %d%s", who, x.c.manners[j].code, x.c.manners[j].name)
	case orphanDies:
		return "an orphan exits"
	case restDies:
		return fmt.Sprintf("what is left of %s ends%s", x.c.names[i], [...]string{"", ", and nobody tells us"}[j])
	case strayDies:
		return "the stray ends"
	case answerCensus:
		return "a census answers" + [...]string{"", ", as it was when it was asked", ", and has missed what is left"}[j]
	case comeDue:
		return x.c.names[i] + " is due"
	case graceOver:
		return "the grace of " + x.c.names[i] + " is over"
	case liveLong:
		return x.c.names[i] + " has lived long"
	case examine1:
		return [...]string{"the new program is fit", "the new program is not fit"}[j]
	case remain:
		return [...]string{"we are not to be replaced yet", "we are not replaced"}[j]
	case replace:
		return [...]string{"we are replaced", "we have our place back"}[j]
	}
	if text := x.nameSign(mv); text != "" {
		return text
	}
	return map[moveKind]string{startOverdue: "a start is overdue", censusOverdue: "a census is given up", upgradeOverdue: "the upgrade is given up",
		drainDue: "the drain is due", allDue: "all is due"}[mv.kind]
}
