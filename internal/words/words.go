package words

import (
	"fmt"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Event says what has happened, in
func Event(e *spec.Event) string {
	switch e.Type {
	case spec.EventColonyStarted:
		return "the supervisor has started" + inBrackets(e.Reason)
	case spec.EventColonyEnded:
		return "the supervisor has ended" + inBrackets(e.Reason)
	case spec.EventDraining:
		return "the colony shuts down" + inBrackets(e.Reason)
	case spec.EventStarted:
		return "started" + WithPID(e.PID)
	case spec.EventSpawnFailed:
		return "could not be started: " + e.Error + startsAgainIn(e.Delay)
	case spec.EventExited:
		return Exit(e.Exit) + inBrackets(e.Reason) + startsAgainIn(e.Delay)
	case spec.EventEmptied:
		return "the last process that it left behind is gone"
	case spec.EventTerminating:
		return "is being stopped" + WithPID(e.PID)
	case spec.EventKilled:
		return "did not stop in time and is killed" + WithPID(e.PID)
	case spec.EventSpecChanged:
		if e.Reason != "" {
			return "has a new spec, " + e.Reason
		}
		return "has a new spec"
	case spec.EventSpecInvalid:
		if e.Name == "" {
			return BadFile(e.Reason, e.Error)
		}
		return "has a bad spec: " + e.Error
	case spec.EventRemoved:
		return "was removed"
	case spec.EventRequested:
		if e.Reason == "" {
			return "request " + e.Request + " cannot be read: " + e.Error
		}
		return "requested: " + e.Reason
	case spec.EventAnswered:
		if e.Error != "" {
			return "request failed: " + e.Error
		}
		return "request done"
	case spec.EventDegraded:
		return "does not work now: " + e.Reason + ": " + e.Error
	case spec.EventRecovered:
		return "works again: " + e.Reason
	case spec.EventAdopted:
		return fmt.Sprintf("adopted from a supervisor that was killed, pid %d", e.PID)
	case spec.EventReady:
		return "is ready" + inBrackets(e.Reason)
	case spec.EventUnready:
		return "did not become ready in time" + inBrackets(e.Reason)
	case spec.EventOverdue:
		return "hangs: " + e.Reason
	case spec.EventFailed:
		return "has failed: " + e.Reason
	case spec.EventUpgraded:
		return "upgraded " + e.Reason
	case spec.EventUpgradeFailed:
		return "not upgraded: " + e.Error
	case spec.EventPanicked:
		return "the supervisor has recovered from an internal error: " + e.Error
	}
	return describeStranger(e)
}

// describeStranger is for the events of a supervisor that is newer than we are.
func describeStranger(e *spec.Event) string {
	text := e.Type + WithPID(e.PID)
	for _, more := range []string{e.Reason, e.Error} {
		if more != "" {
			text += ": " + more
		}
	}
	return text
}

func WithPID(pid int) string {
	if pid == 0 {
		return ""
	}
	return fmt.Sprintf(", pid %d", pid)
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

func startsAgainIn(seconds float64) string {
	if seconds == 0 {
		return ""
	}
	return "; starts again in " + Span(Seconds(seconds))
}

// Exit says how a life has ended.
func Exit(e *spec.Exit) string {
	if e == nil {
		return "ended"
	}
	how := ""
	switch {
	case e.Code != nil:
		how = fmt.Sprintf("exited with code %d", *e.Code)
	case e.SpawnError != "":
		return "could not be started: " + e.SpawnError
	case e.Signal == "":
		return "ended while nobody was looking"
	case e.OOM:
		how = "was killed for lack of memory"
	default:
		how = "was killed by signal " + e.Signal
	}
	if e.Core {
		how += " and dumped core"
	}
	if ran := Seconds(e.Ran); ran >= time.Millisecond {
		how += " after " + Span(ran)
	} else {
		how += " at once"
	}
	if e.Reason != "" {
		how += " (the supervisor has ended it: " + e.Reason + ")"
	}
	return how
}

func Seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// Span is a time span for people: to the millisecond below a second, to the
// tenth below ten, as ago has it above, and without zeroes at the end.
func Span(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "0s"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d%time.Hour == 0 && d < 24*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0 && d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return Ago(d)
}

// Counted is a number with its noun: "1 spec", "2 specs", "no specs".
func Counted(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + "s"
	case 1:
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Listed joins words as people do: "a, b and c".
func Listed(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

// SomeOf is listed of names that may be many.
func SomeOf(names []string) string {
	const most = 3
	if len(names) <= most {
		return Listed(names, "and")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
