package colony

import (
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// about is who is meant by the name in a message: a service or, by the name of
// their file, all its instances. An earlier supervisor may have left both.
func (m *model) about(name string) (all []*service, many bool) {
	for s := range m.of(name) {
		if !s.gone {
			all = append(all, s)
			many = many || s.name != name
		}
	}
	return all, many
}

// requestOne does what a message says with the service that it names, or with
// each of its instances.
func (m *model) requestOne(r *request, ev received) {
	msg := ev.message
	all, many := m.about(msg.Name)
	r.many = many
	r.open = 1 // ours, until all are asked
	if many {
		switch f := m.families[msg.Name]; msg.Type {
		case spec.StopService:
			m.stopFamily(f, spec.StopNote{At: m.now.wall, By: ev.file + ev.by, Reason: msg.Reason})
		case spec.RestartService:
			if !ev.old {
				m.unstopFamily(f)
			}
		case spec.StartService:
			m.unstopFamily(f)
		case spec.SendSignal, spec.Ready: // for those that run
			all = slices.DeleteFunc(all, func(s *service) bool { return s.life.pid == 0 || !s.alive() })
			if len(all) == 0 {
				r.result.Error = "not running"
			}
		}
	}
	for _, s := range all {
		r.open++
		old := s.life.pid
		if msg.Type == spec.StartService {
			old = 0 // it ends none
		}
		part := r.enter(s, old)
		switch msg.Type {
		case spec.RestartService:
			m.restart(r, s, ev.old, part)
		case spec.StartService:
			m.requestStart(r, s, part)
		case spec.StopService:
			m.requestStop(r, s, part, spec.StopNote{At: m.now.wall, By: ev.file + ev.by, Reason: msg.Reason})
		case spec.SendSignal:
			m.requestSignal(r, s, part, msg.Signal)
		case spec.Ready:
			m.requestReady(r, s, part)
		}
	}
	m.partDone(r)
}

// enter notes which process of s there was, and returns the place of its answer.
func (r *request) enter(s *service, old int) (part int) {
	if !r.many {
		r.result.OldPID = old
		return 0
	}
	r.result.Services = append(r.result.Services, spec.ServiceResult{Name: s.name, OldPID: old})
	return len(r.result.Services) - 1
}

// stopFamily notes that somebody has stopped all members, and those that come
// later.
func (m *model) stopFamily(f *family, note spec.StopNote) {
	f.stopped = &note
	m.emit(keepStop{f.name, note})
	for _, s := range f.members { // all before any ends: those that depend on them go first
		if !s.gone {
			s.stopped = f.stopped
		}
	}
}

// unstopFamily forgets it. Each member is still to be started.
func (m *model) unstopFamily(f *family) {
	if f.stopped != nil {
		f.stopped = nil
		m.emit(forgetStop{f.name})
	}
}

// exempt prepares that s alone of a family that was stopped is started: the
// others that there are stay stopped, each by itself; those that come later run.
func (m *model) exempt(s *service) {
	f := s.family
	if f == nil || f.stopped == nil {
		return
	}
	m.unstopFamily(f)
	if o := m.services[f.name]; o != nil && o.stopped != nil { // its note was the same
		o.stopped = nil
		m.touch(o)
	}
	for _, o := range f.members {
		if o != s && !o.gone && o.stopped != nil {
			m.emit(keepStop{o.name, *o.stopped})
		}
	}
}
