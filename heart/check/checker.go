package check

import (
	"fmt"
	"math"
	"time"

	"github.com/ncolony/ncolony-go/internal/helper"
)

const (
	// minLook keeps very short periods from becoming a busy loop.
	minLook = 50 * time.Millisecond

	// maxLook is how long even an overloaded checker waits at most.
	maxLook = 10 * time.Second

	// minMisses is how many looks in a row must find nothing new before a heart
	// is overdue, however much time has passed: three looks make a period.
	minMisses = 3

	// shortGap is too short to be called one, however short a period is: the
	// machine was busy.
	shortGap = 100 * time.Millisecond

	// repeat is when the restart of a life that still runs is requested once
	// more, in case the request was lost. Each further request waits twice as
	// long, maxDoublings times, so that they do not pile up where no supervisor
	// takes them.
	repeat       = 30 * time.Second
	maxDoublings = 5
)

// life is one life of a service.
type life = helper.Life

// mark is what a beat changes about a heartbeat file. Two marks are only ever
// compared for equality, so it does not matter what clock has stamped them.
type mark struct {
	mtime int64 // nanoseconds
	ino   uint64
	size  int64
}

// seen is what one look at a service has found.
type seen struct {
	name   string
	period time.Duration
	grace  time.Duration // after a start
	path   string        // of the heartbeat file
	up     bool          // it is expected to beat
	life   life
	age    time.Duration // of the life, by the wall clock, which may have stepped since
	found  bool          // there is a heartbeat file
	mark   mark          // of it
}

// verdict is what follows from a look.
type verdict struct {
	restart bool
	reason  string
	next    time.Duration // when to look again
}

// pulse is what is remembered about one service. Times are those of the clock
// that is passed in.
type pulse struct {
	known  bool // it was looked at before
	life   life
	path   string
	period time.Duration
	down   bool          // it was not expected to beat at the last look
	born   time.Duration // when the life began, as far as can be told
	marked bool          // mark is set
	mark   mark
	beat   time.Duration // when the last change was seen, or the watch began anew
	misses int           // looks since then that found no change
	heard  bool          // a change was seen in this life
	looked time.Duration // the last look
	every  time.Duration // from that look to the next, as planned
	asked  int           // how often a restart of this life was requested
	askAt  time.Duration // when that is due again, if it was
}

// checker decides which services are overdue. It is pure: the clock, a monotonic
// one, is passed in, and what is to be done is returned.
type checker struct {
	frequency time.Duration // the longest time between two looks
	pace      time.Duration // the shortest, for now
}

func newChecker(frequency time.Duration) *checker {
	return &checker{frequency: frequency, pace: minLook}
}

// every is the time between two looks at a heart: a third of its period, within
// the limits. A heart that beats three times a period is then seen to change
// well before the period is over.
func (c *checker) every(period time.Duration) time.Duration {
	third := (period + 2) / 3 // rounded up: three of them make a period
	return max(min(third, c.frequency), c.pace)
}

// observe takes in one look at a service. A heart is overdue when all of this
// holds: its grace, counted from the start of its life, is over; no change was
// seen for a period; and several looks in a row, made when they were planned,
// have found none. So no clock step, no suspend and no starved checker makes a
// heart overdue that beats.
func (c *checker) observe(now time.Duration, p *pulse, s seen) verdict {
	known, previous, planned := p.known, p.looked, p.every
	p.known, p.looked, p.every = true, now, c.every(s.period)
	v := verdict{next: now + p.every}
	if !s.up {
		p.down = true
		return v
	}

	anew := true
	switch late := now - previous - planned; {
	case !known:
		// What began before us gets what is left of its grace, by the only
		// clock there is, and at least a period.
		p.life, p.born = s.life, now-max(s.age, 0)
	case p.life != s.life:
		// It began since the previous look, whatever the wall clock says.
		p.life, p.born = s.life, now-min(max(s.age, 0), now-previous)
		p.asked, p.heard = 0, false
	case p.down, p.path != s.path, p.period != s.period:
		// What it did before says nothing about what is expected now.
	case late > max(planned, shortGap):
		// Nobody looked for a while: we were stopped, and perhaps the service
		// too. That time counts for nothing.
		p.born += late
	default:
		anew = false
	}
	if p.path != s.path {
		p.path, p.marked = s.path, false
	}
	p.down, p.period = false, s.period

	changed := s.found && (!p.marked || p.mark != s.mark)
	if s.found {
		p.mark, p.marked = s.mark, true
	}
	p.heard = p.heard || changed && !anew
	if anew || changed {
		p.beat, p.misses = now, 0
		return v
	}
	p.misses++
	if now < max(p.born+s.grace, p.beat+s.period) || p.misses < minMisses {
		return v
	}
	if p.asked > 0 && now < p.askAt {
		return v
	}
	v.restart = true
	v.reason = fmt.Sprintf("no heartbeat for %v (period %v)", readable(now-p.beat), s.period)
	return v
}

// sent notes that the restart of a service was requested. Where lives cannot be
// told apart, the next one is taken to begin now.
func (p *pulse) sent(now time.Duration) {
	p.askAt = now + repeat<<min(p.asked, maxDoublings)
	p.asked++
	if p.life == (life{}) {
		p.born, p.beat, p.misses = now, now, 0
	}
}

// busy adapts the pace to how long the last round of looks took, so that in the
// long run at most half of the time is spent looking. Hearts of a short period
// are then judged later, and not wrongly. One slow round changes little.
func (c *checker) busy(took time.Duration) {
	c.pace = max(min(2*took, 2*c.pace, maxLook), c.pace/2, minLook)
}

// graceOf turns a grace in periods into a time.
func graceOf(period time.Duration, periods float64) time.Duration {
	const century = 100 * 365 * 24 * time.Hour
	grace := periods * float64(period)
	if !(grace > 0) { // NaN too
		return 0
	}
	return time.Duration(math.Min(grace, float64(century)))
}

// readable rounds a time for people.
func readable(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
