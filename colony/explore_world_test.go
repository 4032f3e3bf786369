package colony

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// paper is a world in which everything that can happen next is known: a kernel,
// a watcher and people on paper, beside the model. Unlike `world` it can be
// copied, and two of the same kind are told to be the same.
type paper struct {
	m *model
	c *configuration

	kids     []paperChild  // children that are not reaped
	orders   []paperOrder  // starts that are not answered
	censuses []paperCensus // likewise
	rests    [3]paperRest  // what is left of a life, by service
	stray    death         // a process of nobody; noStray = there is none
	open     []string      // requests that are not answered, sorted
	files    [3]int        // as the watcher has them: which spec, or noFile or badFile
	stopped  [3]bool       // somebody has asked for it, and nobody has taken it back
	noted    [3]bool       // it is kept for the next start
	wait     [3]bool       // no start before a due time, unless somebody asks
	level    [3]int        // how many short lives in a row: 0, 1, or more
	highest  [3]uint64     // generation, of all that have been
	ready    [3]bool       // this life has said so
	auto     [3]bool       // its last life has ended by itself
	runs     [3]int        // restarts that count for its limit
	asking   bool          // a successor is examined
	handing  bool          // and is to take over
	ended    bool

	pids   int // the last that was given out
	pinned int // a zombie that we handle
	relook bool
	sent   string  // the request that is taken in
	before [3]bool // who was stopped before
	gaveUp bool    // and has said so
	err    error   // what should not be
}

type paperChild struct {
	pid   int
	life  lifeID
	kind  childKind
	dying death
}

type paperOrder struct {
	number uint64
	life   lifeID
	kind   childKind
	pid    int // it has died already; 0 = no
}

type paperCensus struct {
	number    uint64
	lives     []lifeID  // that were asked about
	left      []process // what was left of each when it was asked; no pid = nothing
	others    int       // and of nobody
	disturbed bool      // something has died since
}

// paperRest is what a main process has left behind: one process.
type paperRest struct {
	there   bool
	life    lifeID
	inGroup bool
	dying   death
}

// death is how far somebody is on the way to it.
type death int

const (
	unharmed death = iota
	termed         // it was told to end
	killed
	noStray
)

const (
	noFile  = -1
	badFile = -2
)

func newPaper(c *configuration) *paper {
	x := &paper{c: c, stray: noStray, pids: 200}
	for i := range x.files {
		x.files[i] = noFile
	}
	x.m = newModel(c.policy, 1, spec.ColonyStatus{})
	x.m.begin(moment{paperNow, paperWall}, false, nil)
	x.do(ticked{})
	for i, name := range c.names {
		if j := slices.IndexFunc(c.specs, func(f paperSpec) bool { return f.of == name }); c.still && j >= 0 {
			x.files[i] = j
			x.do(seen{name: name, spec: c.specs[j].spec})
		}
	}
	if !c.unseen {
		x.do(scanned{})
	}
	return x
}

func (x *paper) wrong(format string, args ...any) {
	if x.err == nil {
		x.err = fmt.Errorf(format, args...)
	}
}

// restOf is the process that the life of a service has left behind.
func (x *paper) restOf(i int) process {
	r := x.rests[i]
	id := processID{restPID + 2*i, 7}
	if r.inGroup {
		id.pid++
	}
	return process{processID: id, inGroup: r.inGroup}
}

func (x *paper) index(name string) int { return slices.Index(x.c.names, name) }

// do performs one step and what follows from it, and checks all there is to check.
func (x *paper) do(ev event) {
	if x.err != nil || x.ended {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			x.wrong("panic: %v", p)
		}
	}()
	var waited [3]bool
	for i, name := range x.c.names {
		s := x.m.services[name]
		waited[i] = s != nil && s.phase == backoff
	}
	if x.c.depends() {
		x.m.trap = x.witness
	}
	effects := x.m.step(moment{paperNow, paperWall}, ev)
	x.m.trap = nil
	for _, e := range effects {
		x.perform(e)
	}
	x.pinned = 0
	for i, name := range x.c.names {
		if s := x.m.services[name]; s != nil && s.phase == backoff && !waited[i] {
			x.hasWaited(i, s, ev)
		}
	}
	x.check()
	if x.relook && !x.ended {
		x.relook = false
		x.tellAgain()
	}
}

// hasWaited checks the delay of a service that has begun to wait: it grows from
// one short life to the next.
func (x *paper) hasWaited(i int, s *service, ev event) {
	if f, ok := ev.(spawnFailed); ok && f.fault.class == faultBusy {
		return
	}
	if !x.c.grow {
		return
	}
	x.level[i] = min(x.level[i]+1, 2)
	b := x.m.bounds(s)
	if want := [...]instant{0, instant(b.min), min(instant(float64(b.min)*b.factor), instant(b.max))}[x.level[i]]; s.delay != want.sub(0) {
		x.wrong("%q waits %v after %d short lives, want %v", s.name, s.delay, x.level[i], want.sub(0))
	}
}

func (x *paper) perform(e effect) {
	switch e := e.(type) {
	case spawn:
		x.ordered(e)
	case signal:
		k := x.kid(e.pid)
		if k == nil && e.pid != x.pinned {
			x.wrong("signal %v to pid %d, which is not ours", e.signal, e.pid)
		}
		if k != nil {
			k.dying = max(k.dying, deathBy(e.signal))
		}
		if e.group {
			x.hitGroup(e.pid, e.signal)
		}
	case signalRest:
		for _, p := range e.processes {
			for i := range x.rests {
				if r := &x.rests[i]; r.there && x.restOf(i).processID == p.processID {
					r.dying = max(r.dying, deathBy(e.signal))
				}
			}
		}
	case sweep:
		for i := range x.rests {
			x.rests[i].dying = max(x.rests[i].dying, deathBy(e.signal))
		}
		for i := range x.kids {
			x.kids[i].dying = max(x.kids[i].dying, deathBy(e.signal))
		}
		if x.stray != noStray {
			x.stray = max(x.stray, deathBy(e.signal))
		}
	case census:
		c := paperCensus{number: e.number}
		for _, q := range e.lives {
			c.lives = append(c.lives, q.life)
			c.left = append(c.left, x.left(q.life))
		}
		c.others = x.others(c)
		x.censuses = append(x.censuses, c)
	case answer:
		x.answered(e)
	case keepStop:
		x.noted[x.index(e.name)] = true
	case forgetStop:
		x.noted[x.index(e.name)] = false
	case report:
		if strings.Contains(e.text, "internal error") {
			x.wrong("%s %v", e.text, e.attrs)
		}
		x.gaveUp = x.gaveUp || strings.HasPrefix(e.text, "leaving processes behind")
	case examine:
		x.asking = true
	case handover:
		if len(x.m.orders) > 0 {
			x.wrong("a handover while starts are under way")
		}
		x.handing = true
	case rescan:
		x.relook = x.relook || e.afresh
	case exit:
		x.ended = true
	}
}

func deathBy(sig spec.Signal) death {
	switch {
	case sig == sigKILL:
		return killed
	case deadly[sig]:
		return termed
	default:
		return unharmed
	}
}

// ordered takes in the order of a process.
func (x *paper) ordered(e spawn) {
	i := x.index(e.life.name)
	x.orders = append(x.orders, paperOrder{number: e.order, life: e.life, kind: e.kind})
	if e.kind == kindStopCommand {
		return
	}
	switch {
	case x.m.drain.on && (e.life.name[0] != '@' || x.m.drain.stage > drainServices):
		x.wrong("spawn of %q while draining", e.life.name)
	case e.life.generation <= x.highest[i]:
		x.wrong("the generation %d of %q is not a new one", e.life.generation, e.life.name)
	case x.wait[i]:
		x.wrong("%q starts again at once after a short life, and nobody has asked", e.life.name)
	}
	x.highest[i] = e.life.generation
	if why := x.remains(i); why != "" {
		x.wrong("spawn of %q, and %s", e.life.name, why)
	}
}

// remains says what there still is of the lives of a service; "" = nothing.
func (x *paper) remains(i int) string {
	for _, k := range x.kids {
		if k.life.name == x.c.names[i] && k.kind == kindService {
			return "a main process of it is there"
		}
	}
	if x.rests[i].there {
		return "something of a life of it is left"
	}
	return ""
}

func (x *paper) kid(pid int) *paperChild {
	for i := range x.kids {
		if x.kids[i].pid == pid {
			return &x.kids[i]
		}
	}
	return nil
}

// left is what is left of a life; no pid = nothing.
func (x *paper) left(id lifeID) process {
	i := x.index(id.name)
	if r := x.rests[i]; !r.there || r.life != id {
		return process{}
	}
	return x.restOf(i)
}

// hitGroup delivers a signal to what the leader of a group has left behind.
func (x *paper) hitGroup(leader int, sig spec.Signal) {
	for i, name := range x.c.names {
		if s, r := x.m.services[name], &x.rests[i]; s != nil && r.there && r.inGroup && s.life.leader == leader {
			r.dying = max(r.dying, deathBy(sig))
		}
	}
}

// answered takes in the answer to a request, which has to be the only one, and
// true.
func (x *paper) answered(e answer) {
	at, ok := slices.BinarySearch(x.open, e.file)
	if !ok {
		x.wrong("request %q is answered twice", e.file)
		return
	}
	x.open = slices.Delete(slices.Clone(x.open), at, at+1)
	if e.result.Finished == nil {
		x.wrong("the answer of %q is not finished", e.file)
	}
	if !e.result.OK {
		if e.file == x.sent && !strings.HasPrefix(e.result.Error, "waits: ") {
			x.stopped = x.before // it was refused
		}
		return
	}
	ended := func(name string, pid int) {
		if k := x.kid(pid); k != nil && k.life.name == name {
			x.wrong("request %q is answered, and pid %d is there", e.file, pid)
		}
	}
	runs := func(name string, pid int) {
		if s := x.m.services[name]; s == nil || pid == 0 {
			x.wrong("request %q is answered, and %q does not run", e.file, name)
		}
	}
	r := e.result
	switch r.Type {
	case spec.StopService:
		ended(r.Name, r.OldPID)
	case spec.StartService:
		runs(r.Name, r.NewPID)
	case spec.RestartService:
		ended(r.Name, r.OldPID)
		runs(r.Name, r.NewPID)
	case spec.RestartAll, spec.RestartGroup:
		for _, p := range r.Services {
			ended(p.Name, p.OldPID)
		}
	}
}

// check is what holds between steps.
func (x *paper) check() {
	m := x.m
	if err := check(m); err != nil {
		x.wrong("%w", err)
		return
	}
	for i, name := range x.c.names {
		if name == heartcheck { // its stop goes when it is not needed
			x.stopped[i] = m.services[name] != nil && m.services[name].stopped != nil
		}
	}
	if x.noted != x.stopped {
		x.wrong("stops that are kept: %v, want %v", x.noted, x.stopped)
	}
	for i, name := range x.c.names {
		s := m.services[name]
		if s == nil {
			x.level[i], x.wait[i] = 0, false
			if m.generations < x.highest[i] {
				x.wrong("%q is forgotten, and so is that it had generation %d", name, x.highest[i])
			}
			if x.stopped[i] {
				x.wrong("a stop of %q is lost", name)
			}
			if why := x.remains(i); why != "" {
				x.wrong("%q is forgotten, and %s", name, why)
			}
			continue
		}
		if s.generation < x.highest[i] {
			x.wrong("%q had generation %d, and is at %d", name, x.highest[i], s.generation)
		}
		if (s.stopped != nil) != x.stopped[i] {
			x.wrong("%q: stopped %v, want %v", name, s.stopped != nil, x.stopped[i])
		}
		if why := x.remains(i); s.phase < spawning && why != "" {
			x.wrong("%q is %s, and %s", name, s.phase, why)
		}
		if (s.phase == backoff || s.phase == queued) && !m.wanted(s) {
			x.wrong("%q is %s, and not wanted", name, s.phase)
		}
		if s.over == hasExited && (s.phase != down || s.spec.Schedule == nil && startsAgain(s.spec, s.lastExit)) && x.c.exits {
			x.wrong("%q counts as over", name)
		}
	}
	if m.drain.done {
		x.checkEnd()
		return
	}
	x.checkRequests()
	if x.c.depends() {
		x.checkDepends()
	}
}

func (x *paper) checkRequests() {
	m := x.m
	if len(m.requests) != len(x.open) {
		x.wrong("%d requests are open, want %v", len(m.requests), x.open)
	}
	waited := 0
	for _, s := range m.services {
		waited += len(s.asks)
	}
	open := 0
	for _, r := range m.requests {
		if r.result.Type != spec.Shutdown && r.result.Type != spec.Upgrade {
			open += r.open
		}
	}
	if waited != open {
		x.wrong("requests wait for %d services, and %d know of it", open, waited)
	}
}

// checkEnd is what holds when the supervisor exits: nobody is left that nobody
// has killed.
func (x *paper) checkEnd() {
	if x.gaveUp {
		return // its time was over
	}
	for _, k := range x.kids {
		if k.dying < killed {
			x.wrong("ended, and left pid %d of %q behind unharmed", k.pid, k.life.name)
		}
	}
	for i, r := range x.rests {
		hung := slices.ContainsFunc(x.orders, func(o paperOrder) bool { return o.life == r.life })
		if r.there && r.dying < killed && !hung { // nobody waits for a start that hangs
			x.wrong("ended, and left something of %q behind unharmed", x.c.names[i])
		}
	}
	if x.stray < killed {
		x.wrong("ended, and left a stray behind unharmed")
	}
}

// settled reports whether nothing more happens by itself, and all is as it is
// wanted; why says what is not.
func (x *paper) settled() (why string) {
	m := x.m
	switch {
	case x.ended:
		return ""
	case m.drain.on:
		return "a drain does not end"
	case len(x.orders) > 0 || m.census.out || x.asking || x.handing:
		return "something is not answered"
	case len(x.open) > 0:
		return fmt.Sprintf("requests without an answer: %v", x.open)
	case m.upgrade != nil:
		return "an upgrade does not end"
	case nextDue(m) != 0:
		return "something is due"
	}
	kids := 0
	for i, name := range x.c.names {
		s, file := m.services[name], x.files[i]
		switch {
		case s == nil && file != noFile:
			return fmt.Sprintf("%q is not known", name)
		case s == nil:
			continue
		case file == noFile && name != heartcheck:
			return fmt.Sprintf("%q has no file, and is %s", name, s.phase)
		case !x.c.depends() && m.wanted(s) != (s.phase == up):
			return fmt.Sprintf("%q: wanted %v, is %s", name, m.wanted(s), s.phase)
		case x.c.depends() && runsRightly(m, s) != "":
			return runsRightly(m, s)
		case s.phase != up && s.phase != down:
			return fmt.Sprintf("%q is %s", name, s.phase)
		case s.restart:
			return fmt.Sprintf("%q: a restart is still asked for", name)
		case s.second != nil && (m.main == "" || m.main == name):
			return fmt.Sprintf("%q is refused as main, and main is %q", name, m.main)
		case file >= 0 && s.second == nil && x.c.specs[file].spec.SHA256 != s.spec.SHA256:
			return fmt.Sprintf("%q has another spec than its file", name)
		case file == badFile && s.problem == nil:
			return fmt.Sprintf("%q has a broken file, and nobody knows", name)
		}
		if s.phase == up {
			kids++
		}
		if x.rests[i].there {
			return fmt.Sprintf("something of %q is left", name)
		}
	}
	if len(x.kids) != kids {
		return fmt.Sprintf("%d children for %d services", len(x.kids), kids)
	}
	return ""
}

// tellAgain tells the model of every file, as after a look afresh.
func (x *paper) tellAgain() {
	names := map[string]bool{}
	for i, name := range x.c.names {
		switch f := x.files[i]; {
		case f == badFile:
			x.do(seen{name: name, problem: badProblem})
		case f >= 0:
			x.do(seen{name: name, spec: x.c.specs[f].spec})
		default:
			continue
		}
		names[name] = true
	}
	x.do(scanned{names: names})
}

var badProblem = &spec.Problem{Message: "bad"}
