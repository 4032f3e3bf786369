package colony

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// FuzzRestore hands over state that script has spoilt. Whatever it is then, it is
// refused or makes a model that holds the invariants, gives the same state again,
// and goes on to hold them. The state is one of a few good ones, or raw.
func FuzzRestore(f *testing.F) {
	good := goodStates(f)
	for i := range good {
		f.Add(byte(i), []byte{}, []byte{}, []byte{1, 2, 3, 4, 5, 6})
	}
	f.Add(byte(0), []byte{}, []byte{7, 0, 9, 1, 3, 5, 2}, []byte{1, 2, 3, 4, 5, 6})
	f.Add(byte(0), []byte(`{"version":1}`), []byte{}, []byte{0})
	f.Fuzz(func(t *testing.T, which byte, raw, script, after []byte) {
		state := raw
		if len(raw) == 0 {
			state = good[int(which)%len(good)]
		}
		handOn(t, state, script, after)
	})
}

// TestSpoiltStates is FuzzRestore for those who do not wait, as TestRandomSchedules
// is for FuzzStep.
func TestSpoiltStates(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 300
	}
	good := goodStates(t)
	first := time.Now().UnixNano()
	for i := range int64(n) {
		rng := rand.New(rand.NewPCG(uint64(first+i), 0))
		random := func(n int) []byte {
			b := make([]byte, rng.IntN(n))
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
			return b
		}
		state, script, after := good[rng.IntN(len(good))], random(40), random(100)
		if !t.Run(fmt.Sprintf("seed %d", first+i), func(t *testing.T) { handOn(t, state, script, after) }) {
			t.Fatalf("to keep it: %s\n%#v\n%#v", state, script, after)
		}
	}
}

// goodStates are the first form there was, and some random models.
func goodStates(t testing.TB) [][]byte {
	golden, err := os.ReadFile(filepath.Join("..", "testdata", "state", "v1.json"))
	if err != nil {
		t.Fatal(err)
	}
	good := [][]byte{golden}
	for seed := range uint64(7) {
		w := newWorld(new(testing.T), testPolicy)
		w.tame = func(pid int) bool { return pid%3 != 0 }
		in := &input{data: make([]byte, 150)}
		rng := rand.New(rand.NewPCG(seed, 0))
		for i := range in.data {
			in.data[i] = byte(rng.Uint32())
		}
		for in.more() && w.exit == nil && !w.m.drain.on {
			w.random(in)
		}
		good = append(good, w.m.encode())
	}
	return good
}

func handOn(t *testing.T, state, script, after []byte) {
	t.Helper()
	p := testPolicy
	p.helpers = map[string]*spec.Spec{heartcheck: helperSpec([]string{"heartcheck"})}
	m, err := takeOver(p, spoil(state, &input{data: script}))
	if err != nil {
		if m != nil {
			t.Fatal("a model beside an error")
		}
		return
	}
	if err := check(m); err != nil {
		t.Fatal(err)
	}
	text := m.encode()
	if again, err := takeOver(p, text); err != nil {
		t.Fatalf("refused the second time: %v\n%s", err, text)
	} else if diff := cmp.Diff(string(text), string(again.encode())); diff != "" {
		t.Fatalf("restored twice, it is another:\n%s", diff)
	}
	goOn(t, m, &input{data: after})
}

// spoil changes the values of a JSON text as in says: one becomes null, or a
// number it should not be, or the like of another place.
func spoil(text []byte, in *input) []byte {
	var tree any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if !in.more() || d.Decode(&tree) != nil {
		return text
	}
	odd := []any{nil, json.Number("0"), json.Number("-1"), json.Number("1"), json.Number("9223372036854775807"), "", "up", "down", "stopping",
		"../x", true, false, []any{}, map[string]any{}, []any{nil}, "2026-01-02T03:04:05Z"}
	size := len(text) // of a tree that was put into itself it doubles
	for n := 0; in.more() && n < 20 && size < 100<<10; n++ {
		all := places(&tree)
		at := all[(in.next(256)*256+in.next(256))%len(all)]
		switch what := in.next(4 + len(odd)); what {
		case 0:
			other := all[(in.next(256)*256+in.next(256))%len(all)]
			at.set(copyOf(other.get()))
		case 1, 2, 3:
			if list, ok := at.get().([]any); ok && len(list) > 0 { // one of them twice
				at.set(append(slices.Clone(list), copyOf(list[in.next(len(list))])))
			} else if n, ok := at.get().(json.Number); ok {
				i, _ := n.Int64()
				at.set(i + int64(in.next(256)) - 128)
			}
		default:
			at.set(odd[what-4])
		}
		// What was set is a tree of its own, in the decoder's types.
		b, _ := json.Marshal(tree)
		size = len(b)
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		if d.Decode(&tree) != nil {
			break
		}
	}
	b, _ := json.Marshal(tree)
	return b
}

// place is where a value of a JSON text stands.
type place struct {
	get func() any
	set func(any)
}

// places lists all places of a text, in its order.
func places(root *any) []place {
	var all []place
	var walk func(p place)
	walk = func(p place) {
		all = append(all, p)
		switch v := p.get().(type) {
		case []any:
			for i := range v {
				walk(place{func() any { return v[i] }, func(x any) { v[i] = x }})
			}
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				walk(place{func() any { return v[k] }, func(x any) { v[k] = x }})
			}
		}
	}
	walk(place{func() any { return *root }, func(x any) { *root = x }})
	return all
}

func copyOf(v any) (c any) {
	b, _ := json.Marshal(v)
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	d.Decode(&c)
	return c
}

// goOn has things happen to a model that was handed over.
func goOn(t *testing.T, m *model, in *input) {
	at := moment{instant(time.Hour), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	pids := 1 << 20
	do := func(ev event) {
		m.step(at, ev)
		if err := check(m); err != nil {
			t.Fatalf("after %T %+v: %v", ev, ev, err)
		}
	}
	do(replaced{from: "1", to: "2", since: at.mono})
	for steps := 0; in.more() && steps < 100 && !m.drain.done; steps++ {
		names := slices.Sorted(maps.Keys(m.services))
		switch in.next(8) {
		case 0:
			if all := slices.Sorted(maps.Keys(m.pids)); len(all) > 0 {
				do(exited{pid: all[in.next(len(all))], status: exitStatus{code: in.next(2)}, alone: in.next(2) == 0})
			}
		case 1:
			if len(m.orders) > 0 {
				pids++
				do(started{order: m.orders[in.next(len(m.orders))].number, pid: pids})
			}
		case 2:
			if len(m.orders) > 0 {
				do(spawnFailed{m.orders[in.next(len(m.orders))].number, fault{"no", faultClass(in.next(4))}})
			}
		case 3:
			do(counted{number: m.census.number, left: map[lifeID][]process{}})
		case 4:
			if next := m.deadline(); next > at.mono && next < 1<<60 { // 36 years; clocks end at 292
				at.mono = next
			}
			do(ticked{})
		case 5:
			if len(names) > 0 {
				do(seen{name: names[in.next(len(names))], gone: true})
			}
		case 7:
			if len(names) > 0 {
				id := m.services[names[in.next(len(names))]].lifeID()
				do(notified{id, parseNotification([]byte(fuzzTellings[in.next(len(fuzzTellings))]))})
			}
		case 6:
			kind := []spec.Type{spec.RestartAll, spec.RestartService, spec.StopService, spec.StartService, spec.Shutdown}[in.next(5)]
			msg := &spec.Message{Type: kind}
			if kind != spec.RestartAll && kind != spec.Shutdown && len(names) > 0 {
				msg.Name = names[in.next(len(names))]
			}
			do(received{file: "m", at: at.wall, message: msg, trusted: true})
		}
	}
}
