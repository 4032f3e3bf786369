package colony

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// The specs and messages that FuzzStep writes.
var fuzzSpecs = []string{
	`{"args":["x"]}`,
	`{"args":["x"],"group":["g"]}`,
	`{"args":["x"],"restart":"never"}`,
	`{"args":["x"],"restart":"on-failure","group":["g"]}`,
	`{"args":["x"],"backoff":{"min":0}}`,
	`{"args":["y"],"stop":{"grace":"1s","scope":"group"}}`,
	`{"args":["y"],"stop":{"scope":"main","signal":"INT"}}`,
	`{"args":["y"],"stop":{"command":["c"]}}`,
	`{"args":["z"],"stop":{"grace":0}}`,
	`{"args":["z"],"main":true}`,
	`{"args":["z"],"ncolony.beatcheck":{"period":1,"grace":1,"status":"/b"}}`,
	`{"args":["x"],"requires":["a"]}`,
	`{"args":["x"],"requires":["b"],"after":["c","nobody"]}`,
	`{"args":["x"],"after":["b"],"restart":"never"}`,
	`{"args":["x"],"ready":{"notify":true,"timeout":5},"after":["c"]}`,
	`{"args":["y"],"ready":{"fd":3},"watchdog":20,"stop":{"dump":"ABRT"},"restart":"on-failure"}`,
	`{"args":["x"],"backoff":{"min":0},"limit":{"restarts":1,"within":60}}`,
	`{"args":["x"],"limit":{"restarts":1,"within":10,"then":{"retry":60}}}`,
	`{"args":["y"],"limit":{"restarts":0,"within":10,"then":"shutdown"}}`,
	`{"args":["x"],"schedule":{"every":60}}`,
	`{"args":["x"],"schedule":{"cron":"@daily"},"restart":"on-failure","requires":["b"]}`,
	`{"args":["x"],"instances":3}`,
	`{"args":["x"],"instances":2}`,
	`{"args":["x"],"instances":0}`,
	`{"args":["y"],"instances":1,"requires":["b"],"group":["g"]}`,
	`{"args":["x"],"instances":2,"restart":"never"}`,
}

var fuzzTellings = []string{"READY=1", "WATCHDOG=1", "STOPPING=1", "WATCHDOG=trigger", "EXTEND_TIMEOUT_USEC=20000000", "RELOADING=1\nSTATUS=x", "MAINPID=1", "WATCHDOG_USEC=20000000"}

var fuzzMessages = []string{
	`{"type":"RESTART","name":"%s"}`, `{"type":"STOP","name":"%s"}`, `{"type":"START","name":"%s"}`,
	`{"type":"SIGNAL","name":"%s","signal":"HUP"}`, `{"type":"RESTART-ALL"}`, `{"type":"RESTART-GROUP","group":"g"}`,
	`{"type":"RESTART","name":"%s","generation":1}`, `{"type":"RESCAN"}`, `{"type":"READY","name":"%s"}`, `{"type":"SHUTDOWN"}`,
	`{"type":"UPGRADE"}`, `{"type":"RESTART","name":"nobody"}`, `{"type":"STOP","name":"@heartcheck"}`,
	`{"type":"STOP","name":"%s@2"}`, `{"type":"START","name":"%s@1"}`, `{"type":"RESTART","name":"%s@1"}`,
}

// FuzzStep plays random events to the core. The invariants hold after every
// step; and when the input ends, wanted and actual come to agree.
func FuzzStep(f *testing.F) {
	f.Add([]byte{0, 0, 0, 4, 5, 0})
	f.Add([]byte{0, 1, 7, 4, 1, 1, 1, 6, 8, 2, 9, 200, 3, 4})
	for i := range fuzzSpecs {
		f.Add([]byte{0, 0, byte(i), 4, 1, 0, 1, 4, 6, 9, 255, 8, 2, 7, 4, 5, 0, 1, 2})
	}
	f.Fuzz(play)
}

// TestRandomSchedules is FuzzStep for those who do not wait: other schedules in
// each run, and the seed of one that fails in the name of its test.
func TestRandomSchedules(t *testing.T) {
	n := 1500
	if testing.Short() {
		n = 300
	}
	first := time.Now().UnixNano()
	for i := range int64(n) {
		data := make([]byte, 20+i%300)
		rng := rand.New(rand.NewPCG(uint64(first+i), 0))
		for j := range data {
			data[j] = byte(rng.Uint32())
		}
		ok := t.Run(fmt.Sprintf("seed %d", first+i), func(t *testing.T) { play(t, data) })
		if !ok {
			t.Fatalf("to keep it: %#v", data)
		}
	}
}

// play plays the events that data stands for to a colony, and then lets it
// come to rest.
func play(t *testing.T, data []byte) {
	p := testPolicy
	if len(data) > 0 && data[0]&1 == 1 {
		p.budget = 8 * time.Second
	}
	p.helpers = map[string]*spec.Spec{heartcheck: specOf(t, `{"args":["h"]}`)}
	w := newWorld(t, p)
	in := &input{data: data}
	w.tame = func(pid int) bool { return pid%3 != 0 }
	w.rebirth = len(data) > 0 && data[0]&2 == 2
	if len(data) > 0 && data[0]&4 == 4 {
		w.m.trap = panicking(in)
	}
	for steps := 0; in.more() && w.exit == nil && steps < 400; steps++ {
		w.random(in)
	}
	w.rest()
}

// panicking is a trap that panics twice, at moments that the input says.
func panicking(in *input) func(any) {
	left, wait, quiet := 2, 1+in.next(200), false
	return func(what any) {
		if _, isEvent := what.(event); isEvent {
			_, quiet = what.(recovered) // one that panics again gives up
		}
		if wait--; wait <= 0 && left > 0 && !quiet {
			left--
			wait = 1 + in.next(200)
			panic(fmt.Sprintf("trap at %T", what))
		}
	}
}

// input doles out the fuzzer's bytes.
type input struct {
	data []byte
	pos  int
}

func (i *input) more() bool { return i.pos < len(i.data) }

func (i *input) next(n int) int {
	if !i.more() {
		return 0
	}
	i.pos++
	return int(i.data[i.pos-1]) % n
}

// random does one thing that can happen.
func (w *world) random(in *input) {
	w.t.Helper()
	name := string(rune('a' + in.next(3)))
	switch in.next(14) {
	case 0:
		w.see(name, fuzzSpecs[in.next(len(fuzzSpecs))])
	case 1:
		w.gone(name)
	case 2:
		w.do(seen{name: name, problem: &spec.Problem{Message: "bad"}})
	case 3:
		text := fuzzMessages[in.next(len(fuzzMessages))]
		if n := len(text); n > 0 && containsVerb(text) {
			text = fmt.Sprintf(text, name)
		}
		if in.next(6) == 0 {
			w.sendAs("same", text)
		} else {
			w.send(text)
		}
	case 4:
		if len(w.orders) > 0 {
			w.answerOne()
		}
	case 5:
		if len(w.orders) > 0 {
			w.failOne(fault{"no", faultClass(in.next(4))})
		}
	case 6:
		w.randomDeath(in)
	case 7:
		w.count()
	case 8:
		w.pass([]time.Duration{0, time.Millisecond, time.Second, 3 * time.Second, 11 * time.Second, time.Hour}[in.next(6)])
	case 9:
		w.do(signalled{[]spec.Signal{sigHUP, sigUSR1, sigTERM, sigCONT}[in.next(4)]})
	case 10: // a child whose started is late, or somebody's orphan
		if len(w.orders) > 0 && in.next(2) == 0 {
			o := w.orders[0]
			w.orders = w.orders[1:]
			w.pids++
			w.do(exited{pid: w.pids})
			w.alive[w.pids] = o
			w.do(started{order: o.order, pid: w.pids})
			delete(w.alive, w.pids)
		} else {
			w.do(exited{pid: 90000 + in.next(10)})
		}
	case 12:
		w.randomUpgrade(in)
	case 13:
		s := w.m.services[name]
		if s == nil {
			s = w.m.services[name+"@1"]
		}
		if s != nil {
			id := s.lifeID()
			id.generation -= uint64(in.next(4) / 3) // or the one before
			w.do(notified{id, parseNotification([]byte(fuzzTellings[in.next(len(fuzzTellings))]))})
		}
	case 11:
		for range 20 {
			w.toDeadline()
		}
	}
}

// randomUpgrade answers what an upgrade under way waits for.
func (w *world) randomUpgrade(in *input) {
	w.t.Helper()
	why := []string{"", "", "it is not fit"}[in.next(3)]
	switch {
	case w.asking:
		w.asking = false
		w.do(examined{why})
	case w.handing:
		w.handing = false
		if in.next(3) > 0 {
			w.do(remained{why})
			return
		}
		w.reborn()
		w.census = nil // whoever counted is gone
		w.do(replaced{from: "1", to: "2", since: w.now.mono, why: why})
		w.tellAgain()
	}
}

func containsVerb(s string) bool {
	for i := range len(s) - 1 {
		if s[i] == '%' {
			return true
		}
	}
	return false
}

// randomDeath ends some child, and may leave something of its life behind.
func (w *world) randomDeath(in *input) {
	w.t.Helper()
	k := in.next(8)
	for pid := 101; pid <= w.pids; pid++ {
		o, ok := w.alive[pid]
		if !ok {
			continue
		}
		if k--; k >= 0 && pid != w.pids {
			continue
		}
		if o.kind == kindService {
			for i := range in.next(3) {
				p := process{processID: processID{50000 + pid*3 + i, 7}, inGroup: i == 0}
				w.loose[o.life] = append(w.loose[o.life], p)
			}
		}
		if in.next(5) == 0 {
			w.stray = append(w.stray, process{processID: processID{80000 + pid, 7}})
		}
		w.die(pid, []exitStatus{{}, {code: 3}, {signal: sigTERM}}[in.next(3)])
		return
	}
}

// rest ends the input: the world settles and time passes until nothing more is
// due, and then what is wanted is what there is.
func (w *world) rest() {
	w.t.Helper()
	w.tame = func(int) bool { return true }
	w.settle()
	for range 1000 {
		w.doTheirWork()
		at := nextDue(w.m)
		if w.exit != nil || at == 0 {
			break
		}
		w.pass(min(max(0, at.sub(w.now.mono)), simBeat))
		w.settle()
	}
	if w.exit != nil {
		for pid := range w.alive {
			if !slices.Contains(w.told[pid], sigKILL) {
				w.t.Fatalf("ended, and left pid %d behind unharmed", pid)
			}
		}
		if len(w.m.requests) > 0 {
			w.t.Fatalf("ended with open requests: %v", w.m.requests)
		}
		return
	}
	if w.m.drain.on {
		w.t.Fatal("a drain does not end")
	}
	for name, s := range w.m.services {
		if why := runsRightly(w.m, s); why != "" {
			w.t.Error(why)
		}
		if s.restart {
			w.t.Errorf("%q: a restart is still asked for", name)
		}
	}
	if len(w.m.requests) > 0 {
		w.t.Errorf("requests without an answer: %v", w.m.requests)
	}
	if at := nextDue(w.m); at != 0 {
		w.t.Errorf("at rest, and due in %v", at.sub(w.now.mono))
	}
}

// doTheirWork has lives say that they are ready, and beat, and jobs be done that
// others wait for.
func (w *world) doTheirWork() {
	w.t.Helper()
	for _, s := range w.m.inOrder() {
		if w.exit != nil || s.phase != up {
			continue
		}
		switch {
		case len(w.m.dependents[s.file()]) > 0 && isJob(s.spec):
			w.die(s.life.pid, exitStatus{})
			w.settle()
		case s.life.signs == nil:
		case !s.life.ready:
			w.do(notified{s.lifeID(), notification{ready: true}})
		default:
			w.do(notified{s.lifeID(), notification{beat: true}})
		}
	}
	if w.exit == nil {
		w.settle()
	}
}
