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
	members := m.dependent()
	var names []string
	for _, s := range members {
		names = append(names, s.file())
	}
	slices.Sort(names)
	names = slices.Compact(names)
	tied := map[string]*knot{}
	for _, cycle := range spec.Knots(names, m.needs) {
		k := &knot{cycleText(spec.WayRound(cycle, m.needs))}
		for _, name := range cycle {
			tied[name] = k
		}
	}
	var changed []*service
	for _, s := range members {
		old, now := s.needs.knot, tied[s.file()]
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
			changed = append(changed, s)
		}
	}
	for _, s := range changed { // now that all know who is in it with them
		m.touch(s)
		m.touchDependents(s.file())
		m.letStop(s)
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

// needs are the names that the services of a file name. One that is about to go
// may name others than those that stay.
func (m *model) needs(file string) (names []string) {
	last := []string(nil)
	for s := range m.of(file) {
		switch {
		case s.spec == nil || slices.Equal(s.spec.Needs, last):
		case names == nil:
			names, last = s.spec.Needs, s.spec.Needs
		default:
			names, last = slices.Concat(names, s.spec.Needs), s.spec.Needs
		}
	}
	return names
}

// cycleText is a way round for people; of a long one, its ends.
func cycleText(way []string) string {
	last := len(way) - 1
	if last > maxCycleNames {
		way = slices.Concat(way[:maxCycleNames/2], []string{"..."}, way[last-maxCycleNames/2:])
	}
	return "cycle: " + strings.Join(way, " -> ")
}

const maxCycleNames = 20
