package colony

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// What makes the states of a paper finitely many: each is replaced by the one
// that stands for all that cannot be told apart from it. Nothing here decides
// what the core does; it only forgets.
//
//   - Time stands still at paperNow. What is due is due "later", and a move has
//     one due time come, or all of them: so any order of them is tried, though
//     they were set to different times. A life is short or long.
//   - Pids, generations, and the numbers of orders and censuses are given out
//     anew in the order in which they are come upon. Which is the same as which,
//     and which is later, stays; how many there have been does not.
//   - Counts for people, wall times and the seed of the jitter are dropped.
//   - Deaths that wait for a start to be told and can belong to none are one.
//   - Doubts about a census are not counted: maxDoubts is never reached.

const (
	paperNow   = instant(1000 * time.Hour)
	paperLater = paperNow + instant(100*time.Hour) // due, not yet
	paperSoon  = paperLater - instant(time.Hour)   // likewise, and sooner than what is later
	paperEarly = paperNow - instant(100*time.Hour) // when a long life began
	currentGen = 50                                // of the current life of each service, or the last one
	orphanPID  = 90000
	restPID    = 500 // of what a life has left behind: see restOf
)

var paperWall = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// The ends that a paper tells apart.
var (
	codes      = [...]int{0, 1}
	paperExits = [...]*spec.Exit{nil, {Code: &codes[0], At: paperWall}, {Code: &codes[1], At: paperWall}, {SpawnError: "no", At: paperWall}}
	paperNote  = &spec.StopNote{At: paperWall, By: "somebody"}
)

func exitKind(e *spec.Exit) byte {
	switch {
	case e == nil:
		return 0
	case e.SpawnError != "":
		return 3
	case e.Code != nil && *e.Code == 0 && e.Reason == "":
		return 1
	default:
		return 2
	}
}

// clone returns a copy of x that shares nothing that a step changes.
func (x *paper) clone() *paper {
	y := *x
	y.kids = slices.Clone(x.kids)
	y.orders = slices.Clone(x.orders)
	y.censuses = slices.Clone(x.censuses)
	for i := range y.censuses {
		y.censuses[i].lives = slices.Clone(y.censuses[i].lives)
	}
	y.open = slices.Clone(x.open)
	y.m = cloneModel(x.m)
	return &y
}

func cloneModel(m *model) *model {
	n := *m
	anew := make(map[*service]*service, len(m.services))
	same := func(s *service) *service {
		if t := anew[s]; t != nil {
			return t
		}
		t := *s
		t.asks = slices.Clone(s.asks)
		t.failures = slices.Clone(s.failures)
		t.needs = cloneOf(s.needs) // a knot never changes
		t.life.signs = cloneOf(s.life.signs)
		t.life.left = slices.Clone(s.life.left)
		t.life.told = cloneMap(s.life.told)
		t.warnings = slices.Clone(s.warnings)
		t.sockets = slices.Clone(s.sockets)
		anew[s] = &t
		return &t
	}
	n.services = make(map[string]*service, len(m.services))
	for name, s := range m.services {
		n.services[name] = same(s)
	}
	n.families = make(map[string]*family, len(m.families))
	for name, f := range m.families {
		g := *f
		g.members = make([]*service, len(f.members))
		for i, s := range f.members {
			g.members[i] = same(s)
			g.members[i].family = &g
		}
		if f.failed != nil {
			g.failed = same(f.failed)
		}
		n.families[name] = &g
	}
	n.groups = make(map[string]map[string]*service, len(m.groups))
	for g, of := range m.groups {
		n.groups[g] = make(map[string]*service, len(of))
		for name, s := range of {
			n.groups[g][name] = same(s)
		}
	}
	n.dependents = make(map[string][]*service, len(m.dependents))
	for name, list := range m.dependents {
		for _, s := range list {
			n.dependents[name] = append(n.dependents[name], same(s))
		}
	}
	n.pids = make(map[int]child, len(m.pids))
	for pid, c := range m.pids {
		n.pids[pid] = child{same(c.service), c.kind}
	}
	n.leaving = make(map[*service]bool, len(m.leaving))
	for s := range m.leaving {
		n.leaving[same(s)] = true
	}
	n.queue, n.orders, n.timers = nil, nil, nil
	for _, s := range m.queue {
		n.queue = append(n.queue, same(s))
	}
	for _, o := range m.orders {
		p := *o
		p.service = same(o.service)
		n.orders = append(n.orders, &p)
	}
	for _, s := range m.timers {
		n.timers = append(n.timers, same(s))
	}
	n.held = cloneMap(m.held)
	n.requests = make(map[string]*request, len(m.requests))
	for file, r := range m.requests {
		q := *r
		q.result.Services = slices.Clone(r.result.Services)
		n.requests[file] = &q
	}
	for _, s := range anew {
		for i, a := range s.asks {
			if q := n.requests[a.request.file]; q != nil {
				s.asks[i].request = q
			}
		}
	}
	n.counts, n.bad, n.degraded, n.poison = cloneMap(m.counts), cloneMap(m.bad), cloneMap(m.degraded), cloneMap(m.poison)
	if m.upgrade != nil {
		u := *m.upgrade
		n.upgrade = &u
	}
	n.touched, n.changed, n.out = nil, nil, nil
	return &n
}

func cloneOf[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return nil
	}
	n := make(map[K]V, len(m))
	for k, v := range m {
		n[k] = v
	}
	return n
}

// canonize replaces the state by the one that stands for it.
func (x *paper) canonize() error {
	m := x.m
	if len(m.past)+len(m.notes)+len(m.bad)+len(m.poison)+len(m.panicked)+m.panics > 0 {
		return fmt.Errorf("the state has something that no event could have brought")
	}
	m.now = moment{paperNow, paperWall}
	m.seed, m.orphans = 1, 0
	m.colony = spec.ColonyStatus{}
	m.drain.signals = min(m.drain.signals, 2)
	sooner := m.drain.due != 0 && m.drain.due < m.drain.deadline
	m.drain.due, m.drain.deadline = later(m.drain.due), later(m.drain.deadline)
	if sooner && m.drain.due != 0 {
		m.drain.due = paperSoon
	}
	m.tangled = later(m.tangled)
	if m.upgrade != nil {
		m.upgrade.due = later(m.upgrade.due)
	}
	for _, r := range m.requests {
		r.result.Received = paperWall
		for i := range r.result.Services {
			p := &r.result.Services[i]
			p.NewPID = min(p.NewPID, 1) // whether there was one
		}
	}
	x.numberOrders()
	x.numberGenerations()
	m.timers = nil
	for _, name := range x.c.names {
		if s := m.services[name]; s != nil {
			x.canonizeService(s)
		}
	}
	for range m.services {
		for _, s := range m.services {
			s.excuse = m.whyNot(s) // of the texts above, and of each other
		}
		for _, f := range m.families {
			m.sum(f)
		}
	}
	x.numberPIDs()
	for i := range x.censuses {
		c := &x.censuses[i]
		missable := x.others(*c) > 0
		for _, id := range c.lives {
			missable = missable || x.left(id).pid != 0
		}
		c.disturbed = c.disturbed && missable
	}
	return nil
}

// later is what stands for a due time.
func later(i instant) instant {
	switch {
	case i == 0:
		return 0
	case i <= paperNow:
		return paperNow
	default:
		return paperLater
	}
}

func (x *paper) canonizeService(s *service) {
	started := s.starts > 0
	s.busy, s.starts, s.missing = 0, 0, s.missing && x.c.exits
	if started && x.c.depends() {
		s.starts = 1
	}
	s.nextStart, s.since = time.Time{}, paperWall
	if s.stopped != nil {
		s.stopped = paperNote
	}
	s.spec, s.second, s.life.spec = x.c.same(s.spec), x.c.same(s.second), x.c.same(s.life.spec)
	s.lastExit = paperExits[exitKind(s.lastExit)]
	l := &s.life
	l.exit = paperExits[exitKind(l.exit)]
	if !x.c.exits {
		s.lastExit = nil
	}
	s.warnings = nil
	at := x.m.now.mono
	if l.died != 0 {
		at = l.died
	}
	if l.pid != 0 || l.exit != nil {
		long := at.sub(l.started.mono) >= x.m.bounds(s).threshold
		l.started = moment{paperNow, paperWall}
		if long {
			l.started.mono = paperEarly
		}
	}
	if l.died != 0 {
		l.died = paperNow
	}
	l.doubts = 0
	canonizeSigns(s)
	sooner := s.phase == stopping && s.due < l.deadline
	s.due, l.deadline = later(s.due), later(l.deadline)
	if sooner {
		s.due = paperSoon
	}
	s.timer = -1
	if due := s.due; due != 0 {
		x.m.setDue(s, due)
	}
	for i := range s.asks {
		a := &s.asks[i]
		if a.after < s.generation {
			a.after = s.generation - 1
		}
	}
	slices.SortStableFunc(s.asks, func(a, b ask) int { return cmp.Compare(a.request.file, b.request.file) })
	if len(l.told) == 0 {
		l.told = nil
	}
	if len(l.left) == 0 {
		l.left = nil
	}
	if len(s.asks) == 0 {
		s.asks = nil
	}
}

// numberOrders gives the numbers of orders, of the deaths among them and of
// censuses out anew.
func (x *paper) numberOrders() {
	m := x.m
	rank := func(number uint64) (n uint64) {
		for _, o := range m.orders {
			if o.number <= number {
				n++
			}
		}
		return n
	}
	slices.SortFunc(x.orders, func(a, b paperOrder) int { return cmp.Compare(a.number, b.number) })
	stray := false
	for pid, h := range m.held {
		ours := slices.ContainsFunc(x.orders, func(o paperOrder) bool { return o.pid == pid })
		if ours {
			m.held[pid] = heldExit{h.exit, rank(h.seq)}
		} else {
			delete(m.held, pid)
			stray = true
		}
	}
	if stray {
		m.held[orphanPID] = heldExit{exited{pid: orphanPID, reaped: true}, 0}
	}
	for i := range x.orders {
		x.orders[i].number = rank(x.orders[i].number)
	}
	for i, o := range m.orders {
		o.number, o.since = rank(o.number), paperNow
		if m.services[o.service.name] != o.service {
			m.orders[i].service = &service{name: o.service.name, timer: -1}
		}
	}
	m.ordered = uint64(len(m.orders))
	// One census that we have given up may still answer.
	if n := len(x.censuses); n > 2 {
		x.censuses = slices.Clone(x.censuses[n-2:])
	}
	for i := range x.censuses {
		c := &x.censuses[i]
		if m.census.out && c.number == m.census.number {
			c.number = 2
		} else {
			c.number = 1
		}
	}
	m.census.number, m.census.lost, m.census.since = 2, min(m.census.lost, 1), paperNow
	if !m.census.out {
		m.census.since = 0
	}
}

// numberGenerations gives the generations of each service out anew: the current
// one or the last is currentGen, and those before it count down from there.
func (x *paper) numberGenerations() {
	for i, name := range x.c.names {
		s := x.m.services[name]
		top := x.highest[i]
		if s != nil {
			top = s.generation
		}
		var older []uint64
		x.eachLife(name, func(id *lifeID) {
			if id.generation < top && !slices.Contains(older, id.generation) {
				older = append(older, id.generation)
			}
		})
		slices.Sort(older)
		slices.Reverse(older)
		x.eachLife(name, func(id *lifeID) {
			id.generation = currentGen - 1 - uint64(slices.Index(older, id.generation))
		})
		if s != nil {
			for i := range s.asks {
				if a := &s.asks[i]; a.after < s.generation {
					a.after = currentGen - 1
				} else {
					a.after = currentGen
				}
			}
			s.generation = currentGen
		}
		x.highest[i] = currentGen
	}
	x.m.generations = currentGen
}

// eachLife calls f with each place that names a life of a service.
func (x *paper) eachLife(name string, f func(*lifeID)) {
	on := func(id *lifeID) {
		if id.name == name {
			f(id)
		}
	}
	for i := range x.kids {
		on(&x.kids[i].life)
	}
	for i := range x.orders {
		on(&x.orders[i].life)
	}
	for _, o := range x.m.orders {
		on(&o.life)
	}
	for i := range x.rests {
		on(&x.rests[i].life)
	}
	for i := range x.censuses {
		for j := range x.censuses[i].lives {
			on(&x.censuses[i].lives[j])
		}
	}
}

// numberPIDs gives the pids of our children out anew.
func (x *paper) numberPIDs() {
	m := x.m
	anew := map[int]int{0: 0}
	number := func(pid int) int {
		n, ok := anew[pid]
		if !ok {
			n = 100 + len(anew)
			anew[pid] = n
		}
		return n
	}
	slices.SortFunc(x.kids, func(a, b paperChild) int {
		return cmp.Or(cmp.Compare(a.life.name, b.life.name), cmp.Compare(a.kind, b.kind), cmp.Compare(b.life.generation, a.life.generation))
	})
	for i := range x.kids {
		x.kids[i].pid = number(x.kids[i].pid)
	}
	for i := range x.orders {
		x.orders[i].pid = number(x.orders[i].pid)
	}
	for _, name := range x.c.names {
		if s := m.services[name]; s != nil {
			l := &s.life
			l.pid, l.leader, l.command = number(l.pid), number(l.leader), number(l.command)
		}
	}
	alive := func(pid int) int { return anew[pid] } // 0: it is no more
	for _, r := range m.requests {
		r.result.OldPID = alive(r.result.OldPID)
		for i := range r.result.Services {
			r.result.Services[i].OldPID = alive(r.result.Services[i].OldPID)
		}
	}
	pids := m.pids
	m.pids = make(map[int]child, len(pids))
	for pid, c := range pids {
		m.pids[number(pid)] = c
	}
	held := m.held
	m.held = make(map[int]heldExit, len(held))
	for pid, h := range held {
		if pid != orphanPID {
			pid = number(pid)
		}
		h.exit.pid = pid
		m.held[pid] = h
	}
	x.pids = 200
}

// key is the state as bytes, once it is canonical.
func (x *paper) key(b []byte) []byte {
	m := x.m
	num := func(n uint64) { b = binary.AppendUvarint(b, n) }
	flags := func(fs ...bool) {
		var v uint64
		for i, f := range fs {
			if f {
				v |= 1 << i
			}
		}
		num(v)
	}
	text := func(s string) { num(uint64(len(s))); b = append(b, s...) }
	when := func(i instant) { num(uint64(i)) }
	life := func(id lifeID) { text(id.name); num(id.generation) }

	text(m.main)
	d := m.drain
	flags(d.on, d.rude, d.termed, d.swept, d.sweeping, d.broken, d.done, m.census.out, m.census.want, m.census.lost > 0, m.degraded["census"] != "")
	num(uint64(m.stray))
	num(uint64(d.stage))
	num(uint64(d.signal))
	num(uint64(d.signals))
	num(uint64(d.code))
	when(d.deadline)
	when(d.due)
	num(uint64(m.needed[0]))
	if u := m.upgrade; u != nil {
		flags(true, u.fit, u.handed)
		text(u.file)
	} else {
		flags(false)
	}
	num(uint64(len(m.orders)))
	for _, o := range m.orders {
		num(o.number)
		num(uint64(o.kind))
		life(o.life)
		flags(o.overdue) // whose service may be forgotten: then it is for a stop command that is too late
	}
	num(uint64(len(m.held)))
	for _, o := range x.orders {
		if h, ok := m.held[o.pid]; ok {
			num(h.seq)
			num(uint64(h.exit.status.code))
		}
	}
	num(uint64(len(m.queue)))
	for _, s := range m.queue {
		text(s.name)
	}
	num(uint64(len(x.open)))
	for _, file := range x.open {
		text(file)
		r := m.requests[file]
		num(uint64(r.open))
		text(r.result.Error)
		num(uint64(r.result.OldPID))
		for _, p := range r.result.Services {
			text(p.Name)
			text(p.Error)
			flags(p.OK)
			num(uint64(p.OldPID))
		}
	}
	for i, name := range x.c.names {
		s := m.services[name]
		flags(s != nil, x.stopped[i], x.wait[i])
		f := m.families[name]
		flags(f != nil, f != nil && f.stopped != nil)
		num(uint64(x.files[i] + 2))
		num(uint64(x.level[i]))
		if r := x.rests[i]; r.there {
			num(uint64(r.dying))
			flags(true, r.inGroup)
			life(r.life)
		} else {
			num(0)
		}
		if s == nil {
			continue
		}
		l := &s.life
		flags(s.gone, s.stopped != nil, s.restart, s.over == hasExited, s.missing, s.watching, s.helper,
			l.asked, l.ordered, l.grouped, l.unclear, l.died != 0, l.started.mono == paperEarly)
		num(uint64(s.phase))
		num(x.c.indexOf(s.spec))
		num(x.c.indexOf(s.second))
		num(x.c.indexOf(l.spec))
		if s.problem != nil {
			text(s.problem.Message)
		} else {
			text("")
		}
		when(s.due)
		when(l.deadline)
		num(uint64(s.delay))
		num(uint64(exitKind(s.lastExit)))
		num(uint64(exitKind(l.exit)))
		num(uint64(l.stage))
		num(uint64(l.pid))
		num(uint64(l.leader))
		num(uint64(l.command))
		num(uint64(len(l.left)))
		for _, p := range l.left {
			num(uint64(p.pid))
			num(uint64(l.told[p.processID]))
		}
		num(uint64(len(s.asks)))
		for _, a := range s.asks {
			text(a.request.file)
			num(uint64(a.part))
			flags(a.stop, a.after < s.generation)
		}
		for _, g := range x.c.groups {
			flags(m.groups[g][name] == s)
		}
		if x.c.depends() {
			b = x.keyOfSigns(b, i, s)
		}
	}
	num(uint64(len(x.kids)))
	for _, k := range x.kids {
		num(uint64(k.pid))
		life(k.life)
		num(uint64(k.kind))
		num(uint64(k.dying))
	}
	num(uint64(len(x.orders)))
	for _, o := range x.orders {
		num(o.number)
		num(uint64(o.pid))
	}
	num(uint64(len(x.censuses)))
	for _, c := range x.censuses {
		num(c.number)
		flags(c.disturbed)
		num(uint64(c.others))
		for i, id := range c.lives {
			life(id)
			num(uint64(c.left[i].pid))
		}
		num(0)
	}
	flags(x.asking, x.handing, x.ended, m.tangled != 0, m.looked)
	num(uint64(x.stray))
	return b
}

// stateFields are the fields that clone, canonize and key know of. A new one has
// to be thought about there.
var stateFields = map[reflect.Type]int{
	reflect.TypeFor[model](): 40, reflect.TypeFor[service](): 40, reflect.TypeFor[family](): 7, reflect.TypeFor[life](): 19, reflect.TypeFor[order](): 6,
	reflect.TypeFor[request](): 4, reflect.TypeFor[ask](): 4, reflect.TypeFor[heldExit](): 2, reflect.TypeFor[drain](): 13,
	reflect.TypeFor[upgrade](): 5, reflect.TypeFor[censusState](): 5, reflect.TypeFor[child](): 2, reflect.TypeFor[process](): 3,
	reflect.TypeFor[dependence](): 2, reflect.TypeFor[knot](): 1, reflect.TypeFor[signs](): 10,
}
