package colony

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// simOp is one thing that happens to a colony from outside, and for how many
// turns the colony then goes on by itself. What its numbers mean depends on
// kind; every one means something at any time, so that a schedule is still one
// when others are left out.
type simOp struct {
	kind, a, b, turns uint8
	seed              uint32 // of what is decided on the way
}

// simKinds are what can happen, and how often.
var simKinds = []struct {
	name string
	odds int
	do   func(w *simWorld, o simOp)
}{
	{"write", 10, (*simWorld).opWrite},
	{"write badly", 3, (*simWorld).opWriteBadly},
	{"half-write", 3, (*simWorld).opHalfWrite},
	{"remove", 4, (*simWorld).opRemove},
	{"message", 14, (*simWorld).opMessage},
	{"exit", 14, (*simWorld).opExit},
	{"fork", 6, (*simWorld).opFork},
	{"stubborn", 3, (*simWorld).opStubborn},
	{"spawn fails", 3, (*simWorld).opSpawnFails},
	{"spawn hangs", 2, (*simWorld).opSpawnHangs},
	{"time", 16, (*simWorld).opTime},
	{"wall clock", 1, (*simWorld).opWallClock},
	{"kill", 4, (*simWorld).opKill},
	{"start", 6, (*simWorld).opStart},
	{"upgrade", 3, (*simWorld).opUpgrade},
	{"signal", 2, (*simWorld).opSignal},
	{"disk", 2, (*simWorld).opDisk},
	{"directory", 2, (*simWorld).opDirectory},
	{"stranger", 3, (*simWorld).opStranger},
	{"tell", 8, (*simWorld).opTell},
}

var simNames = []string{"a", "b", "c"}

// simServices are all that can be made of their files.
var simServices = []string{"a", "a@1", "a@2", "a@3", "b", "b@1", "b@2", "b@3", "c", "c@1", "c@2", "c@3"}

var simSpecs = []string{
	`{"args":["x"]}`,
	`{"args":["x"],"group":["g"]}`,
	`{"args":["y"],"group":["g"],"ncolony.beatcheck":{"period":1,"grace":1,"status":"/b"}}`,
	`{"args":["x"],"restart":"never"}`,
	`{"args":["x"],"restart":"on-failure","group":["g"]}`,
	`{"args":["y"],"stop":{"grace":"1s","scope":"group"}}`,
	`{"args":["y"],"stop":{"scope":"main","signal":"INT"}}`,
	`{"args":["y"],"stop":{"command":["c"]}}`,
	`{"args":["z"],"stop":{"grace":0}}`,
	`{"args":["x"],"backoff":{"min":"300ms","max":"2s"}}`,
	`{"args":["z"],"main":true}`,
	`{"args":["z"],"main":true,"restart":"on-failure"}`,
	`{"args":["x"],"requires":["a"]}`,
	`{"args":["x"],"requires":["a"],"after":["c"]}`,
	`{"args":["x"],"requires":["b"],"restart":"on-failure"}`,
	`{"args":["y"],"after":["b"]}`,
	`{"args":["x"],"after":["c","nobody"]}`,
	`{"args":["x"],"restart":"never","after":["b"]}`,
	`{"args":["x"],"ready":{"notify":true}}`,
	`{"args":["x"],"ready":{"fd":3,"timeout":3},"requires":["b"]}`,
	`{"args":["x"],"ready":{"notify":true,"timeout":5},"watchdog":20,"restart":"on-failure"}`,
	`{"args":["y"],"watchdog":11,"stop":{"dump":"ABRT"}}`,
	`{"args":["x"],"backoff":{"min":"300ms"},"limit":{"restarts":1,"within":60}}`,
	`{"args":["x"],"requires":["a"],"backoff":{"min":0},"limit":{"restarts":2,"within":10,"then":{"retry":60}}}`,
	`{"args":["y"],"ready":{"notify":true},"limit":{"restarts":1,"within":3600,"then":"shutdown"}}`,
	`{"args":["x"],"instances":2}`,
	`{"args":["x"],"instances":3}`,
	`{"args":["x"],"instances":0}`,
	`{"args":["x"],"instances":2,"ready":{"notify":true},"group":["g"]}`,
	`{"args":["x"],"instances":1,"requires":["a"]}`,
	`{"args":["y"],"instances":3,"after":["b"],"restart":"on-failure","stop":{"grace":"1s"}}`,
}

var simBad = []string{``, `{`, `{"args":[]}`, `{"args":["x"],"args":["y"]}`, "\x00", `{"args":["x"],"restart":"sometimes"}`}

var simMessages = []string{
	`{"type":"RESTART","name":"%s"}`, `{"type":"STOP","name":"%s"}`, `{"type":"START","name":"%s"}`, `{"type":"STOP","name":"%s"}`,
	`{"type":"SIGNAL","name":"%s","signal":"HUP"}`, `{"type":"RESTART-ALL"}`, `{"type":"RESTART-GROUP","group":"g"}`, `{"type":"START","name":"%s"}`,
	`{"type":"RESTART","name":"%s","generation":1}`, `{"type":"RESCAN"}`, `{"type":"READY","name":"%s"}`, `{"type":"RESTART","name":"nobody"}`,
	`{"type":"RESTART","name":"%s","generation":2}`, `{"type":"`, `{"type":"SHUTDOWN"}`,
	`{"type":"STOP","name":"%s@2"}`, `{"type":"START","name":"%s@1"}`, `{"type":"RESTART","name":"%s@2"}`, `{"type":"READY","name":"%s@1"}`,
}

// simSchedule is the schedule of a seed.
func simSchedule(seed uint64) []simOp {
	rng := rand.New(rand.NewPCG(seed, 0))
	all := 0
	for _, k := range simKinds {
		all += k.odds
	}
	ops := make([]simOp, 8+rng.IntN(40))
	for i := range ops {
		n := rng.IntN(all)
		kind := 0
		for n >= simKinds[kind].odds {
			n -= simKinds[kind].odds
			kind++
		}
		ops[i] = simOp{uint8(kind), uint8(rng.Uint32()), uint8(rng.Uint32()), uint8(rng.IntN(12)), rng.Uint32()}
	}
	return ops
}

// simRun plays a schedule, and returns which invariant did not hold; "" = all.
func simRun(ops []simOp, trace *strings.Builder) (broken string) {
	w := newSimWorld(trace)
	defer func() {
		if p := recover(); p != nil {
			broken = fmt.Sprintf("panic: %v", p)
			if trace != nil {
				panic(p)
			}
		}
	}()
	w.boot(nil)
	for _, o := range ops {
		w.random = uint64(o.seed)
		w.say("%s %d %d", simKinds[o.kind].name, o.a, o.b)
		simKinds[o.kind].do(w, o)
		for range o.turns {
			if w.broken != "" || !w.step(w.luck(64)) {
				break
			}
		}
		if w.broken != "" {
			return w.broken
		}
	}
	w.say("the input ends")
	w.truth.settle()
	if w.broken == "" {
		w.truth.rest()
	}
	return w.broken
}

func (w *simWorld) opWrite(o simOp) {
	name := simNames[int(o.a)%len(simNames)]
	text := simSpecs[int(o.b)%len(simSpecs)]
	file := name
	if o.a > 240 {
		file += ".json"
	}
	w.truth.excuse("") // another may take its place as main
	w.truth.wrote(name, text)
	w.disk.put(configFile(file), []byte(text))
	w.hint(configFile(file), w.luck(8))
}

func (w *simWorld) opWriteBadly(o simOp) {
	name := simNames[int(o.a)%len(simNames)]
	w.truth.excuse("")
	w.disk.put(configFile(name), []byte(simBad[int(o.b)%len(simBad)]))
	w.hint(configFile(name), w.luck(8))
}

// opHalfWrite writes in place: a part first, then, perhaps in time, the whole.
func (w *simWorld) opHalfWrite(o simOp) {
	name := simNames[int(o.a)%len(simNames)]
	text := simSpecs[int(o.b)%len(simSpecs)]
	w.truth.excuse("")
	w.truth.wrote(name, text)
	w.disk.putInPlace(configFile(name), []byte(text[:w.luck(len(text))]))
	w.hint(configFile(name), w.luck(8))
	for range w.luck(6) {
		w.step(w.luck(64))
	}
	w.disk.putInPlace(configFile(name), []byte(text))
	w.hint(configFile(name), w.luck(8))
}

func (w *simWorld) opRemove(o simOp) {
	name := simNames[int(o.a)%len(simNames)]
	w.truth.excuse("")
	w.disk.dirs[simPlaces.Config].unlink(name)
	if o.b > 128 {
		w.disk.dirs[simPlaces.Config].unlink(name + ".json")
	}
	w.hint(configFile(name), w.luck(8))
}

func (w *simWorld) opMessage(o simOp) {
	text := simMessages[int(o.b)%len(simMessages)]
	if strings.Contains(text, "SHUTDOWN") && o.a < 200 {
		text = simMessages[0]
	}
	if strings.Contains(text, "%s") {
		name := simNames[int(o.a)%len(simNames)]
		if o.a > 250 {
			name = heartcheck
		}
		text = fmt.Sprintf(text, name)
	}
	w.send(text)
}

func (w *simWorld) send(text string) {
	w.truth.excuse("")
	path := filepath.Join(simPlaces.Messages, simMessage(w.sent))
	w.sent++
	w.say("  %s", text)
	w.disk.put(path, []byte(text))
	w.hint(path, w.luck(8))
}

// pick is one of the living processes of the colony.
func (w *simWorld) pick(n uint8) *simProc {
	var some []*simProc
	for _, p := range w.kernel.procs {
		if !p.zombie && p.life.name != "" {
			some = append(some, p)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return some[int(n)%len(some)]
}

func (w *simWorld) opExit(o simOp) {
	if p := w.pick(o.a); p != nil {
		w.kernel.die(p, []exitStatus{{}, {code: 3}, {code: 3}, {signal: 11, core: true}}[o.b%4])
	}
}

func (w *simWorld) opFork(o simOp) {
	if p := w.pick(o.a); p != nil && len(w.kernel.procs) < 30 {
		w.kernel.offspring(p, int(o.b))
	}
}

func (w *simWorld) opStubborn(o simOp) {
	if p := w.pick(o.a); p != nil {
		p.stubborn = true
		p.undead = o.b < 40
	}
}

func (w *simWorld) opSpawnFails(o simOp) {
	w.truth.excuse("") // of a program that was being written
	w.kernel.failing = append(w.kernel.failing, faultClass(o.a%4))
}

func (w *simWorld) opSpawnHangs(o simOp) {
	if o.a < 128 {
		w.kernel.slow = true
		return
	}
	for _, s := range w.kernel.spawners {
		s.hung = false
	}
}

func (w *simWorld) opTime(o simOp) {
	steps := []time.Duration{time.Millisecond, 60 * time.Millisecond, 300 * time.Millisecond, time.Second, 3 * time.Second, 11 * time.Second, time.Minute, time.Hour}
	if o.b < 160 {
		w.kernel.talk()
	}
	w.mono = w.mono.add(steps[int(o.a)%len(steps)])
}

func (w *simWorld) opWallClock(o simOp) {
	w.truth.clocked = true
	w.wall = []time.Duration{0, time.Hour, -time.Hour, 10000 * time.Hour, -10000 * time.Hour}[o.a%5]
}

// opKill kills the supervisor, now or at one of its next calls to the disk.
func (w *simWorld) opKill(o simOp) {
	switch {
	case w.c == nil:
	case o.a < 60:
		w.murder()
	default:
		w.disk.kill = w.disk.calls + 1 + int(o.b)%40
	}
}

func (w *simWorld) opStart(simOp) {
	if w.c == nil {
		w.boot(nil)
	}
}

func (w *simWorld) opUpgrade(o simOp) {
	w.kernel.refusal, w.back = "", ""
	switch o.a % 8 {
	case 0:
		w.kernel.refusal = "it is not fit"
	case 1:
		w.back = "it cannot go on"
	}
	w.send(`{"type":"UPGRADE","path":"/next"}`)
}

func (w *simWorld) opSignal(o simOp) {
	if w.c == nil {
		return
	}
	sig := sigHUP
	if o.a > 128 {
		sig = []spec.Signal{sigTERM, sigUSR1, sigUSR2, sigCONT}[o.b%4]
	}
	w.turn(signalled{sig})
}

func (w *simWorld) opDisk(o simOp) {
	w.disk.full = o.a > 80
	w.truth.trouble = w.truth.trouble || w.disk.full
}

// opDirectory takes the config directory away, or brings it back.
func (w *simWorld) opDirectory(o simOp) {
	w.disk.gone = nil
	if o.a > 80 {
		w.disk.gone = []string{simPlaces.Config}
	}
	w.hint(simPlaces.Config, w.luck(8))
}

func (w *simWorld) opStranger(simOp) {
	if len(w.kernel.procs) < 30 {
		p := w.kernel.birth(simProc{parent: simInit})
		p.session, p.group = p.pid, p.pid
	}
}
