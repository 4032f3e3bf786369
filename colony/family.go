package colony

import (
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strconv"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// family is a file with instances: the services NAME@1, NAME@2 and so on that
// are made of it. Each is a service like any other, with a life of its own; the
// family is what they have in common. There is one as long as it has members.
type family struct {
	name    string         // of the file
	members []*service     // by number; those that are gone until they are forgotten, too
	stopped *spec.StopNote // somebody has stopped them all, and those that come later
	past    []int          // numbers that an earlier start has left something about

	// what they are, together, to those that depend on them; see sum
	standing standing
	excuse   string
	failed   *service // the first that is a job and has failed; nil = none
}

// family returns the family of that file, made if need be.
func (m *model) family(file string) *family {
	f := m.families[file]
	if f == nil {
		f = &family{name: file}
		m.families[file] = f
		m.sum(f)
	}
	return f
}

// join makes s, which is new, a member of the family that its name says.
func (m *model) join(s *service) {
	file, number := spec.Instance(s.name)
	if number == 0 {
		return
	}
	f := m.family(file)
	i, _ := slices.BinarySearchFunc(f.members, number, func(o *service, n int) int { return o.number - n })
	f.members = slices.Insert(f.members, i, s)
	s.family, s.number = f, number
}

// leave takes s, which is forgotten, out of the family of its file.
func (m *model) leave(s *service) {
	f := m.families[s.file()]
	if f == nil {
		return
	}
	f.members = slices.DeleteFunc(f.members, func(o *service) bool { return o == s })
	m.sum(f)
	m.dropEmpty(f)
}

func (m *model) dropEmpty(f *family) {
	if len(f.members)+len(f.past) == 0 {
		delete(m.families, f.name)
	}
}

// file is the name of the file that s is made of.
func (s *service) file() string {
	if s.family != nil {
		return s.family.name
	}
	return s.name
}

// here reports whether any member is there to stay.
func (f *family) here() bool {
	return f != nil && slices.ContainsFunc(f.members, func(s *service) bool { return !s.gone })
}

// of is all services that are made of a file, or were and have not ended yet.
func (m *model) of(file string) iter.Seq[*service] {
	return func(yield func(*service) bool) {
		if s := m.services[file]; s != nil && !yield(s) {
			return
		}
		if f := m.families[file]; f != nil {
			for _, s := range f.members {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// see takes in what became of one file.
func (m *model) see(ev seen) {
	s := m.services[ev.name]
	switch {
	case s != nil && s.cmd:
		m.forgetFamily(ev.name)
		m.setProblem(s, ev.problem)
		if ev.spec != nil {
			m.setProblem(s, &spec.Problem{Message: `refused: "main" is the command that was given after --`})
		}
		m.touch(s)
	case ev.gone:
		m.forgetFamily(ev.name)
		if s == nil {
			m.forgetPast(ev.name)
			return
		}
		m.withdraw(s)
		m.touch(s)
	case ev.problem != nil:
		m.setFileProblem(ev.name, ev.problem)
	case m.poison[ev.name].sum == ev.spec.SHA256:
		m.setFileProblem(ev.name, &spec.Problem{Message: m.poison[ev.name].why})
	default:
		delete(m.poison, ev.name)
		m.acceptFile(ev.name, ev.spec)
	}
}

// acceptFile makes sp what is wanted of the services of a file: it may be
// others, or more or fewer than there were.
func (m *model) acceptFile(name string, sp *spec.Spec) {
	count := 0
	if sp.Instances != nil {
		count = *sp.Instances
	}
	if count == 0 { // with "instances": 0 the service of that name stands for none
		note := m.disband(name)
		s := m.service(name)
		if note != nil {
			s.stopped = note
		}
		m.accept(s, sp)
		return
	}
	f := m.family(name)
	if s := m.services[name]; s != nil {
		if s.stopped != nil { // to edit is not to start
			f.stopped, s.stopped = s.stopped, nil
		}
		m.withdraw(s)
		m.touch(s)
	} else {
		m.forgetStatus(name)
	}
	m.scale(f, sp, count)
}

// scale makes sp what is wanted of so many members. The others are those with
// the highest numbers, and go.
func (m *model) scale(f *family, sp *spec.Spec, count int) {
	m.scaled(f, sp, count)
	for i := count; i > 0; i-- { // what is touched last is looked at first
		s := m.service(spec.InstanceName(f.name, i))
		if s.stopped == nil {
			s.stopped = f.stopped
		}
		m.accept(s, sp)
	}
	for _, s := range slices.Backward(f.members) {
		if s.number > count && !s.gone {
			m.withdraw(s)
			m.touch(s)
		}
	}
	for _, number := range f.past {
		if number > count {
			m.forgetPast(spec.InstanceName(f.name, number))
		}
	}
	f.past = nil
}

// scaled tells that a family has another number of members.
func (m *model) scaled(f *family, sp *spec.Spec, count int) {
	i := slices.IndexFunc(f.members, func(s *service) bool { return !s.gone && s.spec != nil })
	if i < 0 {
		return
	}
	old := f.members[i].spec
	if old.Instances == nil || *old.Instances == count || !spec.OnlyScaled(old, sp) {
		return
	}
	text := "instances: " + strconv.Itoa(*old.Instances) + " to " + strconv.Itoa(count)
	m.record(spec.Event{Type: spec.EventSpecChanged, Name: f.name, Reason: text})
	m.report(slog.LevelInfo, "scaled", slog.String("service", f.name), slog.Int("from", *old.Instances), slog.Int("to", count))
}

// disband withdraws all members of the family of a file, if there is one. What
// somebody has stopped is returned: it may be for whatever comes instead.
func (m *model) disband(name string) (note *spec.StopNote) {
	f := m.families[name]
	if f == nil {
		return nil
	}
	note, f.stopped = f.stopped, nil
	for _, s := range slices.Backward(f.members) {
		if !s.gone {
			m.withdraw(s)
			m.touch(s)
		}
	}
	for _, number := range f.past {
		m.forgetPast(spec.InstanceName(name, number))
	}
	f.past = nil
	m.dropEmpty(f)
	return note
}

// forgetFamily is disband for a file that is gone: it forgets the stop, too.
func (m *model) forgetFamily(name string) {
	if m.disband(name) != nil {
		m.emit(forgetStop{name})
	}
}

// setFileProblem notes what is wrong with a file as it is now. All that runs of
// it goes on.
func (m *model) setFileProblem(name string, p *spec.Problem) {
	f := m.families[name]
	m.recallMembers(f)
	s := m.services[name]
	if !f.here() {
		s = m.service(name)
	}
	if s != nil && (!s.gone || !f.here()) { // beside members, it is an earlier supervisor's
		s.second = nil // its file does not say so any more
		m.setProblem(s, p)
		m.touch(s)
	}
	if !f.here() {
		return
	}
	news := false
	for _, s := range slices.Backward(f.members) {
		if !s.gone && (s.problem == nil || *s.problem != *p) {
			s.problem, news = p, true
			m.touch(s)
		}
	}
	if news {
		m.record(spec.Event{Type: spec.EventSpecInvalid, Name: name, Error: p.Error()})
		m.report(slog.LevelError, "spec is invalid", slog.String("service", name), slog.String("err", p.Error()))
	}
}

// recallMembers makes the services again that an earlier start of this epoch has
// had of a file, which has no good spec now: like any other, they do not forget
// what was for that. What is left of another epoch is of no use.
func (m *model) recallMembers(f *family) {
	if f == nil {
		return
	}
	for _, number := range f.past {
		name := spec.InstanceName(f.name, number)
		if m.past[name].State != "" {
			m.touch(m.service(name))
		} else {
			m.forgetStatus(name)
		}
	}
	if f.here() && m.services[f.name] == nil {
		m.forgetStatus(f.name)
	}
}

// recallFamily applies to s that all services of its file were stopped in an
// earlier start.
func (m *model) recallFamily(s *service) {
	f := s.family
	if f == nil {
		if f := m.families[s.name]; f != nil && s.stopped == nil {
			s.stopped = f.stopped
		}
		return
	}
	if note, ok := m.notes[f.name]; ok {
		f.stopped = &note
		delete(m.notes, f.name)
	} else if o := m.services[f.name]; o != nil && f.stopped == nil {
		f.stopped = o.stopped
	}
	if s.stopped == nil {
		s.stopped = f.stopped
	}
}

// rememberInstances notes of which instances of a file an earlier start has left
// something: the file may say fewer by now, or none.
func (m *model) rememberInstances() {
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(m.notes)), slices.Sorted(maps.Keys(m.past))) {
		if file, number := spec.Instance(name); number > 0 {
			f := m.family(file)
			f.past = append(f.past, number)
		}
	}
}
