package check

import (
	"math"
	"testing"
	"time"
)

func TestMarks(t *testing.T) {
	for name, change := range map[string]func(m *mark, i int64){
		"the clock steps back":         func(m *mark, i int64) { m.mtime -= int64(time.Hour) },
		"the future":                   func(m *mark, i int64) { m.mtime = math.MaxInt64 - i },
		"before 1970":                  func(m *mark, i int64) { m.mtime = -i },
		"coarse mtime, new inode":      func(m *mark, i int64) { m.ino++ },
		"coarse mtime, other size":     func(m *mark, i int64) { m.size = i % 2 },
		"steps to and fro in the tick": func(m *mark, i int64) { m.mtime += 1 - 2*(i%2) },
	} {
		p := newSim(t, sec, 0)
		p.seen.found = true
		for i := range int64(100) {
			change(&p.seen.mark, i+1)
			p.pass(300*time.Millisecond, 0)
		}
		if len(p.asked) > 0 {
			t.Errorf("%s: restarts at %v", name, p.asked)
		}
		// The last mark, whatever it says, then grows old like any other.
		p.pass(2*sec, 0)
		if len(p.asked) != 1 {
			t.Errorf("%s: restarts at %v after the last beat at %v", name, p.asked, p.now-2*sec)
		}
	}
}

// The wall clock only ever says how old a life was when the checker began.
func TestWallClock(t *testing.T) {
	for _, tt := range []struct {
		name string
		age  time.Duration
		want time.Duration
	}{
		{"a new life", 0, 10 * sec},
		{"half of its grace is over", 5 * sec, 5 * sec},
		{"begun long ago: one period", time.Hour, sec},
		{"the clock has stepped back", -time.Hour, 10 * sec},
		{"no time at all", math.MaxInt64, sec},
		{"the end of time", math.MinInt64, 10 * sec},
	} {
		p := newSim(t, sec, 10)
		p.now = time.Hour
		p.next = p.now
		p.seen.age = tt.age
		p.pass(11*sec, 0)
		if len(p.asked) == 0 {
			t.Errorf("%s: no restart", tt.name)
			continue
		}
		p.asked[0] -= time.Hour
		p.want(tt.want)
	}

	// For a life that begins under its eyes, a step changes next to nothing.
	for _, age := range []time.Duration{time.Hour, -time.Hour} {
		p := newSim(t, 3*sec, 10)
		p.pass(60*sec, sec)
		p.restart()
		p.seen.age = age
		p.pass(28*sec, 0)
		p.want()
		p.pass(5*sec, 0)
		p.want(89 * sec)
	}
}

// Neither a stop of the checker nor one of the whole machine makes a heart
// overdue.
func TestGap(t *testing.T) {
	// Everything stood still, in the middle of a period.
	p := newSim(t, 3*sec, 0)
	p.pass(10*sec, sec)
	p.pass(1900*time.Millisecond, 0)
	p.now += time.Hour
	p.pass(900*time.Millisecond, 0)
	p.pass(10*sec, sec)
	p.want()

	// Only the checker stood still, and the service hangs: seen a period later.
	p = newSim(t, 3*sec, 0)
	p.pass(10*sec, sec)
	p.now += time.Hour
	p.pass(10*sec, 0)
	p.want(time.Hour + 13*sec)

	// A slow start is not cut short by the time in which nobody looked.
	p = newSim(t, sec, 30)
	p.pass(10*sec, 0)
	p.now += time.Hour
	p.pass(19*sec, 0)
	p.want()
	p.pass(5*sec, 0)
	p.want(time.Hour + 30*sec)
}

// FuzzBeating: whatever happens to clocks and to the checker, a service whose
// file has changed at each look is never restarted.
func FuzzBeating(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 255}, int64(sec))
	f.Fuzz(func(t *testing.T, script []byte, period int64) {
		if period <= 0 || period > int64(10*365*24*time.Hour) {
			t.Skip()
		}
		c := newChecker(defaultFrequency)
		s := newSim(t, time.Duration(period), 1).seen
		var p pulse
		var now time.Duration
		for _, b := range script {
			s.found = true
			s.mark.mtime = int64(b) // may repeat what was before the last one
			s.mark.ino++
			s.age = time.Duration(b) * math.MaxInt64 / 300
			s.up = b%7 != 0
			s.life.Generation = uint64(b % 3)
			now += time.Duration(b) * sec
			if v := c.observe(now, &p, s); v.restart || v.next <= now {
				t.Fatalf("at %v: %+v", now, v)
			}
		}
	})
}
