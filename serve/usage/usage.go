// Package usage remembers how much processor time and memory services have used in
// the last hour, for charts. It reads /proc, and keeps what it has seen in rings of a
// fixed size: nothing of it is on a disk.
//
// What counts as a service is its session: the supervisor makes each service the
// leader of one, and what the service starts is in it, but for daemons that leave.
package usage

import (
	"context"
	"sync"
	"time"
)

const (
	// Every is the time between two samples.
	Every = 20 * time.Second

	// length is how many samples are kept of a service: an hour.
	length = int(time.Hour / Every)

	// MostServices is how many services are remembered: 1.5 KB each.
	MostServices = 10000
)

// Sample is what a service used at one time. Nothing is zero of both.
type Sample struct {
	CPU    float32 // since the sample before, in hundredths of one processor
	Memory uint32  // KiB that are resident
}

// ring is the last hour of a service. The youngest sample is that of turn.
type ring struct {
	samples [length]Sample
	turn    int
}

// Recorder remembers. Its methods may be called by any goroutine.
type Recorder struct {
	leaders func() map[int]string // main processes and their services
	proc    string                // directory

	mu    sync.Mutex
	turn  int // counts samples
	rings map[string]*ring
	times [length]time.Time

	before map[id]uint64 // ticks of the processes that were there
	at     time.Time     // when that was
}

// New returns a Recorder of the services whose main processes leaders tells.
func New(leaders func() map[int]string) *Recorder {
	return &Recorder{leaders: leaders, proc: "/proc", rings: map[string]*ring{}}
}

// Run takes samples until ctx is done.
func (r *Recorder) Run(ctx context.Context) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		r.sample(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sample looks at all processes once.
func (r *Recorder) sample(now time.Time) {
	services := r.leaders()
	used, seen := r.look(services, now)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before, r.at = seen, now
	r.turn++
	r.times[r.turn%length] = now
	for name, s := range used {
		one := r.rings[name]
		if one == nil {
			if len(r.rings) >= MostServices {
				continue
			}
			one = &ring{turn: r.turn - 1}
			r.rings[name] = one
		}
		for one.turn < r.turn-1 && one.turn > r.turn-length { // when it did not run
			one.turn++
			one.samples[one.turn%length] = Sample{}
		}
		if one.turn < r.turn-1 {
			one.samples = [length]Sample{}
		}
		one.turn = r.turn
		one.samples[one.turn%length] = s
	}
	for name, one := range r.rings {
		if one.turn <= r.turn-length {
			delete(r.rings, name)
		}
	}
}

// Point is a sample and when it was taken.
type Point struct {
	Time time.Time
	Sample
}

// Hour are the samples of a service, the oldest first. There are none of the time
// before it was first seen, nor of a service that is not remembered.
func (r *Recorder) Hour(name string) (points []Point) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.rings[name]
	if one == nil {
		return nil
	}
	for turn := max(r.turn-length+1, 1); turn <= r.turn; turn++ {
		p := Point{Time: r.times[turn%length]}
		if turn <= one.turn {
			p.Sample = one.samples[turn%length]
		}
		if len(points) > 0 || p.Sample != (Sample{}) {
			points = append(points, p)
		}
	}
	return points
}

// Now is the youngest sample of a service.
func (r *Recorder) Now(name string) (s Sample, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.rings[name]
	if one == nil || one.turn != r.turn {
		return s, false
	}
	return one.samples[one.turn%length], true
}
