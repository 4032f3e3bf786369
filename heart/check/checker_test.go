package check

import (
	"fmt"
	"math"
	"testing"
	"time"
)

func TestBeatingIsLeftAlone(t *testing.T) {
	for _, period := range []time.Duration{150 * time.Millisecond, sec, 30 * sec, time.Hour} {
		p := newSim(t, period, 0)
		p.pass(max(20*period, 10*sec), max(period/3/(10*time.Millisecond)*(10*time.Millisecond), 10*time.Millisecond))
		p.want()
	}
}

func TestSilenceIsSeen(t *testing.T) {
	p := newSim(t, sec, 3)
	p.pass(10*sec, 300*time.Millisecond)
	p.pass(5*sec, 0)
	p.want(10*sec + 700*time.Millisecond) // the last beat was at 9.9 s, seen by 10.2 s
}

// T1: a service that needs longer than a look to beat after each start is never
// restarted within its grace, after a restart by us as little as after the first.
func TestSlowStarter(t *testing.T) {
	p := newSim(t, sec, 10)
	for range 5 {
		begin := p.now
		p.pass(9900*time.Millisecond, 0) // the old heartbeat file, or none
		p.pass(20*sec, 300*time.Millisecond)
		p.want()
		// It hangs, is restarted, and the new life finds the stale file.
		p.pass(2*sec, 0)
		if len(p.asked) != 1 {
			t.Fatalf("begun at %v: restarts at %v, want one", begin, p.asked)
		}
		p.asked = nil
		p.restart()
	}
}

func TestNeverBeats(t *testing.T) {
	for _, found := range []bool{false, true} { // no file; one of an earlier life
		for _, tt := range []struct {
			grace float64
			want  time.Duration
		}{{0, sec}, {0.5, sec}, {1, sec}, {5, 5 * sec}} {
			p := newSim(t, sec, tt.grace)
			p.seen.found = found
			p.pass(10*sec, 0)
			p.want(tt.want)
		}
	}
}

// A beat just before the end of the grace counts for a whole period.
func TestBeatNearEndOfGrace(t *testing.T) {
	p := newSim(t, sec, 3)
	p.pass(2900*time.Millisecond, 0)
	p.beat()
	p.pass(10*sec, 0)
	p.want(3900 * time.Millisecond)
}

// A file that disappears has stopped changing; the same file that comes back,
// as with a mount, is no beat.
func TestFileDisappears(t *testing.T) {
	p := newSim(t, 3*sec, 0)
	p.pass(10*sec, sec)
	p.seen.found = false
	p.pass(2*sec, 0)
	p.seen.found = true
	p.pass(10*sec, 0)
	p.want(12 * sec) // the last beat was at 9 s
}

// However fast time seems to pass, one or two looks are not enough.
func TestFewLooks(t *testing.T) {
	c := newChecker(defaultFrequency)
	s := newSim(t, 50*time.Millisecond, 0).seen
	var p pulse
	var now time.Duration
	for range 3 { // the first begins
		if v := c.observe(now, &p, s); v.restart {
			t.Fatalf("restart after %v", now)
		}
		now += 50 * time.Millisecond
	}
	if v := c.observe(now, &p, s); !v.restart {
		t.Error("no restart after three looks in vain")
	}
}

// Only a service that is up is judged, and what it missed while it was not does
// not count.
func TestNotUp(t *testing.T) {
	p := newSim(t, sec, 3)
	p.pass(5*sec, 300*time.Millisecond)
	p.pass(800*time.Millisecond, 0)
	p.seen.up = false
	p.pass(60*sec, 0)
	p.want()
	p.seen.up = true // the same life
	p.pass(900*time.Millisecond, 0)
	p.want()
	p.pass(300*time.Millisecond, 300*time.Millisecond)
	p.seen.up = false
	p.pass(60*sec, 0)
	p.restart()
	p.seen.up = true
	begin := p.now
	p.pass(2900*time.Millisecond, 0)
	p.want()
	p.pass(3*sec, 0)
	p.want(begin + 3*sec - p.checker.every(sec))
}

func TestNewLife(t *testing.T) {
	for name, renew := range map[string]func(l *life){
		"generation": func(l *life) { l.Generation++ },
		"pid":        func(l *life) { l.PID++ },
	} {
		p := newSim(t, sec, 5)
		p.pass(10*sec, 300*time.Millisecond)
		p.pass(600*time.Millisecond, 0)
		renew(&p.seen.life)
		p.pass(4900*time.Millisecond, 0)
		if len(p.asked) > 0 {
			t.Errorf("%s: restarts at %v, within the grace of the new life", name, p.asked)
		}
	}
}

// One request for a life; more, but ever fewer, if it goes on for long.
func TestRepeat(t *testing.T) {
	p := newSim(t, sec, 0)
	p.pass(4*time.Minute, 0)
	p.want(sec, 31*sec, 91*sec, 211*sec)

	// A new life that does not beat is a new case.
	p.asked = nil
	begin := p.now
	p.restart()
	p.pass(10*sec, 0)
	p.want(begin + sec)
}

// Without the supervisor's status each request is taken to begin a life.
func TestWithoutStatus(t *testing.T) {
	p := newSim(t, sec, 40)
	p.seen.life = life{}
	p.pass(100*sec, 0)
	p.want(40*sec, 80*sec)
}

// A service that is given another heartbeat file has time to find it.
func TestOtherFile(t *testing.T) {
	p := newSim(t, sec, 0)
	p.pass(10*sec, 300*time.Millisecond)
	p.pass(900*time.Millisecond, 0)
	p.seen.path, p.seen.found = "/other", false
	p.pass(900*time.Millisecond, 0)
	p.want()
}

// A service that is told to beat more often has time to do so.
func TestOtherPeriod(t *testing.T) {
	p := newSim(t, 60*sec, 0)
	p.pass(5*time.Minute, 50*sec)
	p.pass(5*sec, 0)
	p.seen.period = 3 * sec
	p.next = p.now
	p.pass(2900*time.Millisecond, 0)
	p.want()
}

func TestEvery(t *testing.T) {
	c := newChecker(10 * sec)
	for period, want := range map[time.Duration]time.Duration{
		1:                 minLook,
		sec:               333333334,
		3 * sec:           sec,
		24 * time.Hour:    10 * sec,
		math.MaxInt64 / 2: 10 * sec,
	} {
		if got := c.every(period); got != want {
			t.Errorf("every(%v) = %v, want %v", period, got, want)
		}
	}
	c.busy(20 * sec)
	if c.pace != 2*minLook {
		t.Errorf("pace %v after one slow round, want %v", c.pace, 2*minLook)
	}
	for range 20 {
		c.busy(20 * sec)
	}
	if got := c.every(sec); got != maxLook {
		t.Errorf("every(1s) = %v when a round takes 20 s, want %v", got, maxLook)
	}
	for range 20 {
		c.busy(0)
	}
	if c.pace != minLook {
		t.Errorf("pace %v at rest, want %v", c.pace, minLook)
	}
}

// A checker that is slower than the hearts judges late, and not wrongly.
func TestOverload(t *testing.T) {
	p := newSim(t, sec, 0)
	for range 10 {
		p.checker.busy(sec)
	}
	p.pass(60*sec, 300*time.Millisecond)
	p.want()
	p.pass(10*sec, 0)
	p.want(60*sec + 4*sec)
}

func TestGraceOf(t *testing.T) {
	for _, tt := range []struct {
		periods float64
		min     time.Duration
		max     time.Duration
	}{
		{0, 0, 0}, {-1, 0, 0}, {math.NaN(), 0, 0},
		{2.5, 2500 * time.Millisecond, 2500 * time.Millisecond},
		{1e300, time.Hour, math.MaxInt64 / 2}, {math.Inf(1), time.Hour, math.MaxInt64 / 2},
	} {
		if got := graceOf(sec, tt.periods); got < tt.min || got > tt.max {
			t.Errorf("graceOf(1s, %v) = %v", tt.periods, got)
		}
	}
}

// Ten thousand hearts, each looked at once.
func BenchmarkObserve10000(b *testing.B) {
	c := newChecker(defaultFrequency)
	all := make([]seen, 10000)
	pulses := make([]pulse, len(all))
	for i := range all {
		all[i] = newSim(nil, sec, 3).seen
		all[i].name = fmt.Sprintf("service-%d", i)
		all[i].found = true
	}
	var now time.Duration
	b.ReportAllocs()
	for b.Loop() {
		now += 333 * time.Millisecond
		for i := range all {
			all[i].mark.mtime++
			if c.observe(now, &pulses[i], all[i]).restart {
				b.Fatal("restart")
			}
		}
	}
}
