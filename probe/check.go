package probe

import (
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"github.com/ncolony/ncolony-go/internal/helper"
)

const (
	// firstPause and lastPause bound the time between two checks of a life that is
	// to become ready.
	firstPause = 100 * time.Millisecond
	lastPause  = time.Second

	// readyAgain is when READY is said once more, in case it was lost.
	readyAgain = 5 * time.Second

	// repeat is when the restart of a life that still runs is requested once more,
	// in case the request was lost. Each further request waits twice as long,
	// maxDoublings times, so that they do not pile up where nobody takes them.
	repeat       = 30 * time.Second
	maxDoublings = 5

	// tolerance is how late we may be without having been stopped.
	tolerance = 100 * time.Millisecond

	// nap is the least that is called a suspend.
	nap = time.Second
)

// rule is what a spec says about one check of a service.
type rule struct {
	ready   bool          // what is good says that the service is ready; else what is bad ends it
	period  time.Duration // between two checks; of a ready one, see firstPause
	limit   time.Duration // of one check
	grace   time.Duration // after the beginning of what is checked
	maxBad  int
	minGood int
	jitter  float64
}

// seen is what a look at a service's status has found.
type seen struct {
	life helper.Life
	on   bool          // it is to be checked now
	age  time.Duration // since when, by the wall clock, which may have stepped
}

// verdict is what follows from a check.
type verdict struct {
	act    bool // ask for a restart, or say that it is ready
	reason string
}

// check is one check of one service, from the first life on. It is pure: the
// clock, which is monotonic and stands still while we do, is passed in, and what
// is to be done is returned. Times are of that clock.
type check struct {
	rule rule
	name string // of service and check, for its place in the period

	known  bool          // it was looked at before
	looked time.Duration // the last time
	seen   seen

	due      time.Duration // of the next one
	pause    time.Duration // of a ready one, to the next
	busy     bool          // there is one under way, be it only that it has not gone yet
	open     bool          // what comes of it counts
	stuck    bool          // it was not over in time, and has not gone yet
	stuckAt  time.Duration // when that counts as one more that was bad
	shaken   bool          // the machine was suspended meanwhile: a bad end proves nothing
	deadline time.Duration // of that one
	good     int           // in a row
	bad      int           // since so many were good as make bad ones forgotten
	asked    int           // how often a restart of this life was requested, or READY said
	askAt    time.Duration // when that is due again
}

// observe takes in a look at the service. It reports whether a check under way is
// to be called off: it is about a life that is over.
func (c *check) observe(now time.Duration, s seen) (callOff bool) {
	first, before := !c.known, c.looked
	c.known, c.looked = true, now
	if !first && c.seen.on == s.on && c.seen.life == s.life {
		return false
	}
	if c.seen.life != s.life {
		c.asked, c.askAt = 0, 0
	}
	c.seen = s
	c.good, c.bad, c.pause = 0, 0, firstPause
	callOff = c.busy
	c.open, c.stuck, c.shaken = false, false, false
	if !s.on {
		return callOff
	}
	age := max(s.age, 0)
	if !first { // it began since then, whatever the wall clock says
		age = min(age, now-before)
	}
	c.due = c.first(now, now-age)
	return callOff
}

// first is when a life that began at born is checked first: when its grace is
// over, and then not all at once.
func (c *check) first(now, born time.Duration) time.Duration {
	if c.rule.ready {
		return now
	}
	later := time.Duration(c.rule.jitter * c.share() * float64(c.rule.period))
	return max(born+c.rule.grace, now) + later
}

// share is a number from 0 to 1 that is the same for the same life, and another
// for another.
func (c *check) share() float64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%d", c.name, c.seen.life.Generation)
	return float64(mix(h.Sum64())>>11) / (1 << 53)
}

// mix spreads what differs in a few bits over all of them.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// never is when what need not be done is due.
const never = time.Duration(math.MaxInt64)

// next is when there is something to do.
func (c *check) next() time.Duration {
	switch {
	case c.open:
		return c.deadline
	case !c.seen.on, c.busy && !c.stuck:
		return never
	case c.busy:
		return c.stuckAt
	}
	return c.due
}

// mayBegin reports whether a check is due that can be made.
func (c *check) mayBegin(now time.Duration) bool {
	return c.seen.on && !c.busy && now >= c.due
}

// begin notes that a check begins.
func (c *check) begin(now time.Duration) {
	c.busy, c.open, c.stuck, c.shaken = true, true, false, false
	c.deadline = now + c.rule.limit
	if c.due += c.rule.period; c.due <= now { // it has waited for its turn for that long
		c.due = now + c.rule.period
	}
}

// pass takes in that time has passed, in which the check under way has reached
// what is told. It reports what follows from that, why it counts as a bad one, if
// it does, and whether the check is to be called off.
func (c *check) pass(now time.Duration, reached string) (v verdict, bad string, callOff bool) {
	switch {
	case c.open && now >= c.deadline:
		c.open, c.stuck, c.stuckAt = false, true, now+max(c.rule.period, lastPause)
		if c.rule.ready {
			c.due = now + c.pause
		}
		if c.shaken {
			c.due = now
			return verdict{}, "", true
		}
		bad = late(c.rule.limit, reached)
		return c.count(now, bad), bad, true
	case c.stuck && now >= c.stuckAt:
		c.stuckAt = now + max(c.rule.period, lastPause)
		bad = "the check before has not ended yet"
		if reached != "" {
			bad += " (" + reached + ")"
		}
		return c.count(now, bad), bad, false
	}
	return verdict{}, "", false
}

// end takes in that a check has ended; bad says why it was a bad one. It reports
// whether it counts.
func (c *check) end(now time.Duration, bad string) (v verdict, counts bool) {
	c.busy, c.stuck = false, false
	if !c.open {
		return verdict{}, false
	}
	c.open = false
	if c.rule.ready {
		c.due = now + c.pause
		c.pause = min(2*c.pause, lastPause)
	}
	if bad != "" && c.shaken {
		c.due = now
		return verdict{}, false
	}
	return c.count(now, bad), true
}

// shake notes that the machine was suspended: connections may be gone.
func (c *check) shake() { c.shaken = c.open }

// count counts one check.
func (c *check) count(now time.Duration, bad string) verdict {
	if bad == "" {
		c.good++
		if c.good >= c.rule.minGood {
			c.bad = 0
		}
	} else {
		c.good = 0
		c.bad++
	}
	if c.asked > 0 && now < c.askAt {
		return verdict{}
	}
	switch {
	case c.rule.ready:
		return verdict{act: bad == "" && c.good >= c.rule.minGood}
	case bad != "" && c.bad > c.rule.maxBad:
		if c.bad == 1 {
			return verdict{true, bad}
		}
		return verdict{true, fmt.Sprintf("%d bad checks, the last: %s", c.bad, bad)}
	}
	return verdict{}
}

// sent notes that a message was sent. Where lives cannot be told apart, the next
// one is taken to begin now.
func (c *check) sent(now time.Duration) {
	if c.rule.ready {
		c.askAt = now + readyAgain
	} else {
		c.askAt = now + repeat<<min(c.asked, maxDoublings)
	}
	c.asked++
	if c.seen.life == (helper.Life{}) && !c.rule.ready {
		c.good, c.bad, c.asked, c.askAt = 0, 0, 0, 0
		c.due = c.first(now, now)
	}
}

// clock is a monotonic clock that stands still while we are not running, so that
// nobody is blamed for what we have not seen.
type clock struct {
	lost    time.Duration // for which it has stood still
	planned time.Duration // when we meant to look at it next; 0 = never yet
	asleep  time.Duration // how long the machine had been suspended, at the last look
}

// at is the time when the monotonic clock of the system says real. Asleep is how
// long the machine was suspended up to now; suspended reports whether it was since
// the last look.
func (c *clock) at(real, asleep time.Duration) (now time.Duration, suspended bool) {
	if late := real - c.planned; c.planned > 0 && late > tolerance {
		c.lost += late
	}
	suspended = c.planned > 0 && asleep-c.asleep >= nap
	c.asleep = asleep
	return real - c.lost, suspended
}

// plan notes that we mean to look again when the system's clock says real.
func (c *clock) plan(real time.Duration) { c.planned = real }
