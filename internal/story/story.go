package story

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/words"
)

// Story is what there is to tell of a service.
type Story struct {
	name     string
	now      time.Time
	alive    bool // a supervisor runs; else all of this is what the last one said
	helper   bool // the supervisor's own
	draining bool
	ctl      string // how a command about this colony begins

	status *spec.Status   // nil: no supervisor has seen it
	stop   *spec.StopNote // nil: nobody has stopped it
	events []spec.Event   // the last ones
	output []string       // the last lines, as they are shown
	report string         // where the last bad end is written down; "" = nowhere

	path     string     // of its spec; "" = there is none
	spec     *spec.Spec // as it is in the file now; nil: it is bad, or there is none
	specErr  error      // why spec is nil
	problems []string   // what is wrong with the file, each with its place

	look func(name string) neighbour // what is known of another service

	stopUnknown, eventsUnknown error // why those are missing
}

// Tell is the story in paragraphs, each behind a word that says what it is about, in
// lines of that width. Commands, events and output are a line each, however long.
func (s *Story) Tell(width int) string {
	var out strings.Builder
	switch {
	case s.alive:
	case s.status == nil:
		out.WriteString("No supervisor is running.\n")
	default:
		out.WriteString("No supervisor is running; this is what the last one said.\n")
	}
	out.WriteString(words.Wrapped(s.what(), "", "", width) + "\n\n")
	for _, part := range s.Parts() {
		out.WriteString(words.Wrapped(part.Text, fmt.Sprintf("%-9s", part.Label), strings.Repeat(" ", 9), width) + "\n")
	}
	s.tellCommands(&out)
	s.tellEvents(&out, width)
	s.tellOutput(&out)
	return out.String()
}

// Part is a paragraph of a story, and the word for what it is about.
type Part struct{ Label, Text string }

// Parts are the paragraphs that there are, for who shows them otherwise.
func (s *Story) Parts() []Part {
	return slices.DeleteFunc([]Part{
		{"wanted", s.wanted()},
		{"why", s.why()},
		{"says", s.says()},
		{"before", s.before()},
		{"next", s.next()},
		{"ready", s.readiness()},
		{"watchdog", s.watchdog()},
		{"limit", s.limit()},
		{"health", s.health()},
		{"schedule", s.schedule()},
		{"spec", s.aboutSpec()},
		{"warning", s.warnings()},
		{"policy", s.policy()},
		{"crash", s.crash()},
	}, func(p Part) bool { return p.Text == "" })
}

// What is what the service is doing, in a sentence.
func (s *Story) What() string { return s.what() }

// InShort is what the service is doing and why, in a sentence or two.
func (s *Story) InShort() string {
	text := s.what()
	if why := s.why(); why != "" {
		text += " " + why
	}
	return text
}

// BadSpec is what is wrong with its spec; "" = nothing, as far as one can see.
func (s *Story) BadSpec() string {
	if len(s.problems) == 0 {
		return ""
	}
	return s.aboutSpec()
}

// at is a moment with its distance from now.
func (s *Story) at(t time.Time) string {
	layout := words.TimeFormat
	if y, m, d := t.Local().Date(); y == s.now.Local().Year() && m == s.now.Local().Month() && d == s.now.Local().Day() {
		layout = time.TimeOnly
	}
	text := t.Local().Format(layout)
	if t.After(s.now) {
		return text + " (in " + words.Ago(t.Sub(s.now)) + ")"
	}
	return text + " (" + words.Ago(s.now.Sub(t)) + " ago)"
}

// what is the state as a sentence.
func (s *Story) what() string {
	st := s.status
	if st == nil {
		if s.alive {
			return fmt.Sprintf("%s has a spec that the supervisor has not seen yet.", s.name)
		}
		return fmt.Sprintf("%s has a spec that no supervisor has seen yet.", s.name)
	}
	since := "since " + s.at(st.Since)
	switch st.State {
	case spec.Running:
		return fmt.Sprintf("%s is running, with pid %d, %s.", s.name, st.PID, since)
	case spec.Starting:
		if st.Started != nil && st.PID != 0 {
			return fmt.Sprintf("%s runs, with pid %d, and is not ready yet, %s.", s.name, st.PID, since)
		}
		return fmt.Sprintf("%s is being started%s, %s.", s.name, words.WithPID(st.PID), since)
	case spec.Stopping:
		return fmt.Sprintf("%s is stopping%s, %s. That is over when none of its processes is left.", s.name, words.WithPID(st.PID), since)
	case spec.Backingoff:
		return fmt.Sprintf("%s is not running, %s: it waits before its next start.", s.name, since)
	case spec.Waiting:
		if ctl.UntilDue(st) {
			return fmt.Sprintf("%s is not running, %s: it waits until it is due.", s.name, since)
		}
		if len(st.WaitingFor) == 0 {
			return fmt.Sprintf("%s is not running, %s: it waits.", s.name, since)
		}
		return fmt.Sprintf("%s is not running, %s: it waits for %s.", s.name, since, words.SomeOf(st.WaitingFor))
	case spec.Exited:
		if s.scheduled() {
			return fmt.Sprintf("%s has ended, and waits until it is due again, %s.", s.name, since)
		}
		return fmt.Sprintf("%s has ended, and is not started again, %s.", s.name, since)
	case spec.Failed:
		switch {
		case s.blocked():
			return fmt.Sprintf("%s cannot start, %s: what it comes after has failed.", s.name, since)
		case s.retried():
			return fmt.Sprintf("%s has failed too often, and rests, %s.", s.name, since)
		case s.scheduled():
			return fmt.Sprintf("%s has failed too often, and waits until it is due again, %s.", s.name, since)
		}
		return fmt.Sprintf("%s has failed too often, and is not started again, %s.", s.name, since)
	case spec.Stopped:
		return fmt.Sprintf("%s is stopped, %s.", s.name, since)
	case spec.Invalid:
		if s.cycle() != "" {
			return fmt.Sprintf("%s cannot start, for it depends on itself, %s.", s.name, since)
		}
		return fmt.Sprintf("%s cannot run, for it has no good spec, %s.", s.name, since)
	}
	return fmt.Sprintf("%s is %s, %s.", s.name, st.State, since)
}

// wanted is what it should be doing, and who says so.
func (s *Story) wanted() string {
	switch {
	case s.draining:
		return "Stopped, for the whole colony shuts down."
	case s.stop != nil:
		text := fmt.Sprintf("Stopped, until somebody starts it. That was asked %s, by request %s", s.at(s.stop.At), s.stop.By)
		if s.stop.Reason != "" {
			text += fmt.Sprintf(", with the reason %q", s.stop.Reason)
		}
		return text + "."
	case s.stopUnknown != nil:
		return "Who has stopped it, if somebody has, cannot be read: " + s.stopUnknown.Error() + "."
	case s.spec != nil && !s.spec.Runs():
		return `Not running: its "instances" is 0.`
	case s.helper:
		return "Running while a spec needs it. It is a helper, which the supervisor starts by itself."
	case s.removed():
		return "Gone: its spec is not there any more."
	case s.scheduled():
		return "Running whenever it is due: its spec has a schedule, and nobody has stopped it."
	case s.status != nil && s.status.State == spec.Exited:
		return "Nothing more: its policy does not start it again."
	case s.status != nil && s.status.State == spec.Failed && !s.blocked() && !s.retried():
		return "Nothing more: it has reached its limit."
	}
	return "Running: it has a spec, and nobody has stopped it."
}

// why is the reason of a state that one would not expect.
func (s *Story) why() string {
	st := s.status
	if st == nil {
		return ""
	}
	ended := ""
	if st.LastExit != nil {
		ended = fmt.Sprintf("It %s, at %s.", words.Exit(st.LastExit), s.at(st.LastExit.At))
	}
	switch st.State {
	case spec.Backingoff:
		switch {
		case st.LastExit == nil:
			return ""
		case st.LastExit.SpawnError != "":
			return ended + " It is tried again, but not at once."
		case st.LastExit.Reason != "":
			return ended + " Therefore the next start is delayed."
		}
		return ended + " That was a short life, which is why the next start is delayed."
	case spec.Exited:
		return ended + s.whyNotAgain()
	case spec.Waiting:
		return s.waitsFor()
	case spec.Failed:
		switch {
		case s.blocked():
			return s.waitsFor()
		case st.Reason != "":
			return strings.ToUpper(st.Reason[:1]) + st.Reason[1:] + ". " + ended
		}
		return ended
	case spec.Invalid:
		if way := s.cycle(); way != "" {
			return "It comes, in the end, after itself: " + way + "."
		}
	case spec.Stopping:
		if st.LastExit != nil && !st.LastExit.At.Before(st.Since) {
			return ended + " Something that it has left behind still runs."
		}
		if lost := s.lost(); lost != "" && s.stop == nil && !s.draining {
			return lost + " So it is stopped too."
		}
		if s.stop == nil && !s.draining && s.spec != nil && s.spec.Notifies() {
			return "It was told to end, or says that it ends (STOPPING=1), and has not yet."
		}
		return "It was told to end, and has not yet."
	}
	return ""
}

// whyNotAgain is the part of the policy that keeps an ended service down.
func (s *Story) whyNotAgain() string {
	if s.spec == nil || s.scheduled() {
		return ""
	}
	switch {
	case s.spec.Restart == spec.RestartOnFailure:
		return ` With "restart": "on-failure" that is a success, and the end of it.`
	case s.spec.Restart == spec.RestartNever:
		return ` With "restart": "never" that is the end of it.`
	case s.spec.Main && s.spec.Restart == "":
		return ` The main service is not started again unless its "restart" says so.`
	}
	return ""
}

// before is its past.
func (s *Story) before() string {
	st := s.status
	if st == nil || st.Generation == 0 {
		return ""
	}
	var parts []string
	if st.Restarts > 0 {
		parts = append(parts, fmt.Sprintf("It has been started %d times.", st.Restarts+1))
	}
	switch st.State {
	case spec.Running, spec.Starting, spec.Stopped, spec.Invalid, spec.Waiting:
		if st.LastExit != nil {
			parts = append(parts, fmt.Sprintf("The last time it %s, at %s.", words.Exit(st.LastExit), s.at(st.LastExit.At)))
		}
	}
	return strings.Join(parts, " ")
}

// aboutSpec is where the spec is, what is wrong with it, and whether it holds.
func (s *Story) aboutSpec() string {
	if s.helper || s.path == "" && s.status != nil && s.status.SpecSHA256 == "" && s.status.SpecError == nil {
		return ""
	}
	st := s.status
	inForce := st != nil && st.SpecSHA256 != ""
	holds := ""
	if inForce {
		holds = " What runs is governed by the spec as it was when it was last good."
	}
	switch {
	case s.removed():
		return "There is none."
	case errors.Is(s.specErr, ctl.ErrClash):
		return "It is bad: " + s.specErr.Error() + ". Remove one of them." + holds
	case len(s.problems) > 0:
		return "It is bad: " + strings.Join(s.problems, "; ") + "." + holds
	case s.cycle() != "":
		text := s.path + " is good by itself, but it makes the service depend on itself: " + s.cycle() + "."
		if st.PID != 0 {
			text += " What runs goes on."
		}
		return text
	case st != nil && st.SpecError != nil:
		return fmt.Sprintf("%s is refused: %s.", s.path, st.SpecError) + holds
	case s.specErr != nil:
		return "It cannot be read: " + s.specErr.Error() + "." + holds
	case s.spec != nil && inForce && st.SpecSHA256 != s.spec.Digest():
		return s.path + " has just been changed; the supervisor does not go by it yet."
	}
	return s.path + " is good."
}

// removed says that it had a spec once, and that nobody can see one now.
func (s *Story) removed() bool { return errors.Is(s.specErr, ctl.ErrNoService) }

func (s *Story) warnings() string {
	if s.status == nil {
		return ""
	}
	return strings.Join(s.status.Warnings, "; ")
}
