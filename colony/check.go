package colony

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// check returns which of the invariants that hold between two steps does not.
// Tests ask after every step; a program that takes over asks once, because what
// it was handed may come from any program.
func (m *model) check() error {
	if len(m.touched) > 0 || len(m.changed) > 0 || len(m.out) > 0 {
		return errors.New("the step has left something undone")
	}
	pids := map[int]string{}
	alive := [2]int{}
	counts := map[spec.State]int{}
	queue := map[*service]bool{}
	for _, s := range m.queue {
		if queue[s] || m.services[s.name] != s || s.phase != queued {
			return fmt.Errorf("%q is in the queue and %s, or twice there", s.name, s.phase)
		}
		queue[s] = true
	}
	for name, s := range m.services {
		if s.name != name {
			return fmt.Errorf("%q stands under %q", s.name, name)
		}
		if s.alive() {
			alive[kindOf(s.helper)]++
		}
		counts[s.state]++
		if s.state != m.stateOf(s) {
			return fmt.Errorf("%q: published %s, is %s", name, s.state, m.stateOf(s))
		}
		if err := m.checkService(s, queue[s]); err != nil {
			return fmt.Errorf("%q in %s: %w", name, s.phase, err)
		}
		for _, pid := range []int{s.life.pid, s.life.command} {
			if pid == 0 {
				continue
			}
			if other, ok := pids[pid]; ok {
				return fmt.Errorf("pid %d is of %q and %q", pid, name, other)
			}
			pids[pid] = name
			if m.pids[pid].service != s {
				return fmt.Errorf("pid %d of %q is not in the index", pid, name)
			}
		}
	}
	switch {
	case len(pids) != len(m.pids):
		return fmt.Errorf("index of %d pids, services have %d", len(m.pids), len(pids))
	case alive != m.alive:
		return fmt.Errorf("alive: counted %v, kept %v", alive, m.alive)
	case !maps.Equal(counts, m.counts):
		return fmt.Errorf("states: counted %v, kept %v", counts, m.counts)
	case m.drain.stage < drainServices || m.drain.stage > drainRest:
		return fmt.Errorf("stage %d of a drain", m.drain.stage)
	case m.census.lost < 0:
		return fmt.Errorf("%d censuses lost", m.census.lost)
	}
	if main := m.services[m.main]; m.main != "" && (main == nil || main.spec == nil || !main.spec.Main || main.gone) {
		return fmt.Errorf("main is %q, which is none", m.main)
	}
	for i, s := range m.timers {
		if s.timer != i || s.due == 0 || m.services[s.name] != s {
			return fmt.Errorf("timer of %q is wrong", s.name)
		}
	}
	return errors.Join(m.checkFamilies(), m.checkOrders(), m.checkRequests())
}

func (m *model) checkService(s *service, waiting bool) error {
	orders := 0
	for _, o := range m.orders {
		if o.service == s && o.kind != kindStopCommand {
			orders++
		}
	}
	l := &s.life
	switch {
	case !nameOfService(s.name, s.helper):
		return errors.New("no name for it")
	case s.cmd && s.name != commandName:
		return errors.New("not the command")
	case s.phase == spawning && orders != 1, s.phase != spawning && orders != 0:
		return fmt.Errorf("%d orders are out", orders)
	case s.phase == up && (l.pid == 0 || l.exit != nil):
		return errors.New("no main process")
	case s.phase < spawning && (l.pid != 0 || l.command != 0 || l.spec != nil):
		return errors.New("a life without a phase for it")
	case s.alive() && (l.spec == nil || s.spec == nil):
		return errors.New("a life without a spec")
	case s.phase == stopping && l.pid == 0 && l.exit == nil:
		return errors.New("its main process has not ended and is not there")
	case l.pid < 0 || l.pid == 1 || l.command < 0 || l.command == 1:
		return fmt.Errorf("pids %d and %d", l.pid, l.command)
	case s.phase == stopping && l.pid == 0 && l.command == 0 && !l.ordered && !l.unclear && len(l.left) == 0:
		return errors.New("empty, and still stopping")
	case s.phase == up && s.due != l.next(), s.phase != up && (s.phase == backoff || s.phase == stopping) != (s.due != 0):
		return fmt.Errorf("due %v", s.due)
	case s.standing != m.standingOf(s):
		return fmt.Errorf("others take it for %d, it is %d", s.standing, m.standingOf(s))
	case s.excuse != m.whyNot(s):
		return fmt.Errorf("others say of it %q, it is %q", s.excuse, m.whyNot(s))
	case s.phase == up && (l.spec.Ready != nil || l.spec.Watchdog != nil) != (l.signs != nil):
		return errors.New("nobody knows what it has to tell")
	case s.phase == up && !l.ready && l.spec.Ready == nil:
		return errors.New("not ready, and it need not say so")
	case slices.ContainsFunc(s.sockets, func(a string) bool { return !slices.Contains(m.kept(s), a) }):
		return fmt.Errorf("of the sockets %q it has only %q", s.sockets, m.kept(s))
	case s.phase == queued && !waiting:
		return errors.New("not in the queue")
	case s.phase == down && m.mayStart(s):
		return errors.New("wanted, and nothing is done")
	case s.phase == down && s.gone:
		return errors.New("gone, and not forgotten")
	case s.phase == up && m.isToEnd(s):
		return errors.New("not what is wanted, and nothing is done")
	case (l.unclear || len(l.left) > 0) != m.leaving[s]:
		return fmt.Errorf("leaving: %v", m.leaving[s])
	case l.stage < none || l.stage > killing || s.over < notOver || s.over > hasFailed || s.busy < 0:
		return fmt.Errorf("stage %d, over %d, busy %d", l.stage, s.over, s.busy)
	}
	return nil
}

// nameOfService reports whether a service may be called that: its name is the
// name of files.
func nameOfService(name string, helper bool) bool {
	bare, at := strings.CutPrefix(name, "@")
	if !at {
		bare, _ = spec.Instance(name)
	}
	return at == helper && spec.CheckName(bare) == nil
}

// checkFamilies finds families that are not what their members make them.
func (m *model) checkFamilies() error {
	members := 0
	for name, f := range m.families {
		members += len(f.members)
		sum := *f
		m.sum(&sum)
		last := 0
		switch {
		case f.name != name:
			return fmt.Errorf("family %q stands under %q", f.name, name)
		case f.stopped != nil && !f.here():
			return fmt.Errorf("family %q is stopped, and has no member", name)
		case sum.standing != f.standing || sum.excuse != f.excuse || sum.failed != f.failed:
			return fmt.Errorf("family %q: others take it for %d (%q), it is %d (%q)", name, f.standing, f.excuse, sum.standing, sum.excuse)
		}
		for _, s := range f.members {
			file, number := spec.Instance(s.name)
			switch {
			case m.services[s.name] != s || s.family != f || s.number != number || file != name || number <= last:
				return fmt.Errorf("%q is no member of %q", s.name, name)
			case f.stopped != nil && !s.gone && s.stopped == nil:
				return fmt.Errorf("%q is stopped, and %q is not", name, s.name)
			}
			last = number
		}
	}
	for name, s := range m.services {
		if _, number := spec.Instance(name); number > 0 {
			members--
		}
		if s.family != nil && m.families[s.file()] != s.family {
			return fmt.Errorf("the family of %q is not known", name)
		}
	}
	if members != 0 {
		return fmt.Errorf("families have %d members more than there are", members)
	}
	return nil
}

func (m *model) checkOrders() error {
	numbers := map[uint64]bool{}
	for _, o := range m.orders {
		s := o.service
		switch {
		case numbers[o.number] || o.number > m.ordered:
			return fmt.Errorf("order %d of %d", o.number, m.ordered)
		case o.life.name != s.name:
			return fmt.Errorf("order %d for %q stands under %q", o.number, o.life.name, s.name)
		case o.kind < kindService || o.kind > kindStopCommand:
			return fmt.Errorf("order %d of kind %d", o.number, o.kind)
		case o.kind != kindStopCommand && (m.services[s.name] != s || o.life != s.lifeID() || (o.kind == kindCommand) != s.cmd):
			return fmt.Errorf("order %d is for no life of %q", o.number, s.name)
		}
		numbers[o.number] = true
	}
	return nil
}

// checkRequests finds requests that nobody would ever answer.
func (m *model) checkRequests() error {
	asks := map[*request]int{}
	for _, s := range m.services {
		for _, a := range s.asks {
			if a.request.many && (a.part < 0 || a.part >= len(a.request.result.Services)) {
				return fmt.Errorf("%q: part %d of request %q", s.name, a.part, a.request.file)
			}
			asks[a.request]++
		}
	}
	if u := m.upgrade; u != nil {
		if r := m.requests[u.file]; r != nil && r.result.Type == spec.Upgrade {
			asks[r]++
		}
	}
	for _, file := range slices.Sorted(maps.Keys(m.requests)) {
		switch r := m.requests[file]; {
		case r.result.Type == spec.Shutdown && m.drain.on:
		case r.open <= 0 || r.open != asks[r]:
			return fmt.Errorf("request %q is open %d times, and waits for %d", file, r.open, asks[r])
		}
	}
	return nil
}
