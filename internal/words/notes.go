package words

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// scheduleNotes say when a service is due, when it was, and what has come of
// that.
func scheduleNotes(t *spec.Timetable, now time.Time) (notes []string) {
	switch {
	case t.Next == nil:
	case t.Next.Before(now):
		notes = append(notes, "was due "+Ago(now.Sub(*t.Next))+" ago")
	default:
		notes = append(notes, "due in "+Ago(t.Next.Sub(now)))
	}
	if t.Last != nil {
		notes = append(notes, "last "+Ago(now.Sub(*t.Last))+" ago")
	}
	for _, n := range []struct {
		count int
		what  string
	}{{t.Skipped, "skipped"}, {t.Missed, "missed"}} {
		if n.count > 0 {
			notes = append(notes, fmt.Sprintf("%s %d", n.what, n.count))
		}
	}
	return notes
}

// shownStatus is how many characters of what a service says of itself are shown
// beside all the rest.
const shownStatus = 60

// Notes are what one should know of a service beyond its state, in one line, and
// whether something is wrong with it.
func Notes(st *spec.Status, now time.Time) (text string, wrong bool) {
	var notes []string
	if st.SpecError != nil {
		wrong = true
		notes = append(notes, "spec: "+st.SpecError.Error())
	}
	if st.NextStart != nil {
		notes = append(notes, "starts in "+Ago(st.NextStart.Sub(now)))
	}
	if st.Schedule != nil {
		notes = append(notes, scheduleNotes(st.Schedule, now)...)
	}
	if len(st.WaitingFor) > 0 && (st.Schedule == nil || st.WaitingFor[0] != spec.Scheduler) {
		notes = append(notes, "waits for "+strings.Join(st.WaitingFor, ", "))
	}
	if health := healthNotes(st); health != nil {
		wrong = true
		notes = append(notes, health...)
	}
	if st.Reason != "" && (st.SpecError == nil || st.Reason != st.SpecError.Message) {
		wrong = true
		notes = append(notes, st.Reason)
	}
	if st.Reloading {
		notes = append(notes, "reads its configuration anew")
	}
	notes = append(notes, st.Warnings...)
	if st.StatusText != "" { // last, for where there is no room
		notes = append(notes, "says: "+Cut(st.StatusText, shownStatus))
	}
	return OneLine(strings.Join(notes, "; ")), wrong
}

// LastExit is how a life ended, in a word or two; "-" = none has.
func LastExit(e *spec.Exit) string {
	if e == nil {
		return "-"
	}
	return OneLine(e.String())
}

// BadChecks are the names of the checks that found the present life of a service
// not well.
func BadChecks(st *spec.Status) (names []string) {
	if st.PID == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(st.Probes)) {
		p := st.Probes[name]
		if !p.OK && p.Generation == st.Generation && (name != "ready" || !st.Ready) {
			names = append(names, name)
		}
	}
	return names
}

// healthNotes say which checks found a service not well.
func healthNotes(st *spec.Status) (notes []string) {
	for _, name := range BadChecks(st) {
		p := st.Probes[name]
		if name == "ready" {
			notes = append(notes, "not ready: "+p.Error)
			continue
		}
		notes = append(notes, fmt.Sprintf("%s check bad %s: %s", name, Counted(p.Bad, "time"), p.Error))
	}
	return notes
}
