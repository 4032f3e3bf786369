package web

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// minutes is how far back a pulse goes.
const minutes = 60

// beat is what happened in one minute.
type beat struct {
	Starts, Failures int
}

// pulse counts what happened in each minute of the last hour.
type pulse struct {
	mu    sync.Mutex
	beats [minutes]beat
	of    [minutes]int64    // which minute each is of
	asked map[string]uint64 // lives that somebody wants to end, so that their end is no failure
}

// listen counts the events of a colony until ctx is done.
func (s *Site) listen(ctx context.Context) {
	zero := uint64(0)
	for ctx.Err() == nil {
		following, err := s.colony.Follow(ctx, operations.EventQuery{After: &zero})
		if err == nil {
			err = following.Each(ctx, time.Minute, func(events []operations.Event) error {
				for _, e := range events {
					var event spec.Event
					if json.Unmarshal(e.JSON, &event) == nil {
						s.pulse.take(&event, time.Now())
					}
					zero = e.Seq
				}
				return nil
			})
		}
		if err != nil {
			s.log.Warn("events not counted", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// take counts an event.
func (p *pulse) take(e *spec.Event, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b beat
	switch e.Type {
	case spec.EventStarted:
		b.Starts = 1
	case spec.EventTerminating:
		if p.asked == nil {
			p.asked = map[string]uint64{}
		}
		p.asked[e.Name] = e.Generation
	case spec.EventRemoved:
		delete(p.asked, e.Name)
	case spec.EventExited:
		ended, wanted := p.asked[e.Name]
		delete(p.asked, e.Name)
		if (!wanted || ended != e.Generation) && e.Exit != nil && (e.Exit.Code == nil || *e.Exit.Code != 0) {
			b.Failures = 1
		}
	case spec.EventSpawnFailed, spec.EventOverdue, spec.EventUnready:
		b.Failures = 1
	}
	if b == (beat{}) || now.Sub(e.Time) >= minutes*time.Minute {
		return
	}
	minute := e.Time.Unix() / 60
	at := int(minute % minutes)
	if p.of[at] < minute {
		p.of[at], p.beats[at] = minute, beat{}
	}
	p.beats[at].Starts += b.Starts
	p.beats[at].Failures += b.Failures
}

// hour are the minutes of the last hour, the oldest first.
func (p *pulse) hour(now time.Time) (all [minutes]beat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := now.Unix() / 60
	for i := range all {
		minute := last - minutes + 1 + int64(i)
		if at := int(minute % minutes); p.of[at] == minute {
			all[i] = p.beats[at]
		}
	}
	return all
}

// pulseChart is a pulse as bars: starts, and failures below them.
type pulseChart struct {
	Bars             []pulseBar
	Starts, Failures int
	From, To         time.Time
	Most             int // in one minute
}

// pulseBar is a minute, in a picture of 600 x 100 in which what fails is below the
// line at 70.
type pulseBar struct {
	X, Up, Top, Down int
	Title            string
}

func chartPulse(all [minutes]beat, now time.Time) pulseChart {
	c := pulseChart{From: now.Add(-minutes * time.Minute), To: now}
	for _, b := range all {
		c.Most = max(c.Most, b.Starts, b.Failures)
	}
	for i, b := range all {
		c.Starts += b.Starts
		c.Failures += b.Failures
		if b == (beat{}) {
			continue
		}
		bar := pulseBar{X: i * 10, Up: scaled(b.Starts, c.Most, 66), Down: scaled(b.Failures, c.Most, 28)}
		bar.Top = 70 - bar.Up
		bar.Title = fmt.Sprintf("%s: %s, %s", now.Add(time.Duration(i-minutes+1)*time.Minute).Local().Format("15:04"), words.Counted(b.Starts, "start"), words.Counted(b.Failures, "failure"))
		c.Bars = append(c.Bars, bar)
	}
	return c
}

// scaled is the height of a bar, that of something not being nothing.
func scaled(n, most, height int) int {
	if n == 0 {
		return 0
	}
	return max(n*height/most, 2)
}
