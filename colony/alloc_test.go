package colony

import (
	"fmt"
	"testing"
	"time"
)

// What a step allocates is what it costs in the long run, in time and in garbage,
// and it must not depend on how many services there are. The bounds are a third
// above what there is.
func TestAllocationsPerStep(t *testing.T) {
	few, many := allocations(t, 10), allocations(t, 300)
	for name, most := range map[string]float64{"tick": 0, "file unchanged": 7, "file changed": 12, "restart": 55} {
		t.Logf("%s: %.1f allocations", name, many[name])
		if many[name] > most {
			t.Errorf("%s: %.1f allocations, want at most %.0f", name, many[name], most)
		}
		if many[name] > few[name]+1 {
			t.Errorf("%s: %.1f allocations among 10 services, %.1f among 300", name, few[name], many[name])
		}
	}
}

// allocations are those of typical events in a colony of n services.
func allocations(t *testing.T, n int) map[string]float64 {
	w := newWorld(t, testPolicy)
	for i := range n {
		w.see(fmt.Sprintf("s%d", i), `{"args":["/bin/a"]}`)
	}
	w.settle()
	w.pass(time.Minute)
	m, now := w.m, w.now
	name := "s5"
	s := m.services[name]
	same := seen{name: name, spec: specOf(t, `{"args":["/bin/a"]}`)}
	live := [2]seen{{name: name, spec: specOf(t, `{"args":["/bin/a"],"group":["x"]}`)}, {name: name, spec: specOf(t, `{"args":["/bin/a"],"group":["y"]}`)}}
	which, pid := 0, 1_000_000
	return map[string]float64{
		"tick":           testing.AllocsPerRun(100, func() { m.step(now, ticked{}) }),
		"file unchanged": testing.AllocsPerRun(100, func() { m.step(now, same) }),
		"file changed":   testing.AllocsPerRun(100, func() { which ^= 1; m.step(now, live[which]) }),
		"restart": testing.AllocsPerRun(100, func() {
			now.mono, now.wall = now.mono.add(time.Minute), now.wall.Add(time.Minute)
			var order uint64
			for _, e := range m.step(now, exited{pid: s.life.pid, status: exitStatus{signal: sigKILL}, alone: true}) {
				if e, ok := e.(spawn); ok {
					order = e.order
				}
			}
			if order == 0 {
				t.Fatal("it was not started again")
			}
			pid++
			m.step(now, started{order: order, pid: pid})
		}),
	}
}
