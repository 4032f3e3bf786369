package top

import (
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
)

// trouble is a way in which a service is not well, the worst first.
type trouble int

const (
	failed trouble = iota
	looping
	overdue
	broken // its spec
	sick   // its checks say so
	stuck  // it waits for what does not come by itself
	fine
)

// late is how long after its time a service that is not started is overdue: the
// scheduler, and whoever shows it, may take a moment.
const late = 30 * time.Second

// troubleOf is what is wrong with a service first.
func troubleOf(st *spec.Status, heart *spec.Heartbeat, now time.Time) trouble {
	switch {
	case st.State == spec.Failed:
		return failed
	case st.State == spec.Backingoff:
		return looping
	case hangs(st, heart), missed(st, now):
		return overdue
	case st.State == spec.Invalid, st.SpecError != nil:
		return broken
	case len(words.BadChecks(st)) > 0 && st.State == spec.Running:
		return sick
	case st.State == spec.Waiting && st.Reason != "":
		return stuck
	}
	return fine
}

// hangs says that the present life does not beat any more.
func hangs(st *spec.Status, heart *spec.Heartbeat) bool {
	return heart != nil && st.PID != 0 && heart.Generation == st.Generation && (heart.State == spec.HeartOverdue || heart.State == spec.HeartHeld)
}

// missed says that a service ought to have been started.
func missed(st *spec.Status, now time.Time) bool {
	return st.Schedule != nil && st.Schedule.Next != nil && st.PID == 0 && st.State != spec.Stopped && now.Sub(*st.Schedule.Next) > late
}

// describe says in a line what is wrong.
func (r *row) describe(now time.Time) string {
	st := &r.status
	var parts []string
	add := func(text string) {
		if text != "" {
			parts = append(parts, text)
		}
	}
	what := map[trouble]string{failed: "failed: ", looping: "crash-looping: ", overdue: "overdue: ", broken: "its new spec is bad: "}[r.trouble]
	notes, _ := words.Notes(st, now)
	switch {
	case r.trouble == looping, r.trouble == failed && st.Reason == "":
		if st.LastExit != nil {
			add(words.Exit(st.LastExit))
		}
	case r.trouble == overdue && hangs(st, r.heart):
		add(r.beat(now))
	case r.trouble == broken:
		notes = strings.TrimPrefix(notes, "spec: ")
		if st.State == spec.Invalid {
			what = "invalid: "
		}
	}
	add(notes)
	if r.trouble == looping && st.Restarts > 0 {
		add(words.Counted(st.Restarts, "restart"))
	}
	return words.OneLine(what + strings.Join(parts, "; "))
}

// beat says how long a service has not beaten.
func (r *row) beat(now time.Time) string {
	text := "no beat within " + words.Span(words.Seconds(r.heart.Period))
	if r.heart.LastBeat != nil {
		text += ", the last " + words.Ago(now.Sub(*r.heart.LastBeat)) + " ago"
	}
	if r.heart.State == spec.HeartHeld {
		text += "; others of its group are restarted first"
	}
	return text
}

// judge finds out what is wrong as of now.
func (v *view) judge() {
	v.wrong = v.wrong[:0]
	for _, r := range v.rows {
		if r.trouble = troubleOf(&r.status, r.heart, v.now); r.trouble != fine {
			v.wrong = append(v.wrong, r)
		}
	}
	slices.SortStableFunc(v.wrong, func(a, b *row) int { return int(a.trouble - b.trouble) })
}

// notes are lines about the colony as a whole.
func (v *view) notes() (lines []string) {
	if v.seen.err != nil {
		lines = append(lines, strings.ReplaceAll(v.seen.err.Error(), "\n", "; "))
	}
	return append(lines, words.ColonyNotes(v.seen.colony, v.seen.alive)...)
}
