package web

import (
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
)

// timeline is what happened to a service, as a picture of 1000 x 40: lives are bars,
// and what happened at one moment is a mark.
type timeline struct {
	From, To time.Time
	Bars     []bar
	Marks    []mark
	Summary  string
}

// bar is a life, or what there was of it until it was ready.
type bar struct {
	X, Width float64
	Class    string // "starting" or "up"
	Title    string
}

// mark is something that happened.
type mark struct {
	X     float64
	Class string // "ready", "bad", "ended", "beat"
	Title string
}

const timelineWidth = 1000

// mostLives is how many of the last lives are shown: more are too narrow to be told
// apart.
const mostLives = 12

// life is what is known of one.
type life struct {
	began, ready, ended time.Time // zero = not known, or not yet
	bad                 bool
	text                string // how it ended
}

// timelineOf makes a picture of the last lives.
func timelineOf(name string, history []spec.Event, st *spec.Status, heart *spec.Heartbeat, now time.Time) timeline {
	lives, moments := livesOf(name, history)
	lives = lives[max(len(lives)-mostLives, 0):]
	t := timeline{To: now, From: now.Add(-time.Minute)}
	if len(lives) == 0 {
		return t
	}
	for _, l := range lives {
		for _, at := range []time.Time{l.began, l.ended} {
			if !at.IsZero() && at.Before(t.From) {
				t.From = at
			}
		}
	}
	failed := 0
	for i, l := range lives {
		end := l.ended
		if end.IsZero() {
			end = now
			if i < len(lives)-1 { // its end was missed
				end = lives[i+1].began
			}
		}
		begin := l.began
		if begin.IsZero() {
			begin = t.From
		}
		up := begin
		if l.ready.After(begin) {
			up = l.ready
			t.bar(begin, up, "starting", "started "+exact(begin)+", ready after "+words.Span(up.Sub(begin)))
		}
		text := "up since " + exact(begin)
		if !l.ended.IsZero() {
			text = "up from " + exact(begin) + " for " + words.Span(end.Sub(begin)) + ": " + l.text
			class := "ended"
			if l.bad {
				class = "bad"
				failed++
			}
			t.mark(l.ended, class, exact(l.ended)+": "+l.text)
		}
		t.bar(up, end, "up", text)
		if !l.ready.IsZero() {
			t.mark(l.ready, "ready", "ready "+exact(l.ready))
		}
	}
	for _, e := range moments {
		t.mark(e.Time, "bad", exact(e.Time)+": "+words.OneLine(words.Event(&e)))
	}
	if heart != nil && heart.LastBeat != nil {
		t.mark(*heart.LastBeat, "beat", "last heartbeat "+exact(*heart.LastBeat))
	}
	t.Summary = words.Counted(len(lives), "start") + " since " + exact(t.From) + ", " + words.Counted(failed, "bad end")
	if st != nil {
		t.Summary += "; now " + string(st.State)
	}
	return t
}

// livesOf takes the events of a service apart: its lives, and what went wrong beside
// their ends.
func livesOf(name string, history []spec.Event) (lives []life, moments []spec.Event) {
	asked := uint64(0)
	for _, e := range history {
		if e.Name != name {
			continue // of another instance
		}
		last := len(lives) - 1
		switch e.Type {
		case spec.EventStarted, spec.EventAdopted:
			lives = append(lives, life{began: e.Time})
		case spec.EventReady:
			if last >= 0 {
				lives[last].ready = e.Time
			}
		case spec.EventTerminating:
			asked = e.Generation
		case spec.EventExited:
			if last < 0 || !lives[last].ended.IsZero() {
				lives = append(lives, life{})
				last++
			}
			lives[last].ended, lives[last].text = e.Time, words.OneLine(words.Event(&e))
			lives[last].bad = asked != e.Generation && e.Exit != nil && (e.Exit.Code == nil || *e.Exit.Code != 0)
		case spec.EventSpawnFailed, spec.EventOverdue, spec.EventUnready, spec.EventFailed, spec.EventKilled:
			moments = append(moments, e)
		}
	}
	return lives, moments
}

func (t *timeline) x(at time.Time) float64 {
	return max(0, min(1, float64(at.Sub(t.From))/float64(t.To.Sub(t.From)))) * timelineWidth
}

func (t *timeline) bar(from, to time.Time, class, title string) {
	left := t.x(from)
	t.Bars = append(t.Bars, bar{left, max(t.x(to)-left, 1), class, title})
}

func (t *timeline) mark(at time.Time, class, title string) {
	if !at.Before(t.From) {
		t.Marks = append(t.Marks, mark{t.x(at), class, title})
	}
}
