package colony

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// standing is what a service is to those that depend on it.
type standing uint8

const (
	absent standing = iota // there is none of that name
	coming                 // not ready; it may become so by itself
	fit                    // ready, or a job that is done: what depends on it may start
	lost                   // stopped, failed, or kept down by one that is: it does not come back by itself
)

// dependence is what a service with dependencies needs beyond others.
type dependence struct {
	wanted time.Time // since when it would run but for them; zero = it does not wait
	knot   *knot     // the cycle it is a member of; nil = none
}

// standingOf is what s is to others now. What it needs itself counts: one that
// is kept down keeps down.
func (m *model) standingOf(s *service) standing {
	switch {
	case m.services[s.name] != s || s.gone:
		return absent
	case s.spec == nil: // its file is broken; what runs goes on
		return coming
	case s.stopped != nil:
		return lost
	case !s.spec.Runs(): // there is none to wait for
		return fit
	case s.over == hasFailed || s.retrying:
		return lost
	case s.over == hasExited && succeeded(s):
		return fit
	case s.over == hasExited && s.lastExit != nil || m.mustStop(s):
		return lost
	case s.phase != up && s.phase != spawning && m.failedJob(s) != nil: // what runs goes on, whatever it is to come after now
		return lost
	case s.phase == up && s.life.ready && !isJob(s.spec):
		return fit
	}
	return coming
}

// isJob reports whether a service is there to end: what comes after it waits for
// its success. The colony ends with a main, so nothing can come after its end.
func isJob(sp *spec.Spec) bool {
	switch restartPolicy(sp) {
	case spec.RestartNever:
		return !sp.Main
	case spec.RestartOnFailure:
		return sp.Schedule != nil
	}
	return false
}

// succeeded reports whether the last life of s ended well.
func succeeded(s *service) bool { return s.lastExit != nil && well(s.spec, s.lastExit) }

// heeds reports whether s has to heed a file that it names: inside a cycle
// nobody waits for anybody.
func (m *model) heeds(s *service, file string) bool {
	if s.needs == nil || s.needs.knot == nil {
		return true
	}
	for d := range m.of(file) {
		if d.needs != nil && d.needs.knot == s.needs.knot {
			return false
		}
	}
	return true
}

// mayStart reports whether s is to run, and all that it depends on is ready.
func (m *model) mayStart(s *service) bool {
	return m.wanted(s) && !m.tied(s) && !m.mustStop(s) && len(m.waitsFor(s, 1)) == 0
}

// mayRun reports whether s, which runs, is to go on.
func (m *model) mayRun(s *service) bool { return m.wanted(s) && !m.mustStop(s) }

// tied reports whether s is a member of a cycle and has not run: it is not
// started. One that has run before the cycle was made goes on.
func (m *model) tied(s *service) bool {
	return s.needs != nil && s.needs.knot != nil && s.starts == 0
}

// waitsFor lists the first of those that s has to wait for.
func (m *model) waitsFor(s *service, most int) (names []string) {
	if s.spec == nil {
		return nil
	}
	for _, name := range s.spec.Needs {
		if st, _ := m.standingFor(name); st != fit && m.heeds(s, name) {
			if names = append(names, name); len(names) == most {
				return names
			}
		}
	}
	return names
}

// mustStop reports whether one that s requires is gone, stopped or failed. While
// the directory was not looked at, nobody knows who is missing.
func (m *model) mustStop(s *service) bool { return m.lostFor(s) != "" }

// lostFor names the first that s requires and that does not come back by itself.
func (m *model) lostFor(s *service) string {
	if s.spec == nil {
		return ""
	}
	for _, name := range s.spec.Requires {
		st, known := m.standingFor(name)
		if (st == lost || st == absent && (known || m.looked)) && m.heeds(s, name) {
			return name
		}
	}
	return ""
}

// failedJob is the first job that s comes after and that has failed; nil = none
// has.
func (m *model) failedJob(s *service) *service {
	for _, name := range s.spec.Needs {
		d := m.services[name]
		if f := m.families[name]; f != nil {
			d = f.failed
		}
		if d != nil && isFailedJob(d) && m.heeds(s, name) {
			return d
		}
	}
	return nil
}

// whyDown says why s, which is wanted, does not start: what does not come by
// itself is named with the reason. "" = it only has to wait.
func (m *model) whyDown(s *service) string {
	if s.phase != down || !m.wanted(s) {
		return ""
	}
	if m.tied(s) {
		return s.needs.knot.text
	}
	if d := m.failedJob(s); d != nil {
		return m.whyNot(d)
	}
	for _, name := range m.waitsFor(s, maxWaitingFor) {
		if st, _ := m.standingFor(name); st == absent {
			return fmt.Sprintf("there is no service %q", name)
		}
		if why := m.excuseFor(name); why != "" {
			return why
		}
	}
	return ""
}

// whyNot says why a service that others may wait for does not come by itself.
func (m *model) whyNot(d *service) string {
	switch {
	case d.spec == nil:
		return fmt.Sprintf("%q has no good spec", d.name)
	case d.stopped != nil:
		return fmt.Sprintf("%q is stopped", d.name)
	case !d.spec.Runs():
		return ""
	case d.over == hasFailed || d.retrying:
		return fmt.Sprintf("%q has failed: %s", d.name, d.limitText)
	case d.over == hasExited && d.lastExit != nil && !succeeded(d):
		return fmt.Sprintf("%q has failed: %s", d.name, d.lastExit)
	case untilDue(d) && d.lastExit == nil:
		return fmt.Sprintf("%q has not run yet: it waits until it is due", d.name)
	case m.standingOf(d) == lost, m.whyDown(d) != "":
		return fmt.Sprintf("%q waits for what does not come by itself", d.name)
	}
	return ""
}

// maxWaitingFor bounds the names in a status.
const maxWaitingFor = 100

// goFirst reports whether others have to stop before s does: those that require
// it, and when the colony ends all that come after it.
func (m *model) goFirst(s *service) bool {
	if m.drain.on && m.drain.rude {
		return false
	}
	file := s.file()
	for _, d := range m.dependents[file] {
		if !d.alive() || d.spec == nil || m.comesNever(d) || !m.heeds(d, file) {
			continue
		}
		if m.drain.on || slices.Contains(d.spec.Requires, file) && !m.stays(file) {
			return true
		}
	}
	return false
}

// comesNever reports whether s is no process and waits for a start that hangs.
func (m *model) comesNever(s *service) bool {
	if s.phase != spawning {
		return false
	}
	if m.slowest() == nil {
		return true // no more spawners: none of them comes
	}
	for _, o := range m.orders {
		if o.service == s && o.overdue {
			return true
		}
	}
	return false
}

// spread has those looked at for which it matters that s is not to them what it
// was.
func (m *model) spread(s *service) {
	st, why := m.standingOf(s), m.whyNot(s)
	if st == s.standing && why == s.excuse {
		return
	}
	s.standing, s.excuse = st, why
	file := s.file()
	f := m.families[file]
	if f == nil {
		m.touchDependents(file)
		return
	}
	// What has changed for one has often changed for all: then it is told once.
	before, said := f.standing, f.excuse
	for o := range m.of(file) {
		o.standing, o.excuse = m.standingOf(o), m.whyNot(o)
	}
	m.sum(f)
	if f.standing == before && f.excuse == said {
		return // the others make up for it
	}
	m.touchDependents(file)
	for d := range m.of(file) {
		if d.phase == up && !m.mayRun(d) { // it may not have to wait any more
			m.touch(d)
		}
	}
}

func (m *model) touchDependents(name string) {
	for _, d := range slices.Backward(m.dependents[name]) { // what is touched last is looked at first
		m.touch(d)
	}
}

// letStop has those looked at that s has kept from stopping, now that it has
// nothing that runs.
func (m *model) letStop(s *service) {
	if s.spec == nil {
		return
	}
	for _, name := range s.spec.Needs {
		for d := range m.of(name) {
			if d.phase != up {
				continue
			}
			if m.goFirst(d) {
				break // others keep all of that file from stopping
			}
			m.touch(d)
		}
	}
}

// depend enters s where those that it names find it; independent takes it out.
func (m *model) depend(s *service) {
	for _, name := range s.spec.Needs {
		list := m.dependents[name]
		if i, there := slices.BinarySearchFunc(list, s, byName); !there {
			m.dependents[name] = slices.Insert(list, i, s)
		}
	}
	if len(s.spec.Needs) > 0 {
		if s.needs == nil {
			s.needs = &dependence{}
		}
		m.tangle()
	}
}

func (m *model) independent(s *service) {
	for _, name := range s.spec.Needs {
		list := m.dependents[name]
		if i, there := slices.BinarySearchFunc(list, s, byName); there {
			list = slices.Delete(list, i, i+1)
		}
		if len(list) == 0 {
			delete(m.dependents, name)
		} else {
			m.dependents[name] = list
		}
		// It does not keep them from stopping any more.
		for d := range m.of(name) {
			m.touch(d)
		}
	}
	if len(s.spec.Needs) > 0 {
		m.tangle()
	}
}

func byName(a, b *service) int { return strings.Compare(a.name, b.name) }

// waits notes since when s waits for others.
func (m *model) waits(s *service) {
	if s.needs != nil && s.needs.wanted.IsZero() {
		s.needs.wanted = m.now.wall
		if names := m.waitsFor(s, 3); len(names) > 0 {
			m.reportFor(s, slog.LevelInfo, "waiting", slog.Any("for", names))
		}
	}
}

// waitsNoMore is for the end of a life: for the next one s waits anew.
func (m *model) waitsNoMore(s *service) {
	if s.needs != nil {
		s.needs.wanted = time.Time{}
	}
}

func (v *savedNeeds) restore(knots map[int]*knot) *dependence {
	if v == nil {
		return nil
	}
	n := &dependence{wanted: v.Wanted}
	if v.Knot != 0 {
		if knots[v.Knot] == nil {
			knots[v.Knot] = &knot{v.Text}
		}
		n.knot = knots[v.Knot]
	}
	return n
}
