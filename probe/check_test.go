package probe

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/internal/helper"
)

const (
	sec = time.Second
	ms  = time.Millisecond
)

// sim plays one check in virtual time, as the loop does.
type sim struct {
	t     *testing.T
	check check
	seen  seen
	now   time.Duration

	// answer is what a check that begins now comes to, and after which time; ok
	// false: it hangs until it is called off.
	answer func(now time.Duration) (bad string, after time.Duration, ends bool)
	lag    time.Duration // between calling off and the end

	over    time.Duration // when the one under way ends; 0 = it hangs
	bad     string
	pending bool

	begun []time.Duration
	acts  []string // when, and why
}

func good(time.Duration) (string, time.Duration, bool) { return "", 10 * ms, true }
func poor(time.Duration) (string, time.Duration, bool) { return "poor", 10 * ms, true }
func hung(time.Duration) (string, time.Duration, bool) { return "", 0, false }

func newSim(t *testing.T, r rule) *sim {
	s := &sim{t: t, check: check{rule: r, name: "web/http"}, answer: good, lag: 10 * ms}
	s.seen = seen{life: helper.Life{Generation: 1, PID: 100}, on: true}
	return s
}

// every is a rule without grace and jitter.
func every(period time.Duration, maxBad int) rule {
	return rule{period: period, limit: period / 2, maxBad: maxBad, minGood: 1}
}

// pass lets time pass, in steps of 10 ms.
func (s *sim) pass(d time.Duration) {
	s.t.Helper()
	for end := s.now + d; s.now < end; s.now += 10 * ms {
		s.step()
		s.seen.age += 10 * ms
	}
}

func (s *sim) callOff() {
	if s.pending && s.over == 0 {
		s.over, s.bad = s.now+s.lag, "called off"
	}
}

func (s *sim) step() {
	if s.pending && s.over > 0 && s.now >= s.over {
		s.pending = false
		v, _ := s.check.end(s.now, s.bad)
		s.act(v)
	}
	if s.check.observe(s.now, s.seen) {
		s.callOff()
	}
	if s.check.next() <= s.now {
		v, _, callOff := s.check.pass(s.now, "")
		if callOff {
			s.callOff()
		}
		s.act(v)
		if s.check.mayBegin(s.now) {
			if s.pending {
				s.t.Fatalf("at %v a check begins while another is under way", s.now)
			}
			s.check.begin(s.now)
			s.begun = append(s.begun, s.now)
			bad, after, ends := s.answer(s.now)
			s.pending, s.bad, s.over = true, bad, 0
			if ends {
				s.over = s.now + after
			}
		}
	}
}

func (s *sim) act(v verdict) {
	if v.act {
		s.acts = append(s.acts, strings.TrimSpace(fmt.Sprint(s.now, " ", v.reason)))
		s.check.sent(s.now)
	}
}

// want checks what was done since the last call.
func (s *sim) want(acts ...string) {
	s.t.Helper()
	if diff := cmp.Diff(acts, s.acts); diff != "" {
		s.t.Errorf("at %v (-want +got):\n%s", s.now, diff)
	}
	s.acts = nil
}

// restart begins a new life.
func (s *sim) restart() {
	s.seen.life.Generation++
	s.seen.life.PID++
	s.seen.age = 0
}

func TestGoodIsLeftAlone(t *testing.T) {
	s := newSim(t, every(sec, 0))
	s.pass(100 * sec)
	s.want()
	if len(s.begun) != 100 || s.begun[1] != sec {
		t.Errorf("%d checks in 100 s, the second at %v", len(s.begun), s.begun[1])
	}
}

// So many bad ones in a row, and no other, end in a restart.
func TestThresholds(t *testing.T) {
	for _, tt := range []struct {
		answers         string // one letter a check: g, b; the last one goes on
		maxBad, minGood int
		want            string // when; "" = never
	}{
		{"b", 0, 1, "10ms poor"},
		{"b", 1, 1, "1.01s 2 bad checks, the last: poor"},
		{"b", 2, 1, "2.01s 3 bad checks, the last: poor"},
		{"bbgbbg", 2, 1, ""},
		{"bbgbbb", 2, 1, "5.01s 3 bad checks, the last: poor"},
		{"gbgbgbg", 1, 1, ""},
		{"gbgbgbg", 1, 2, "3.01s 2 bad checks, the last: poor"}, // one good one makes nothing forgotten
		{"bggbggb", 1, 2, "7.01s 2 bad checks, the last: poor"},
	} {
		r := every(sec, tt.maxBad)
		r.minGood = tt.minGood
		s := newSim(t, r)
		n := 0
		s.answer = func(now time.Duration) (string, time.Duration, bool) {
			at := min(n, len(tt.answers)-1)
			n++
			if tt.answers[at] == 'b' {
				return poor(now)
			}
			return good(now)
		}
		s.pass(9 * sec)
		got := strings.Join(s.acts, "; ")
		if got != tt.want {
			t.Errorf("%s, maxBad %d, minGood %d: %q, want %q", tt.answers, tt.maxBad, tt.minGood, got, tt.want)
		}
	}
}

func TestGrace(t *testing.T) {
	r := every(sec, 0)
	r.grace = 5 * sec
	s := newSim(t, r)
	s.answer = poor
	s.pass(5 * sec)
	s.want()
	s.pass(sec)
	s.want("5.01s poor")
	// The next life has it again, also if it is seen late and the wall clock has
	// stepped.
	for _, tt := range []struct{ age, want time.Duration }{
		{0, 5010 * ms}, {-time.Hour, 5010 * ms}, {100 * time.Hour, 5 * sec}, // it began since the last look
	} {
		s.restart()
		s.seen.age = tt.age
		begin := s.now
		s.pass(4990 * ms)
		s.want()
		s.pass(sec)
		s.want(fmt.Sprint(begin+tt.want, " poor"))
	}
	// One that has lived for long when it is first seen has none left.
	s = newSim(t, r)
	s.seen.age, s.answer = time.Hour, poor
	s.pass(sec)
	s.want("10ms poor")
}

// What waits for its turn is late once, and not from then on.
func TestLate(t *testing.T) {
	c := check{rule: every(10*sec, 0)}
	c.observe(0, seen{on: true})
	for _, step := range []struct{ at, next time.Duration }{{0, 10 * sec}, {13 * sec, 20 * sec}, {20 * sec, 30 * sec}, {55 * sec, 65 * sec}} {
		c.begin(step.at)
		c.end(step.at+sec, "")
		if got := c.next(); got != step.next {
			t.Errorf("begun at %v: the next is due at %v, want %v", step.at, got, step.next)
		}
	}
}

func TestTimeout(t *testing.T) {
	s := newSim(t, every(10*sec, 1))
	s.answer = hung
	s.pass(20 * sec)
	s.want("15s 2 bad checks, the last: no answer within 5s")
	if len(s.begun) != 2 {
		t.Errorf("checks begun at %v", s.begun)
	}
	// The answer comes just in time.
	s = newSim(t, every(10*sec, 0))
	s.answer = func(time.Duration) (string, time.Duration, bool) { return "", 4990 * ms, true }
	s.pass(100 * sec)
	s.want()
	// With a timeout as long as the period, each check counts once.
	s = newSim(t, rule{period: sec, limit: sec, maxBad: 2, minGood: 1})
	s.answer = hung
	s.pass(3500 * ms)
	s.want("3.02s 3 bad checks, the last: no answer within 1s")
}

// One that cannot be ended counts as bad again and again, and no other begins
// meanwhile.
func TestStuck(t *testing.T) {
	s := newSim(t, every(2*sec, 2))
	s.answer, s.lag = hung, time.Hour
	s.pass(10 * sec)
	s.want("5s 3 bad checks, the last: the check before has not ended yet")
	if len(s.begun) != 1 {
		t.Errorf("checks begun at %v", s.begun)
	}
	// It is about that life alone; the next one is checked when it is gone.
	s.restart()
	s.answer = good
	s.pass(20 * sec)
	s.want()
	if len(s.begun) != 1 {
		t.Errorf("checks begun at %v", s.begun)
	}
	s.over = s.now
	s.pass(5 * sec)
	s.want()
	if len(s.begun) < 3 {
		t.Errorf("checks begun at %v", s.begun)
	}
}

// What is found out about a life that is over says nothing about the next.
func TestNewLife(t *testing.T) {
	s := newSim(t, every(sec, 1))
	s.answer = poor
	s.pass(500 * ms) // one bad one
	s.restart()
	s.pass(100 * ms)
	s.want()
	// One under way is called off, and its end does not count.
	s = newSim(t, every(10*sec, 0))
	s.answer = hung
	s.pass(sec)
	s.restart()
	s.pass(100 * ms)
	s.want()
	if len(s.begun) != 2 || s.begun[1] != sec+10*ms {
		t.Errorf("checks begun at %v: the first was not called off", s.begun)
	}
	s.pass(4890 * ms)
	s.want() // the second began when the first had gone
	s.pass(sec)
	s.want("6.01s no answer within 5s")
}

// Only a service that is up is checked.
func TestNotUp(t *testing.T) {
	r := every(sec, 0)
	r.grace = 2 * sec
	s := newSim(t, r)
	s.pass(5 * sec)
	s.answer = hung
	s.pass(100 * ms)
	s.seen.on = false
	s.pass(100 * sec)
	s.want()
	s.seen.on, s.seen.age = true, 0 // the same life, which was not ready
	begin := s.now
	s.pass(10 * sec)
	s.want(fmt.Sprint(begin+2500*ms, " no answer within 500ms"))
}

// One request for a life; more, but ever fewer, if it goes on for long.
func TestRepeats(t *testing.T) {
	s := newSim(t, every(sec, 0))
	s.answer = poor
	s.pass(250 * sec)
	var at []string
	for _, a := range s.acts {
		at = append(at, strings.Fields(a)[0])
	}
	if diff := cmp.Diff([]string{"10ms", "30.01s", "1m30.01s", "3m30.01s"}, at); diff != "" {
		t.Error(diff)
	}
	s.acts = nil
	s.restart()
	s.pass(100 * ms)
	s.want("4m10.01s poor")
}

// Without the supervisor's status each request is taken to begin a life.
func TestNoStatus(t *testing.T) {
	r := every(sec, 1)
	r.grace = 10 * sec
	s := newSim(t, r)
	s.seen = seen{on: true}
	s.answer = poor
	s.pass(23 * sec)
	s.want("11.01s 2 bad checks, the last: poor", "22.02s 2 bad checks, the last: poor")
}

// Lives that begin at once are not checked at once, and each always at the same
// time of its own.
func TestJitter(t *testing.T) {
	r := every(10*sec, 0)
	r.jitter, r.grace = 1, 10*sec
	buckets := make([]int, 10)
	for i := range 1000 {
		s := newSim(t, r)
		s.check.name = fmt.Sprintf("web%d/http", i)
		s.check.observe(0, s.seen)
		first := s.check.next()
		if first < 10*sec || first >= 20*sec {
			t.Fatalf("the first check of %s is due at %v", s.check.name, first)
		}
		buckets[(first-10*sec)/sec]++
	}
	for i, n := range buckets {
		if n < 60 || n > 140 {
			t.Errorf("%d of 1000 in second %d: %v", n, i, buckets)
		}
	}
}

// The first good answer says that a life is ready; and again, while that is not
// seen.
func TestReady(t *testing.T) {
	s := newSim(t, rule{ready: true, limit: 5 * sec, minGood: 1})
	s.answer = func(now time.Duration) (string, time.Duration, bool) {
		if now < 10*sec {
			return poor(now)
		}
		return good(now)
	}
	s.pass(9 * sec)
	s.want()
	gaps := []time.Duration{}
	for i := 1; i < len(s.begun) && i < 7; i++ {
		gaps = append(gaps, s.begun[i]-s.begun[i-1])
	}
	// From the end of one, which takes 10 ms, to the next.
	if diff := cmp.Diff([]time.Duration{110 * ms, 210 * ms, 410 * ms, 810 * ms, 1010 * ms, 1010 * ms}, gaps); diff != "" {
		t.Error(diff)
	}
	s.pass(3 * sec)
	if len(s.acts) != 1 {
		t.Errorf("said ready at %v", s.acts)
	}
	s.pass(5 * sec)
	if len(s.acts) != 2 {
		t.Errorf("said ready at %v", s.acts)
	}
	s.acts, s.seen.on = nil, false // it is ready
	s.pass(time.Minute)
	s.want()
	s.restart()
	s.seen.on = true
	s.pass(100 * ms)
	if len(s.acts) != 1 {
		t.Errorf("said ready at %v", s.acts)
	}
	// A hung one is given up, and asked again soon.
	s = newSim(t, rule{ready: true, limit: 5 * sec, minGood: 1})
	s.answer = hung
	s.pass(11 * sec)
	if len(s.begun) != 3 {
		t.Errorf("checks begun at %v", s.begun)
	}
}

// After a suspend a connection may be gone; that says nothing.
func TestSuspend(t *testing.T) {
	s := newSim(t, every(10*sec, 0))
	bad := true
	s.answer = func(now time.Duration) (string, time.Duration, bool) {
		if bad {
			return "connection reset", 2 * sec, true
		}
		return good(now)
	}
	s.pass(sec)
	s.check.shake()
	bad = false
	s.pass(2 * sec)
	s.want()
	if len(s.begun) != 2 {
		t.Errorf("checks begun at %v, want another at once", s.begun)
	}
	// The next one is not shaken any more.
	bad = true
	s.pass(20 * sec)
	s.want("14s connection reset")
}

// The clock stands still while we do.
func TestClock(t *testing.T) {
	var c clock
	for i, step := range []struct {
		real, asleep, now, next time.Duration
		suspended               bool
	}{
		{real: 0, asleep: 5 * sec, now: 0, next: sec},
		{real: sec, asleep: 5 * sec, now: sec, next: 2 * sec},
		{real: 2*sec + 90*ms, asleep: 5 * sec, now: 2*sec + 90*ms, next: 3 * sec}, // a little late
		{real: 2*sec + 95*ms, asleep: 5 * sec, now: 2*sec + 95*ms, next: 3 * sec}, // woken early
		{real: 33 * sec, asleep: 5 * sec, now: 3 * sec, next: 34 * sec},           // stopped for 30 s
		{real: 34 * sec, asleep: 5*sec + 900*ms, now: 4 * sec, next: 35 * sec},
		{real: 35 * sec, asleep: 65 * sec, now: 5 * sec, next: 36 * sec, suspended: true},
		{real: 36 * sec, asleep: 65 * sec, now: 6 * sec, next: 37 * sec},
	} {
		now, suspended := c.at(step.real, step.asleep)
		if now != step.now || suspended != step.suspended {
			t.Errorf("step %d: now %v, suspended %v, want %v, %v", i, now, suspended, step.now, step.suspended)
		}
		c.plan(step.next)
	}
}
