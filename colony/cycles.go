package colony

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// knot is a set of services each of which comes, in the end, after itself.
type knot struct {
	text string // "cycle: x -> y -> x", one of the cycles in it
}

// tangleDelay is how long a new dependency may stand before cycles are looked
// for: many come together, and each look is at all of them.
const tangleDelay = 100 * time.Millisecond

// tangle has cycles looked for: at the end of a look at the whole directory, or
// soon.
func (m *model) tangle() {
	if m.tangled == 0 {
		m.tangled = m.now.mono.add(tangleDelay)
	}
}

// untangle finds the cycles among the dependencies. Their members are invalid,
// and what of them runs goes on. One that was removed is a member until it has
// ended: members of a cycle do not wait for each other, in stopping either.
func (m *model) untangle() {
	m.tangled = 0
	t := tarjan{m: m, index: map[*service]int{}, low: map[*service]int{}, on: map[*service]bool{}, knots: map[*service]*knot{}}
	members := m.dependent()
	for _, s := range members {
		if t.index[s] == 0 && s.spec != nil {
			t.visit(s)
		}
	}
	for _, s := range members {
		old, now := s.needs.knot, t.knots[s]
		if old != nil && now != nil && old.text == now.text {
			s.needs.knot = now
			continue
		}
		s.needs.knot = now
		if now != nil {
			m.recordFor(s, spec.Event{Type: spec.EventSpecInvalid, Error: now.text})
			m.reportFor(s, slog.LevelError, "spec is invalid", slog.String("err", now.text))
		}
		if old != now {
			m.touch(s)
			m.touchDependents(s.name)
			m.letStop(s)
		}
	}
}

// dependent lists the services that depend on others, or have done, by name.
func (m *model) dependent() (all []*service) {
	for _, s := range m.services {
		if s.needs != nil {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, byName)
	return all
}

// tarjan finds the strongly connected components of the dependencies, in one
// walk.
type tarjan struct {
	m          *model
	index, low map[*service]int
	on         map[*service]bool
	stack      []*service
	knots      map[*service]*knot
}

func (t *tarjan) visit(s *service) {
	n := len(t.index) + 1
	t.index[s], t.low[s] = n, n
	t.stack = append(t.stack, s)
	t.on[s] = true
	self := false
	for _, name := range s.spec.Needs {
		d := t.m.services[name]
		switch {
		case d == nil || d.spec == nil:
		case d == s:
			self = true
		case t.index[d] == 0:
			t.visit(d)
			t.low[s] = min(t.low[s], t.low[d])
		case t.on[d]:
			t.low[s] = min(t.low[s], t.index[d])
		}
	}
	if t.low[s] != n {
		return
	}
	var members []*service
	for len(members) == 0 || members[len(members)-1] != s {
		d := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		delete(t.on, d)
		members = append(members, d)
	}
	if len(members) > 1 || self {
		k := &knot{text: t.m.cycleText(members)}
		for _, d := range members {
			t.knots[d] = k
		}
	}
}

// cycleText names a shortest cycle through the first of the members of a knot.
func (m *model) cycleText(members []*service) string {
	inside := map[string]bool{}
	for _, s := range members {
		inside[s.name] = true
	}
	first := slices.MinFunc(members, byName)
	from := map[string]string{} // how each was reached
	for queue := []string{first.name}; len(queue) > 0; queue = queue[1:] {
		for _, name := range m.services[queue[0]].spec.Needs {
			if !inside[name] {
				continue
			}
			if name == first.name {
				return "cycle: " + strings.Join(path(from, first.name, queue[0]), " -> ") + " -> " + first.name
			}
			if _, reached := from[name]; !reached {
				from[name] = queue[0]
				queue = append(queue, name)
			}
		}
	}
	return "cycle" // cannot be: each member of a knot leads to each
}

// path is the way from first to last; of a long one, its ends.
func path(from map[string]string, first, last string) (names []string) {
	for name := last; name != first; name = from[name] {
		names = append(names, name)
	}
	names = append(names, first)
	slices.Reverse(names)
	if len(names) > maxCycleNames {
		names = slices.Concat(names[:maxCycleNames/2], []string{"..."}, names[len(names)-maxCycleNames/2:])
	}
	return names
}

const maxCycleNames = 20
