package colony

import (
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// What is asked of dependencies, readiness and limits in each state: by another
// way than the core's, so that the two can differ.

// witness watches each effect at the moment at which it is decided on.
func (x *paper) witness(what any) {
	switch e := what.(type) {
	case spawn:
		if e.kind != kindStopCommand {
			x.mayOrder(e)
		}
	case record:
		i := x.index(e.event.Name)
		if i < 0 {
			return
		}
		s := x.m.services[e.event.Name]
		switch e.event.Type {
		case spec.EventTerminating:
			if why := mayStop(x.m, s); why != "" {
				x.wrong("%s", why)
			}
		case spec.EventReady:
			if !x.ready[i] {
				x.wrong("%q counts as ready, and this life of it has not said so", s.name)
			}
		case spec.EventFailed:
			if n := limitOf(s.spec); x.runs[i] != n {
				x.wrong("%q has failed after %d restarts, want %d", s.name, x.runs[i], n)
			}
		}
	}
}

// mayOrder checks that what a service needs is ready when its start is ordered,
// and that it was not restarted too often.
func (x *paper) mayOrder(e spawn) {
	i, s := x.index(e.life.name), x.m.services[e.life.name]
	x.ready[i] = false
	if n := limitOf(s.spec); n >= 0 && x.auto[i] {
		if x.runs[i]++; x.runs[i] > n {
			x.wrong("%q is restarted for the time %d, of %d", s.name, x.runs[i], n)
		}
	}
	x.auto[i] = false
	if why := mayOrder(x.m, s); why != "" {
		x.wrong("%s", why)
	}
}

// checkDepends is what holds between steps.
func (x *paper) checkDepends() {
	m := x.m
	for i, name := range x.c.names {
		s := m.services[name]
		if s == nil {
			x.ready[i], x.auto[i], x.runs[i] = false, false, 0
			continue
		}
		if s.phase == up && s.life.spec.Ready != nil && s.life.ready && !x.ready[i] {
			x.wrong("%q is ready, and this life of it has not said so", name)
		}
		if s.phase == up && s.life.spec.Ready != nil && !s.life.ready && x.ready[i] && !s.life.signs.stopping {
			x.wrong("%q has said that it is ready, and is not", name)
		}
		var want []string
		for _, d := range m.services {
			if d.spec != nil && slices.Contains(d.spec.Needs, name) {
				want = append(want, d.name)
			}
		}
		x.sameNames(name, want)
		if s.needs != nil && m.tangled == 0 && (s.needs.knot != nil) != inCycle(m, name, name) {
			x.wrong("%q is in a cycle: %v, and is not, or the other way round", name, s.needs.knot)
		}
	}
	for name := range m.dependents {
		if x.index(name) < 0 || m.services[name] != nil {
			continue
		}
		var want []string
		for _, d := range m.services {
			if d.spec != nil && slices.Contains(d.spec.Needs, name) {
				want = append(want, d.name)
			}
		}
		x.sameNames(name, want)
	}
}

func (x *paper) sameNames(name string, want []string) {
	var got []string
	for _, d := range x.m.dependents[name] {
		got = append(got, d.name)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		x.wrong("what depends on %q: %v, want %v", name, got, want)
	}
}
