package metrics

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/procstat"
)

// usage is what processes use together.
type usage struct {
	cpu       float64 // seconds
	rss       int64   // bytes
	fds       int     // -1 = we may not look
	processes int
	threads   int
}

// add adds a process.
func (u *usage) add(p *process) {
	u.cpu += float64(p.cpu) / procstat.Ticks
	if p.dead {
		return
	}
	u.rss += p.resident
	u.processes++
	u.threads += p.threads
	if u.fds < 0 {
		return
	}
	switch n, err := p.descriptors(); {
	case err == nil:
		u.fds += n
	case !gone(err):
		u.fds = -1
	}
}

// startSlack is how far apart the start of a process and that of its life may be
// said to be: what the clock was set by in small steps, and the second that the
// start of the machine is rounded to.
const startSlack = 5 * time.Second

// addUsage finds the lives that the processes belong to, and adds what they use.
func (r *reader) addUsage(now *reading, seen map[int]*process, supervisor int) {
	if p := seen[supervisor]; p != nil && supervisor != 0 {
		now.supervisor = new(usage)
		now.supervisor.add(p)
	}
	k := kin{seen: seen, supervisor: supervisor, mains: map[int]int{}, lives: map[int]int{}}
	booted := sync.OnceValue(r.machine.booted)
	index := make(map[string]int, len(now.services)) // by NAME:GENERATION
	for i := range now.services {
		s := &now.services[i]
		st := s.status
		index[s.life()] = i
		if p := seen[st.PID]; p != nil && isMain(p, st, supervisor, booted) {
			k.mains[st.PID] = i
		}
	}
	groups := groupsOf(r.o.Places, supervisor)
	for name, g := range groups {
		if i, ok := index[name]; ok {
			for _, pid := range g.members {
				k.lives[pid] = i
			}
		}
	}
	k.byToken = func(orphans []*process) map[int]int {
		id := colonyID(r.o.Places)
		found := map[int]int{}
		for p, t := range r.machine.tokensOf(orphans) {
			if colony, life, _ := strings.Cut(t, ":"); colony == id && id != "" {
				if i, ok := index[life]; ok {
					found[p.pid] = i
				}
			}
		}
		return found
	}
	members := k.members(len(now.services))
	meters := make(map[string]*meter, len(r.meters))
	for i := range now.services {
		s := &now.services[i]
		m := r.meters[s.name]
		if len(members[i]) > 0 {
			s.usage = new(usage)
			for _, p := range members[i] {
				s.usage.add(p)
			}
			if m == nil {
				m = &meter{}
			}
			if g, ok := groups[s.life()]; ok && g.cpu >= 0 {
				m.read(s.status.Generation, g.cpu)
			} else {
				m.take(s.status.Generation, members[i])
			}
		}
		if m != nil {
			meters[s.name] = m
			s.spent = &m.told
		}
	}
	r.meters = meters
}

// life is how tokens and control groups name the current life.
func (s *service) life() string {
	return s.name + ":" + strconv.FormatUint(s.status.Generation, 10)
}

// isMain reports whether p is the main process that a status speaks of, and not a
// stranger that got its number. Our own child keeps its number until the
// supervisor has told of its end; one that was adopted does not.
func isMain(p *process, st *spec.Status, supervisor int, booted func() time.Time) bool {
	if p.parent == supervisor {
		return true
	}
	begun := booted().Add(time.Duration(p.begun) * time.Second / procstat.Ticks)
	return begun.Sub(lifeStart(st)).Abs() <= startSlack
}

// kin finds out whose processes are.
type kin struct {
	seen       map[int]*process
	supervisor int
	mains      map[int]int // services by main process
	lives      map[int]int // services by process, as far as known: those in control groups first
	byToken    func([]*process) map[int]int
}

// nobody is whose a process is that belongs to no service.
const nobody = -1

// members returns the processes of each of n services: by control group, by
// session or group of the main process, by their parent's service, and what the
// supervisor has inherited by token.
func (k *kin) members(n int) [][]*process {
	k.lives[k.supervisor] = nobody
	var orphans []*process
	for pid, p := range k.seen {
		if _, known := k.lives[pid]; known {
			continue
		}
		if i, ok := k.leader(p); ok {
			k.lives[pid] = i
		} else if p.parent == k.supervisor && !p.dead {
			orphans = append(orphans, p)
		}
	}
	for pid, i := range k.byToken(orphans) {
		k.lives[pid] = i
	}
	members := make([][]*process, n)
	for pid, p := range k.seen {
		if i := k.of(pid, len(k.seen)); i != nobody {
			members[i] = append(members[i], p)
		}
	}
	return members
}

// leader is the service whose main process leads the session or group of p.
func (k *kin) leader(p *process) (int, bool) {
	i, ok := k.mains[p.session]
	if !ok {
		i, ok = k.mains[p.group]
	}
	return i, ok
}

// of is the service of a process: its own, or that of the nearest parent that has
// one. Parents were read at different moments, and may go in a circle.
func (k *kin) of(pid, most int) int {
	i, known := k.lives[pid]
	if known {
		return i
	}
	i = nobody
	if p := k.seen[pid]; p != nil && most > 0 {
		i = k.of(p.parent, most-1)
	}
	k.lives[pid] = i
	return i
}

// meter counts the processor time of a service over all its lives. It never goes
// back, though the processes come and go whose times it is the sum of.
type meter struct {
	generation uint64
	base       float64         // seconds of what is gone for good
	life       float64         // of the current life, when it was read last
	last       map[int]process // that were there then, by pid
	told       float64
}

// take takes in the processes of a life. The time of one that has ended is in
// that of its parent, if that is of this life and has waited for it; it is never
// counted again there. Else it is gone for good.
func (m *meter) take(generation uint64, members []*process) {
	now := make(map[int]process, len(members))
	life := 0.0
	for _, p := range members {
		now[p.pid] = *p
		life += float64(p.cpu) / procstat.Ticks
	}
	if generation == m.generation {
		for pid, p := range m.last {
			if !has(now, p) && !m.inherited(now, pid) {
				m.base += float64(p.cpu) / procstat.Ticks
			}
		}
	}
	m.next(generation, life)
	m.last = now
}

// read takes in what a control group has counted.
func (m *meter) read(generation uint64, life float64) {
	m.next(generation, life)
	m.last = nil
}

func (m *meter) next(generation uint64, life float64) {
	if generation != m.generation {
		m.base += m.life
	}
	m.generation, m.life = generation, life
	// It is read while processes end: for a moment one may count twice, or not.
	m.told = max(m.told, m.base+m.life)
}

// inherited reports whether somebody who is there now has waited for a process
// that was, or for the one that has.
func (m *meter) inherited(now map[int]process, pid int) bool {
	for range len(m.last) {
		p, known := m.last[m.last[pid].parent]
		if !known {
			return false
		}
		if has(now, p) {
			return true
		}
		pid = p.pid
	}
	return false
}

func has(all map[int]process, p process) bool {
	q, ok := all[p.pid]
	return ok && q.begun == p.begun
}
