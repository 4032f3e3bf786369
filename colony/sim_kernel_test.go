package colony

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// simKernel is processes on paper: pids that are given out again soon, parents,
// sessions, groups, zombies, signals; and the edges of the real kernel that
// answer late. It is what the loop asks (kernel) and what the edges see (procs).
type simKernel struct {
	w     *simWorld
	procs []*simProc // in the order of their birth, zombies among them
	next  int        // pid
	last  uint64     // start time given out
	pins  []*simProc // by descriptor
	doom  []*simProc // that die soon
	swept uint64     // start time of the last one there was at a sweep

	// of one supervisor
	me       int // its pid
	spawners []*simSpawner
	orders   []spawn
	censuses []census     // to be counted
	wards    map[int]int  // pid -> pin, those of the colony
	news     []event      // on their way to the loop
	refusal  string       // of the next program that is examined
	examined *event       // not answered yet
	failing  []faultClass // of the next forks
	slow     bool         // the next fork hangs until somebody helps
	ears     []lifeID     // that are heard; an upgrade keeps them
	wire     []simTold    // what they have told
}

// simProc is one process.
type simProc struct {
	pid, parent    int
	session, group int
	start          uint64
	zombie         bool
	status         exitStatus
	life           lifeID // which it is of in truth; zero: a stranger, or nobody's
	kind           childKind
	main           bool // it is the process that was forked for its life
	token          string
	config         []byte
	forked         bool   // by the supervisor's spawner
	stubborn       bool   // ignores all but KILL
	undead         bool   // does not even die of KILL, for now
	marked         bool   // but will
	order          uint64 // by which it, or who it comes from, was forked
	late           bool   // nobody waits for it: its start has taken too long
	spec           *spec.Spec
	said           bool // that it is ready
	hangs          bool // and says nothing more
}

// simSpawner is a goroutine of the spawner, in the middle of an order.
type simSpawner struct {
	order    *spawn
	pid      int // 0 = not forked yet
	noted    bool
	hung     bool
	relieved bool
}

const (
	simInit = 1       // the pid of who gets orphans where no supervisor is
	firstFD = 1 << 40 // no real descriptor
)

func (k *simKernel) find(pid int) *simProc {
	for _, p := range k.procs {
		if p.pid == pid {
			return p
		}
	}
	return nil
}

// free gives out the next number that no process and no group has.
func (k *simKernel) free() int {
	for {
		k.next++
		if k.next > 160 {
			k.next = 100
		}
		taken := slices.ContainsFunc(k.procs, func(p *simProc) bool { return p.pid == k.next || p.group == k.next || p.session == k.next })
		if !taken && k.next != k.me {
			return k.next
		}
	}
}

// birth adds a process.
func (k *simKernel) birth(p simProc) *simProc {
	p.pid = k.free()
	k.last = max(k.last+1, uint64(k.w.mono))
	p.start = k.last
	k.procs = append(k.procs, &p)
	return &p
}

// fork performs an order.
func (k *simKernel) fork(o *spawn) *simProc {
	p := k.birth(simProc{parent: k.me, life: o.life, kind: o.kind, main: o.kind != kindStopCommand, token: token(simID, o.life), config: o.spec.Raw, spec: o.spec, forked: true})
	p.session, p.group = p.pid, p.pid
	k.w.say("  forked %d for %s/%d kind %d", p.pid, o.life.name, o.life.generation, o.kind)
	p.order = o.order
	k.w.truth.forked(p)
	if p.main && p.spec.Ready != nil && k.w.luck(3) == 0 {
		k.tell(p, "READY=1") // before anybody knows its pid
	}
	return p
}

// offspring has a process of a life fork: an ordinary one, one in a session of
// its own, or one that is nobody's child any more; with a bare environment or
// the inherited one.
func (k *simKernel) offspring(p *simProc, how int) {
	q := simProc{parent: p.pid, order: p.order, late: p.late, session: p.session, group: p.group, life: p.life, kind: p.kind, token: p.token, config: p.config,
		stubborn: p.stubborn && how&1 == 0}
	c := k.birth(q)
	switch how % 4 {
	case 1:
		c.group = c.pid
	case 2:
		c.session, c.group = c.pid, c.pid
	case 3:
		c.session, c.group = c.pid, c.pid
		c.parent = k.orphanage(p)
	}
	if how%16 == 7 { // nobody can tell whose it is
		c.token, c.config, c.life = "", nil, lifeID{}
	}
	k.w.say("  %d forked %d (%d)", p.pid, c.pid, how)
}

// orphanage is who gets the children of p.
func (k *simKernel) orphanage(p *simProc) int {
	for p != nil {
		if p.parent == k.me && k.me != 0 {
			return k.me
		}
		p = k.find(p.parent)
	}
	return simInit
}

// die ends a process. Its children change hands, and it is a zombie until its
// parent looks.
func (k *simKernel) die(p *simProc, st exitStatus) {
	if p.zombie {
		return
	}
	k.w.say("  %d dies: %+v", p.pid, st)
	k.w.truth.died(p, st)
	heir := k.orphanage(p)
	p.zombie, p.status, p.undead = true, st, false
	for _, c := range slices.Clone(k.procs) {
		if c.parent == p.pid {
			c.parent = heir
			k.bury(c)
		}
	}
	k.bury(p)
	for pid, pin := range k.wards {
		if k.pins[pin-firstFD] == p {
			if k.w.luck(3) == 0 {
				st = exitStatus{unknown: true}
			}
			k.news = append(k.news, exited{pid: pid, status: st, reaped: true})
		}
	}
	if p.parent == k.me {
		k.w.sigchld()
	}
}

// bury reaps a zombie whose parent is not the supervisor: nobody keeps it.
func (k *simKernel) bury(p *simProc) {
	if !p.zombie || p.parent == k.me && k.me != 0 {
		if p.zombie {
			k.w.sigchld()
		}
		return
	}
	k.procs = slices.DeleteFunc(k.procs, func(q *simProc) bool { return q == p })
}

// deliver sends a signal to one process.
func (k *simKernel) deliver(p *simProc, sig spec.Signal) {
	switch {
	case p.zombie:
	case p.undead:
		p.marked = p.marked || sig == sigKILL
	case sig == sigKILL || deadly[sig] && !p.stubborn:
		if !slices.Contains(k.doom, p) {
			p.status = exitStatus{signal: sig}
			k.doom = append(k.doom, p)
		}
	}
}

// reapDoomed has one of those die that were signalled.
func (k *simKernel) reapDoomed(i int) {
	p := k.doom[i%len(k.doom)]
	k.doom = slices.DeleteFunc(k.doom, func(q *simProc) bool { return q == p })
	k.die(p, p.status)
}

// supervisorDies leaves its children to init.
func (k *simKernel) supervisorDies() {
	me := k.me
	k.me = 0
	k.ears, k.wire = nil, nil
	for _, p := range slices.Clone(k.procs) {
		if p.parent == me {
			p.parent, p.forked = simInit, false
			k.bury(p)
		}
	}
	k.forget()
}

// forget drops what belongs to one supervisor.
func (k *simKernel) forget() {
	k.spawners, k.orders, k.censuses, k.news, k.examined = []*simSpawner{{}, {}}, nil, nil, nil, nil
	k.wards = nil
}

// The loop's questions.

func (k *simKernel) peek(want int) (exited, bool) {
	for _, p := range k.procs {
		if p.zombie && p.parent == k.me && (want == 0 || p.pid == want) {
			return exited{pid: p.pid, status: p.status}, true
		}
	}
	return exited{}, false
}

// offered are the pids of ours, dead or alive, and noChild.
func (k *simKernel) offered() []int {
	pids := []int{noChild}
	for _, p := range k.procs {
		if p.parent == k.me {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

func (k *simKernel) orphans(known func(int) bool) bool {
	return slices.ContainsFunc(k.procs, func(p *simProc) bool { return p.parent == k.me && !p.forked && !known(p.pid) })
}

func (k *simKernel) reap(pid int) {
	p := k.find(pid)
	if p == nil || !p.zombie || p.parent != k.me {
		k.w.fail("reaped %d, which is no dead child", pid)
		return
	}
	k.procs = slices.DeleteFunc(k.procs, func(q *simProc) bool { return q == p })
}

func (k *simKernel) spawn(o spawn) {
	k.orders = append(k.orders, o)
	if o.kind != kindStopCommand && (o.spec.Ready != nil || o.spec.Watchdog != nil) {
		k.listen(o.life)
	}
}

func (k *simKernel) relieve() {
	for _, s := range k.spawners {
		s.relieved = true
	}
	for range spawners {
		k.spawners = append(k.spawners, &simSpawner{})
	}
}

// signal delivers, and watches that no stranger is hit: a number is ours while
// its process is our child and not reaped, or pinned.
func (k *simKernel) signal(e signal) error {
	p := k.find(e.pid)
	if pin, ok := k.wards[e.pid]; ok {
		if p = k.pins[pin-firstFD]; p.zombie || k.find(p.pid) != p {
			return nil
		}
	} else if p == nil || p.parent != k.me {
		k.w.fail("signal %v to %d (group: %v), which is no child of ours", e.signal, e.pid, e.group)
		return nil
	}
	k.w.say("  signal %v to %d (group: %v)", e.signal, e.pid, e.group)
	k.w.truth.acts++
	for _, q := range slices.Clone(k.procs) {
		if q == p || e.group && q.group == e.pid {
			k.deliver(q, e.signal)
		}
	}
	return nil
}

func (k *simKernel) signalRest(e signalRest) {
	for _, p := range e.processes {
		k.kill(p.processID, e.signal)
	}
}

func (k *simKernel) sweep(e sweep) {
	k.swept = k.last
	for _, p := range slices.Clone(k.procs) {
		if k.orphanage(p) == k.me {
			k.deliver(p, e.signal)
		}
	}
}

func (k *simKernel) census(q census)           { k.censuses = append(k.censuses, q) }
func (k *simKernel) suspended(int) spec.Signal { return 0 }
func (k *simKernel) suspend(suspend)           {}
func (k *simKernel) resume(resume)             {}
func (k *simKernel) reclaim(reclaim)           {}

func (k *simKernel) examine(_ examine, state []byte) {
	why := k.refusal
	if s, err := readSnapshot(state); err != nil {
		why = err.Error()
	} else if _, err := restore(k.w.c.loop.model.policy, s); err != nil {
		why = err.Error()
	}
	var ev event = examined{why}
	k.examined = &ev
}

// work lets one of the spawners go one step further.
func (k *simKernel) work(s *simSpawner) {
	c := k.w.c
	switch {
	case s.order == nil && s.relieved:
		k.spawners = slices.DeleteFunc(k.spawners, func(o *simSpawner) bool { return o == s })
	case s.order == nil && len(k.orders) > 0:
		s.order = &k.orders[0]
		k.orders = k.orders[1:]
		s.hung, k.slow = k.slow, false
	case s.order == nil:
	case s.pid == 0 && len(k.failing) > 0:
		f := fault{"it is told to fail", k.failing[0]}
		k.failing = k.failing[1:]
		k.w.truth.failed(s.order)
		k.answer(spawnFailed{s.order.order, f})
		s.order = nil
	case s.pid == 0:
		s.pid = k.fork(s.order).pid
	case !s.noted:
		if s.order.kind != kindStopCommand {
			c.ledger.begin(s.order.life, s.pid, s.order.spec)
		}
		s.noted = true
	default:
		k.answer(started{order: s.order.order, pid: s.pid})
		s.order, s.pid, s.noted = nil, 0, false
	}
}

// answer puts an event on its way to the loop.
func (k *simKernel) answer(ev event) { k.news = append(k.news, ev) }

// busy reports whether a spawner has something to do.
func (k *simKernel) busy(s *simSpawner) bool {
	return !s.hung && (s.order != nil || len(k.orders) > 0 && !s.relieved || s.relieved)
}

// What the edges see.

func (k *simKernel) check() error { return nil }
func (k *simKernel) self() int    { return k.me }
func (k *simKernel) unpin(int)    {}
func (k *simKernel) await(int)    {}

func (k *simKernel) all() (pids []int, err error) {
	for _, p := range k.procs {
		pids = append(pids, p.pid)
	}
	slices.Sort(pids)
	return pids, nil
}

func (k *simKernel) children(pid int) (pids []int, err error) {
	for _, p := range k.procs {
		if p.parent == pid {
			pids = append(pids, p.pid)
		}
	}
	return pids, nil
}

func (k *simKernel) stat(pid int) (stat, error) {
	p := k.find(pid)
	if p == nil {
		return stat{}, os.ErrNotExist
	}
	st := stat{command: fmt.Sprint("p", pid), state: 'S', parent: p.parent, group: p.group, session: p.session, start: p.start}
	if p.zombie {
		st.state = 'Z'
	}
	return st, nil
}

func (k *simKernel) variable(pid int, key string) ([]byte, error) {
	p := k.find(pid)
	switch {
	case p == nil || p.zombie || p.token == "":
		return nil, nil
	case key == tokenKey:
		return []byte(p.token), nil
	case strings.HasPrefix(key, "NCOLONY_CONFIG"):
		return p.config, nil
	case key == stopKey && p.kind == kindStopCommand:
		return []byte("1"), nil
	}
	return nil, nil
}

func (k *simKernel) owner(int) (int, error) { return os.Getuid(), nil }

func (k *simKernel) age(start uint64) time.Duration {
	return max(0, k.w.mono.sub(instant(start)))
}

func (k *simKernel) pin(pid int) (int, error) {
	p := k.find(pid)
	if p == nil {
		return 0, syscall.ESRCH
	}
	k.pins = append(k.pins, p)
	return firstFD + len(k.pins) - 1, nil
}

// kill signals a process that was seen before, if it still is the same.
func (k *simKernel) kill(id processID, sig spec.Signal) {
	p := k.find(id.pid)
	if p == nil || p.start != id.start {
		return
	}
	k.w.say("  signal %v to what is left: %d", sig, p.pid)
	k.w.truth.hit(p, sig)
	k.deliver(p, sig)
}
