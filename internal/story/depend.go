package story

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/words"
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
		n.status = worst(p, name)
		n.stop, _ = ctl.StopNote(p, linkTo(name, n).name)
		n.none = n.status == nil && errors.Is(ctl.Known(p, name), ctl.ErrNoService)
		if content, _, err := ctl.Spec(p, name); err == nil {
			s, err := spec.Parse(content)
			n.job = err == nil && ctl.IsJob(s)
		}
		return n
	}
}

// worst is the status of a service or, of several instances, of one that is not
// ready; nil = none was seen.
func worst(p spec.Places, name string) *spec.Status {
	statuses, _ := ctl.Status(p, name)
	for i := range statuses {
		if !statuses[i].Ready {
			return &statuses[i]
		}
	}
	if len(statuses) == 0 {
		return nil
	}
	return &statuses[0]
}

// link is one of a chain of services each of which waits for the next.
type link struct {
	name string
	neighbour
}

// linkTo is the link to what is called name or, of several instances, to the one
// that is told of.
func linkTo(name string, n neighbour) link {
	if n.status != nil {
		if _, number := spec.Instance(n.status.Name); number > 0 {
			name = n.status.Name
		}
	}
	return link{name, n}
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
func (s *Story) chain(st *spec.Status, seen map[string]bool) (best []link) {
	for _, name := range st.WaitingFor {
		if seen[name] || name == spec.Scheduler {
			continue
		}
		seen[name] = true
		links := []link{linkTo(name, s.look(name))}
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
func (s *Story) waitsFor() string {
	if s.status == nil || s.look == nil {
		return ""
	}
	links := s.chain(s.status, map[string]bool{s.file(): true})
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
func (s *Story) doing(l *link) string {
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
			return fmt.Sprintf("has to end well, but %s, at %s", words.Exit(st.LastExit), s.at(st.LastExit.At))
		}
	case spec.Waiting:
		if ctl.UntilDue(st) {
			return "waits until it is due" + s.dueAt(st.Schedule)
		}
	case spec.Backingoff:
		text := "waits before its next start"
		if st.NextStart != nil {
			text += ", at " + s.at(*st.NextStart)
		}
		if st.LastExit != nil {
			text += ": it " + words.Exit(st.LastExit)
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
func (s *Story) lost() string {
	if s.spec == nil || s.look == nil {
		return ""
	}
	for _, name := range s.spec.Requires {
		l := linkTo(name, s.look(name))
		switch {
		case l.none:
			return fmt.Sprintf("It requires %s, and there is no service %q any more.", name, name)
		case l.hopeless(), l.stop != nil:
			return fmt.Sprintf("It requires %s, which %s.", l.name, s.doing(&l))
		}
	}
	return ""
}

// cycle is the way round on which the service depends on itself; "" = it does
// not.
func (s *Story) cycle() string {
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
func (s *Story) dependencyPolicy() (parts []string) {
	if len(s.spec.Needs) == 0 {
		return nil
	}
	verb := "are"
	if len(s.spec.Needs) == 1 {
		verb = "is"
	}
	parts = append(parts, fmt.Sprintf("It starts when %s %s ready, and when the colony ends it is stopped first.", words.Listed(s.spec.Needs, "and"), verb))
	if len(s.spec.Requires) > 0 {
		parts = append(parts, fmt.Sprintf("It is stopped when %s is removed, stopped or failed, and comes back with it.", words.Listed(s.spec.Requires, "or")))
	}
	return parts
}

// mendCause lists what one can do about the end of the chain.
func (s *Story) mendCause(add func(verb, what string)) {
	if s.status == nil || s.look == nil {
		return
	}
	links := s.chain(s.status, map[string]bool{s.file(): true})
	if len(links) == 0 {
		return
	}
	last := &links[len(links)-1]
	switch {
	case last.none:
		add("add "+last.name+" -- CMD", "make what it waits for a service")
	case last.status == nil:
	case last.status.State == spec.Invalid:
		file, _ := spec.Instance(last.name)
		add("edit "+file, "mend the spec of what it waits for")
	case last.hopeless():
		add("start "+last.name, "run what it waits for")
	default:
		add("explain "+last.name, "see about what it waits for")
	}
}
