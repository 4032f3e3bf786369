package schedule

import (
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/cron"
)

// plan is a schedule, ready to be asked. It is pure, as is all in this file: now
// is passed in, and it is the time of the wall clock, for that is what schedules
// speak of.
type plan struct {
	text  string // in words, to tell it from another
	every time.Duration
	times *cron.Times    // nil with every
	zone  *time.Location // of times
}

// next is the first time after t at which a service is due; zero = never.
func (p plan) next(t time.Time) time.Time {
	if p.every > 0 {
		return t.Add(p.every)
	}
	return p.times.Next(t, p.zone)
}

// seen is what one look at a service has found.
type seen struct {
	now     time.Time
	known   bool      // the supervisor speaks of the service
	busy    string    // why it cannot be started; "" = it can
	began   time.Time // its current or last life; zero = not known
	lost    bool      // the START that was sent last is lost, and nothing has come of it
	another bool      // this is another boot, or container, than that of the timetable
}

// verdict is what is to be done about a service.
type verdict struct {
	start bool
	due   time.Time // that it is started for
}

// mostMissed is up to where due times that are over are counted.
const mostMissed = 10000

// judge takes in one look at a service. However many due times have passed since
// the last look, it is started once at most; those that nobody was there for are
// counted. Where another boot has begun since, they are only counted if they were
// times of day; a time since the last start goes on.
func (t *table) judge(p plan, s seen) verdict {
	defer t.setNext(p)
	t.followClock(p, s.now)
	if p.every > 0 && s.began.After(t.Done) && !s.began.After(s.now) {
		t.Done = s.began
	}
	if s.lost && s.busy == "" && s.known {
		return verdict{start: true, due: s.now}
	}
	due, n := t.due(p, s.now)
	switch {
	case n == 0:
	case s.another && p.every == 0:
		t.Done = s.now
		t.Missed += n
	case !s.known: // not yet, or a moment after it is gone
	case s.busy != "":
		t.Done = due
		t.Missed += n - 1
		t.Skipped++
		at := due
		t.SkippedAt, t.SkippedFor = &at, s.busy
	default:
		t.Done = due
		if p.every > 0 {
			t.Done = s.now
		}
		t.Missed += n - 1
		return verdict{start: true, due: due}
	}
	return verdict{}
}

// table is a timetable that can be judged by.
type table struct{ spec.Timetable }

// begin has t speak of another schedule than before: of what comes after now. The
// counts go on.
func (t *table) begin(p plan, now time.Time) {
	t.Schedule, t.Done = p.text, now
	t.setNext(p)
}

// due is the last time up to now at which the service was due, and how many there
// were since the last that was dealt with.
func (t *table) due(p plan, now time.Time) (last time.Time, n int) {
	if p.every > 0 {
		n = int(now.Sub(t.Done) / p.every)
		return t.Done.Add(time.Duration(n) * p.every), max(n, 0)
	}
	for at := p.next(t.Done); !at.IsZero() && !at.After(now); at = p.next(at) {
		last = at
		if n++; n == mostMissed {
			return now, n
		}
	}
	return last, n
}

// followClock has a timetable survive that the clock is set back. By less than
// the time between two runs: then none is repeated. By more: then it was wrong
// before, and what comes is due.
func (t *table) followClock(p plan, now time.Time) {
	if !t.Done.After(now) {
		return
	}
	if next := p.next(t.Done); next.IsZero() || t.Done.Sub(now) > next.Sub(t.Done) {
		t.Done = now
	}
}

func (t *table) setNext(p plan) {
	t.Next = nil
	if next := p.next(t.Done); !next.IsZero() {
		t.Next = &next
	}
}
