package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// neighbour is what there is to know of a service that another one depends on.
type neighbour struct {
	status *spec.Status   // nil: no supervisor has seen it
	stop   *spec.StopNote // nil: nobody has stopped it
	none   bool           // there is no such service
	job    bool           // what depends on it waits for its success
}

// neighbours looks up services of a colony as they are asked for. What cannot be
// read is as good as not seen.
func neighbours(p spec.Places) func(name string) neighbour {
	return func(name string) (n neighbour) {
		n.status, _ = ctl.StatusOf(p, name)
		n.stop, _ = ctl.StopNote(p, name)
		n.none = n.status == nil && errors.Is(ctl.Known(p, name), ctl.ErrNoService)
		if content, _, err := ctl.Spec(p, name); err == nil {
			s, err := spec.Parse(content)
			n.job = err == nil && ctl.IsJob(s)
		}
		return n
	}
}

// link is one of a chain of services each of which waits for the next.
type link struct {
	name string
	neighbour
}

// hopeless says that only somebody's action makes of l what one waits for.
func (l *link) hopeless() bool {
	switch st := l.status; {
	case l.none:
		return true
	case st == nil:
		return false
	case st.State == spec.Exited:
		return l.job
	default:
		return st.State == spec.Stopped || st.State == spec.Invalid || st.State == spec.Failed && st.NextStart == nil
	}
}

// chain leads from what st waits for to the cause. Of several it follows the
// first that does not come by itself, if there is one.
func (s *story) chain(st *spec.Status, seen map[string]bool) (best []link) {
	for _, name := range st.WaitingFor {
		if seen[name] {
			continue
		}
		seen[name] = true
		links := []link{{name, s.look(name)}}
		if next := links[0].status; next != nil {
			links = append(links, s.chain(next, seen)...)
		}
		if links[len(links)-1].hopeless() {
			return links
		}
		if best == nil {
			best = links
		}
	}
	return best
}

// waitsFor tells the chain in a sentence: "It waits for api, which waits for db,
// which is stopped (...)."
func (s *story) waitsFor() string {
	if s.status == nil || s.look == nil {
		return ""
	}
	links := s.chain(s.status, map[string]bool{s.name: true})
	if len(links) == 0 {
		return ""
	}
	text := "It waits for "
	for i, l := range links {
		if i > 0 {
			text += ", which waits for "
		}
		text += l.name
	}
	last := &links[len(links)-1]
	if last.none {
		return fmt.Sprintf("%s. There is no service %q.", text, last.name)
	}
	return text + ", which " + s.doing(last) + "."
}

// doing is what keeps the end of a chain from being what one waits for.
func (s *story) doing(l *link) string {
	st := l.status
	switch {
	case st == nil:
		return "the supervisor has not seen yet"
	case l.stop != nil:
		text := fmt.Sprintf("is stopped (by request %s, %s", l.stop.By, s.at(l.stop.At))
		if l.stop.Reason != "" {
			text += fmt.Sprintf(", with the reason %q", l.stop.Reason)
		}
		return text + ")"
	}
	switch st.State {
	case spec.Invalid:
		if way := cycleOf(st); way != "" {
			return "depends on itself: " + way
		}
		if st.SpecError != nil {
			return "has no good spec: " + st.SpecError.Error()
		}
		return "has no good spec"
	case spec.Failed:
		text := "has failed"
		if st.Reason != "" {
			text += ": " + st.Reason
		}
		if st.NextStart != nil {
			text += ", and is tried again at " + s.at(*st.NextStart)
		}
		return text
	case spec.Exited:
		if l.job && st.LastExit != nil {
			return fmt.Sprintf("has to end well, but %s, at %s", describeExit(st.LastExit), s.at(st.LastExit.At))
		}
	case spec.Backingoff:
		text := "waits before its next start"
		if st.NextStart != nil {
			text += ", at " + s.at(*st.NextStart)
		}
		if st.LastExit != nil {
			text += ": it " + describeExit(st.LastExit)
		}
		return text
	case spec.Starting:
		if st.PID == 0 {
			return "is being started"
		}
		return "has been starting since " + s.at(st.Since) + ", and is not ready yet"
	case spec.Running:
		if l.job {
			return "has to end well, and has been running since " + s.at(st.Since)
		}
	}
	return fmt.Sprintf("is %s since %s", st.State, s.at(st.Since))
}

// lost tells of the first that the service requires and that is gone, stopped or
// failed, which is why it is stopped too; "" = none is.
func (s *story) lost() string {
	if s.spec == nil || s.look == nil {
		return ""
	}
	for _, name := range s.spec.Requires {
		l := link{name, s.look(name)}
		switch {
		case l.none:
			return fmt.Sprintf("It requires %s, and there is no service %q any more.", name, name)
		case l.hopeless(), l.stop != nil:
			return fmt.Sprintf("It requires %s, which %s.", name, s.doing(&l))
		}
	}
	return ""
}

// cycle is the way round on which the service depends on itself; "" = it does
// not.
func (s *story) cycle() string {
	if s.status == nil {
		return ""
	}
	return cycleOf(s.status)
}

func cycleOf(st *spec.Status) string {
	if st.SpecError == nil || st.SpecError.Line != 0 {
		return ""
	}
	if way, is := strings.CutPrefix(st.SpecError.Message, "cycle: "); is {
		return way
	}
	return ""
}

// dependencyPolicy is what the spec says of others, in words.
func (s *story) dependencyPolicy() (parts []string) {
	if len(s.spec.Needs) == 0 {
		return nil
	}
	verb := "are"
	if len(s.spec.Needs) == 1 {
		verb = "is"
	}
	parts = append(parts, fmt.Sprintf("It starts when %s %s ready, and when the colony ends it is stopped first.", listed(s.spec.Needs, "and"), verb))
	if len(s.spec.Requires) > 0 {
		parts = append(parts, fmt.Sprintf("It is stopped when %s is removed, stopped or failed, and comes back with it.", listed(s.spec.Requires, "or")))
	}
	return parts
}

// mendCause lists what one can do about the end of the chain.
func (s *story) mendCause(add func(verb, what string)) {
	if s.status == nil || s.look == nil {
		return
	}
	links := s.chain(s.status, map[string]bool{s.name: true})
	if len(links) == 0 {
		return
	}
	last := &links[len(links)-1]
	switch {
	case last.none:
		add("add "+last.name+" -- CMD", "make what it waits for a service")
	case last.status == nil:
	case last.status.State == spec.Invalid:
		add("edit "+last.name, "mend the spec of what it waits for")
	case last.hopeless():
		add("start "+last.name, "run what it waits for")
	default:
		add("explain "+last.name, "see about what it waits for")
	}
}
