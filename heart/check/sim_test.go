package check

import (
	"testing"
	"time"
)

const sec = time.Second

// patientSim is one service in virtual time: the test says what it does, the
// checker looks when it wants to.
type patientSim struct {
	t       *testing.T
	checker *checker
	pulse   pulse
	now     time.Duration
	seen    seen
	asked   []time.Duration // when a restart was asked for
	next    time.Duration   // the next look
}

func newSim(t *testing.T, period time.Duration, grace float64) *patientSim {
	return &patientSim{
		t:       t,
		checker: newChecker(defaultFrequency),
		seen: seen{
			name: "web", period: period, grace: graceOf(period, grace), path: "/beat",
			up: true, life: life{Generation: 1, PID: 100},
		},
	}
}

// pass lets time pass; beating, if above zero, is how often the service beats.
func (p *patientSim) pass(d, beating time.Duration) {
	for end := p.now + d; p.now < end; p.now += 10 * time.Millisecond {
		if beating > 0 && p.now%beating == 0 {
			p.beat()
		}
		p.look()
	}
}

func (p *patientSim) beat() {
	p.seen.found = true
	p.seen.mark.mtime++
}

// look is the loop of the program.
func (p *patientSim) look() {
	if p.now < p.next {
		return
	}
	v := p.checker.observe(p.now, &p.pulse, p.seen)
	p.next = v.next
	if v.restart {
		p.asked = append(p.asked, p.now)
		p.pulse.sent(p.now)
	}
}

// restart begins a new life.
func (p *patientSim) restart() {
	p.seen.life.Generation++
	p.seen.life.PID++
	p.seen.age = 0
}

// want checks when restarts were asked for, within the time of two looks.
func (p *patientSim) want(times ...time.Duration) {
	p.t.Helper()
	slack := 2*p.checker.every(p.seen.period) + 20*time.Millisecond
	ok := len(p.asked) == len(times)
	for i := range min(len(p.asked), len(times)) {
		ok = ok && p.asked[i] >= times[i] && p.asked[i] <= times[i]+slack
	}
	if !ok {
		p.t.Errorf("restarts at %v, want %v (and up to %v later)", p.asked, times, slack)
	}
}
