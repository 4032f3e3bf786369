package story

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/words"
)

// policy is how the service is kept, in words. What its spec leaves open is the
// supervisor's to say, by flags that we cannot see; such values have a star.
func (s *Story) policy() string {
	if s.spec == nil {
		return ""
	}
	parts := []string{s.restartPolicy(), stopPolicy(s.spec.Stop)}
	parts = append(parts, s.dependencyPolicy()...)
	if s.spec.Main {
		parts = append(parts, "The colony ends with it.")
	}
	if len(s.spec.Group) > 0 {
		groups := "group "
		if len(s.spec.Group) > 1 {
			groups = "groups "
		}
		parts = append(parts, "It is in the restart "+groups+words.Listed(s.spec.Group, "and")+".")
	}
	if h := s.spec.Heart; h != nil {
		parts = append(parts, fmt.Sprintf("It is restarted if its heartbeat file %s does not change for %s.", h.Status, words.Span(h.Period.D())))
		if s.alive && s.status != nil && !s.status.Watched.Heart {
			parts = append(parts, "But nobody looks at that now.")
		}
	}
	text := strings.Join(parts, " ")
	if strings.Contains(text, "*") {
		text += " (* unless the supervisor was started with another value)"
	}
	return text
}

func (s *Story) restartPolicy() string {
	again := "When it ends it is started again, however it ended"
	switch sp := s.spec; {
	case sp.Schedule != nil && (sp.Restart == spec.RestartNever || sp.Restart == ""):
		return "When it ends it is not started again before it is due."
	case sp.Restart == spec.RestartNever, sp.Restart == "" && sp.Main:
		return "When it ends it is not started again."
	case sp.Restart == spec.RestartOnFailure:
		codes := []string{"0"}
		if sp.SuccessCodes != nil {
			codes = nil
			for _, code := range sp.SuccessCodes {
				codes = append(codes, fmt.Sprint(code))
			}
		}
		if len(codes) > 0 {
			again = "When it ends it is started again, unless its code is " + words.Listed(codes, "or")
		}
	}
	return again + delayPolicy(s.spec)
}

// delayPolicy goes on with the sentence that it is started again.
func delayPolicy(sp *spec.Spec) string {
	b := sp.Backoff
	if b.Min != nil && *b.Min == 0 {
		return ", and always at once."
	}
	short := "has"
	if sp.Ready != nil {
		short = "was not ready or has"
	}
	text := fmt.Sprintf(": at once or, if it %s lived less than %s, after a delay. The delay is %s",
		short, orDefault(b.Threshold, time.Second), orDefault(b.Min, time.Second))
	grows := "twice"
	if b.Factor != nil && *b.Factor != 2 {
		grows = fmt.Sprintf("%g times", *b.Factor)
	}
	if b.Factor == nil || *b.Factor > 1 {
		text += fmt.Sprintf(", and %s as long after each further such life, up to %s", grows, orDefault(b.Max, time.Hour))
	}
	return text + "."
}

// orDefault is a time of the spec, or the supervisor's.
func orDefault(d *spec.Duration, builtIn time.Duration) string {
	if d == nil {
		return words.Span(builtIn) + "*"
	}
	return words.Span(d.D())
}

func stopPolicy(stop spec.Stop) string {
	signal := "TERM"
	if stop.Signal != 0 {
		signal = stop.Signal.String()
	}
	text := "To stop it, "
	if len(stop.Command) > 0 {
		text += fmt.Sprintf("%q runs first; then ", strings.Join(stop.Command, " "))
	}
	grace := orDefault(stop.Grace, 5*time.Second)
	switch stop.Scope {
	case spec.ScopeGroup:
		text += fmt.Sprintf("%s goes to its whole process group, and what is left after %s is killed.", signal, grace)
	case spec.ScopeMain:
		text += fmt.Sprintf("%s goes to its main process, which is killed after %s; what it leaves behind is let be.", signal, grace)
	default:
		text += fmt.Sprintf("%s goes to its main process, then TERM to what that leaves behind; what is left after %s is killed.", signal, grace)
	}
	return text
}

// tellCommands lists what a person can do now.
func (s *Story) tellCommands(out *strings.Builder) {
	type command struct{ verb, what string }
	var commands []command
	add := func(verb, what string) { commands = append(commands, command{verb, what}) }
	if len(s.problems) > 0 || s.specErr == nil && s.status != nil && s.status.SpecError != nil {
		add("edit "+s.file(), "mend its spec")
	}
	var state spec.State // on which somebody could act
	switch {
	case !s.alive:
	case s.status == nil:
		add("rescan", "have the supervisor look now")
	case !s.removed() || s.status.State == spec.Stopping:
		state = s.status.State
	}
	if state == spec.Starting && s.spec != nil && s.spec.Ready != nil {
		if _, seen := readyWhen(s.spec.Ready); !seen || s.nobodyAsks() {
			add("ready "+s.name, "say that it is ready")
		}
	}
	switch state {
	case spec.Running, spec.Starting:
		add("restart "+s.name, "end it and start it anew")
		add("stop "+s.name, "end it and keep it down")
	case spec.Stopping:
		add("signal "+s.name+" KILL", "do not wait for its main process")
	case spec.Backingoff:
		add("start "+s.name, "do not wait")
		add("stop "+s.name, "give up for now")
	case spec.Waiting:
		if ctl.UntilDue(s.status) {
			add("start "+s.name, "run it now")
			add("stop "+s.name, "not run it when it is due")
			break
		}
		s.mendCause(add)
	case spec.Failed:
		if s.blocked() {
			s.mendCause(add)
			break
		}
		add("start "+s.name, "run it, with its restarts counted anew")
	case spec.Exited, spec.Stopped:
		add("start "+s.name, "run it")
	}
	if len(s.problems) > 0 || s.spec != nil {
		add("show "+s.file(), "print its spec")
	}
	add("events -f "+s.name, "see what happens")
	widest := 0
	for _, c := range commands {
		widest = max(widest, utf8.RuneCountInString(s.ctl+c.verb))
	}
	label := "you can"
	for _, c := range commands {
		fmt.Fprintf(out, "%-9s%-*s  %s\n", label, widest, s.ctl+c.verb, c.what)
		label = ""
	}
}

func (s *Story) tellEvents(out *strings.Builder, width int) {
	if s.eventsUnknown != nil {
		out.WriteString(words.Wrapped("Its events cannot be read: "+s.eventsUnknown.Error()+".", "lately   ", strings.Repeat(" ", 9), width) + "\n")
	}
	if len(s.events) == 0 {
		return
	}
	out.WriteString("\nlately\n")
	for i := range s.events {
		e := &s.events[i]
		fmt.Fprintf(out, "  %s  %s\n", e.Time.Local().Format(words.TimeFormat), words.OneLine(words.Event(e)))
	}
}
