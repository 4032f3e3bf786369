package colony

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// TestManyInstances: the most that a file can make, which the most of another
// require, are stopped in a time that nobody notices. What is looked at for one
// of them must not be all of them for each of the others: that took 23 s.
func TestManyInstances(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a second")
	}
	m := newModel(testPolicy, 1, spec.ColonyStatus{})
	now := moment{instant(time.Hour), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	pids := 1000
	used := func() time.Duration { // of the processor, whoever else has it in between
		var u unix.Rusage
		must(t, unix.Getrusage(unix.RUSAGE_SELF, &u))
		return time.Duration(u.Utime.Nano())
	}
	// play has an event happen, and what follows: starts succeed, and TERM ends.
	play := func(ev event) (longest time.Duration) {
		for queue := []event{ev}; len(queue) > 0; queue = queue[1:] {
			began := used()
			out := m.step(now, queue[0])
			longest = max(longest, used()-began)
			for _, e := range out {
				switch e := e.(type) {
				case spawn:
					pids++
					queue = append(queue, started{order: e.order, pid: pids})
				case signal:
					if e.signal == sigTERM {
						queue = append(queue, exited{pid: e.pid, alone: true})
					}
				}
			}
		}
		if err := m.check(); err != nil {
			t.Fatal(err)
		}
		return longest
	}
	play(seen{name: "b", spec: specOf(t, instances(spec.MaxInstances))})
	play(seen{name: "a", spec: specOf(t, `{"args":["x"],"instances":1000,"requires":["b"]}`)})
	if n := len(m.pids); n != 2*spec.MaxInstances {
		t.Fatalf("%d run", n)
	}
	longest := play(received{file: "m", message: &spec.Message{Type: spec.StopService, Name: "b"}})
	if n := len(m.pids); n != 0 || longest > 3*time.Second {
		t.Errorf("%d are left, and one step has taken %v", n, longest)
	}
}
