package colony

import (
	"encoding/binary"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Dependencies, readiness, watchdogs and limits, to the explorer.
//
//   - What a life has to tell by some time is due "later", as all that is due. It
//     may also be looked at too late, when we did not run ourselves.
//   - A restart that counts for limit is within its time, or is not any more: a
//     move has all that there are grow old, while the service runs.
//   - Of the text why a limit was reached, only that it was.

// paperLimit stands for each text why a limit was reached.
const paperLimit = "limit"

// depends reports whether the configuration has any of it.
func (c *configuration) depends() bool {
	for _, f := range c.specs {
		if sp := f.spec; len(sp.Needs) > 0 || sp.Ready != nil || sp.Watchdog != nil || sp.Limit != nil {
			return true
		}
	}
	return false
}

// canonizeSigns is canonizeService for these; the due times are still as they
// were set.
func canonizeSigns(s *service) {
	if s.needs != nil && !s.needs.wanted.IsZero() {
		s.needs.wanted = paperWall
	}
	for i := range s.failures {
		f := &s.failures[i]
		if f.mono != paperEarly {
			f.mono = paperNow
		}
		f.wall = paperWall
	}
	if s.limitText != "" {
		s.limitText = paperLimit
	}
	g := s.life.signs
	if g == nil {
		return
	}
	if !g.readyAt.IsZero() {
		g.readyAt = paperWall
	}
	g.readyBy = later(g.readyBy)
	if g.beat != 0 {
		g.beat = later(g.beat.add(g.watchdog)).add(-g.watchdog)
	}
	if g.dumpUntil != 0 && g.dumpUntil < s.life.deadline {
		g.dumpUntil = paperSoon
	} else {
		g.dumpUntil = later(g.dumpUntil)
	}
}

// keyOfSigns is the part of them in the key of a state.
func (x *paper) keyOfSigns(b []byte, i int, s *service) []byte {
	num := func(n uint64) { b = binary.AppendUvarint(b, n) }
	flag := func(f bool) {
		if f {
			num(1)
		} else {
			num(0)
		}
	}
	num(uint64(s.standing))
	num(uint64(s.over))
	flag(s.retrying)
	flag(s.limitText != "")
	flag(s.starts > 0)
	num(uint64(len(s.failures)))
	for _, f := range s.failures {
		flag(f.mono == paperEarly)
	}
	flag(s.needs != nil)
	if s.needs != nil {
		flag(s.needs.wanted.IsZero())
		num(x.numberOf(s.needs.knot))
	}
	l := &s.life
	flag(l.ready)
	flag(x.ready[i])
	flag(x.auto[i])
	num(uint64(x.runs[i]))
	g := l.signs
	flag(g != nil)
	if g == nil {
		return b
	}
	flag(g.readyAt.IsZero())
	flag(g.stopping)
	flag(g.reloading)
	flag(g.failed != "")
	num(uint64(g.readyBy))
	num(uint64(g.watchdog))
	num(uint64(g.beat))
	num(uint64(g.dumpUntil))
	return b
}

// numberOf tells one knot from another by the first of its members; 0 = none.
func (x *paper) numberOf(k *knot) uint64 {
	for i, name := range x.c.names {
		if s := x.m.services[name]; k != nil && s != nil && s.needs != nil && s.needs.knot == k {
			return uint64(i) + 1
		}
	}
	return 0
}

// signMoves are what lives tell of themselves, and what becomes due of it.
func (x *paper) signMoves(add func(moveKind, int, int)) {
	if x.m.tangled != 0 {
		add(untangle1, 0, 0)
	}
	if x.c.unseen && !x.m.looked {
		add(lookAround, 0, 0)
	}
	for i, name := range x.c.names {
		s := x.m.services[name]
		if s == nil {
			continue
		}
		for j, n := range x.c.tells {
			if n.old || s.phase >= spawning && s.life.signs != nil {
				add(tellUs, i, j)
			}
		}
		if x.c.paused && s.phase == up && s.due != 0 {
			add(comeLate, i, 0)
		}
		if s.phase == up && len(s.failures) > 0 && s.failures[len(s.failures)-1].mono != paperEarly {
			add(growOld, i, 0)
		}
	}
}

// paperTelling is something that a life says, or a life of the service that is
// over.
type paperTelling struct {
	text string
	old  bool
}

func (x *paper) takeSigns(mv move) {
	m, i, j := x.m, int(mv.i), int(mv.j)
	switch mv.kind {
	case untangle1:
		m.tangled = paperNow
		x.do(ticked{})
	case lookAround:
		x.tellAgain()
	case tellUs:
		s := m.services[x.c.names[i]]
		id, n := s.lifeID(), x.c.tells[j]
		says := parseNotification([]byte(n.text))
		if n.old {
			id.generation--
		} else if says.ready {
			x.ready[i] = true
		}
		x.do(notified{id, says})
	case comeLate:
		x.setUpDue(m.services[x.c.names[i]], paperEarly)
		x.do(ticked{})
	case growOld:
		s := m.services[x.c.names[i]]
		for k := range s.failures {
			s.failures[k].mono = paperEarly
		}
		x.runs[i] = 0
	}
}

// setUpDue has what a life that is up has to tell be due at the given time.
func (x *paper) setUpDue(s *service, at instant) {
	switch g := s.life.signs; {
	case g.stopping:
		s.life.deadline = at
	case !s.life.ready:
		g.readyBy = at
	default:
		g.beat = at.add(-g.watchdog)
	}
	x.m.setDue(s, at)
}

func (x *paper) nameSign(mv move) string {
	i, j := int(mv.i), int(mv.j)
	switch mv.kind {
	case untangle1:
		return "cycles are looked for"
	case lookAround:
		return "the whole directory was looked at"
	case tellUs:
		if x.c.tells[j].old {
			return "an earlier life of " + x.c.names[i] + " says " + x.c.tells[j].text
		}
		return x.c.names[i] + " says " + x.c.tells[j].text
	case comeLate:
		return x.c.names[i] + " was due long ago"
	case growOld:
		return "the restarts of " + x.c.names[i] + " are long ago"
	}
	return ""
}

// limitOf is the restarts that a service may have within the time; -1 = any.
func limitOf(sp *spec.Spec) int {
	if sp == nil || sp.Limit == nil {
		return -1
	}
	return sp.Limit.Restarts
}
