package colony

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// motley is a model in which something of everything is under way.
func motley(t *testing.T) *world {
	p := testPolicy
	p.helpers = map[string]*spec.Spec{heartcheck: helperSpec([]string{"heartcheck"})}
	w := newWorld(t, p)
	w.m.command(commandSpec([]string{"app", "--flag"}))
	w.do(ticked{})
	w.settle()
	w.ready("web", `{"args":["web"],"group":["front"],"ncolony.beatcheck":{"period":5,"grace":3,"status":"/run/hearts"}}`)
	w.ready("slow", `{"args":["slow"],"stop":{"grace":"1h"}}`)
	w.settle()
	w.tame = func(int) bool { return false }
	w.send(`{"type":"RESTART","name":"slow"}`)
	w.do(seen{name: "broken", problem: &spec.Problem{Line: 3, Column: 7, Message: "no"}})
	w.die(w.ready("failing", `{"args":["failing"]}`), exitStatus{code: 3})
	w.die(w.ready("job", `{"args":["job"],"restart":"never"}`), exitStatus{})
	w.ready("stopped", `{"args":["stopped"]}`)
	w.tame = func(int) bool { return true }
	w.send(`{"type":"STOP","name":"stopped","reason":"a pause"}`)
	w.settle()
	w.loose[lifeID{"left", 1}] = []process{{processID{500, 77}, "worker", true}}
	w.tame = func(int) bool { return false }
	w.die(w.ready("left", `{"args":["left"]}`), exitStatus{code: 1})
	w.count()
	w.do(scanned{bad: map[string]string{"a b": "must not contain ' '"}})
	w.do(degraded{"events", "the disk is full"})
	w.m.poison["odd"] = poison{[32]byte{1, 2, 3}, "it made us panic"}
	w.m.notes = map[string]spec.StopNote{"unseen": {By: "somebody"}}
	w.send(`{"type":"UPGRADE","path":"/new"}`)
	w.do(examined{})
	w.do(seen{name: "waiting", spec: specOf(t, `{"args":["waiting"]}`)})
	return w
}

// The first form of a snapshot is read for ever, and so is what follows from it.
func TestGoldenState(t *testing.T) {
	path := filepath.Join("..", "testdata", "state", "v1.json")
	if os.Getenv("UPDATE") != "" { // the first form is never written again
		var b bytes.Buffer
		json.Indent(&b, motley(t).m.encode(), "", "  ")
		if err := os.WriteFile(path, append(b.Bytes(), '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := readSnapshot(b)
	if err != nil {
		t.Fatal(err)
	}
	p := testPolicy
	p.helpers = map[string]*spec.Spec{heartcheck: helperSpec([]string{"heartcheck"})}
	m, err := restore(p, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(m); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, s := range m.services {
		got[name] = fmt.Sprintf("%s, pid %d, generation %d, starts %d, %d asks", s.phase, s.life.pid, s.generation, s.starts, len(s.asks))
	}
	want := map[string]string{
		"@heartcheck": "up, pid 103, generation 1, starts 1, 0 asks",
		"main":        "up, pid 101, generation 1, starts 1, 0 asks",
		"web":         "up, pid 102, generation 1, starts 1, 0 asks",
		"slow":        "stopping, pid 104, generation 1, starts 1, 1 asks",
		"broken":      "down, pid 0, generation 0, starts 0, 0 asks",
		"failing":     "backoff, pid 0, generation 1, starts 1, 0 asks",
		"job":         "down, pid 0, generation 1, starts 1, 0 asks",
		"stopped":     "down, pid 0, generation 1, starts 1, 0 asks",
		"left":        "stopping, pid 0, generation 1, starts 1, 0 asks",
		"waiting":     "queued, pid 0, generation 0, starts 0, 0 asks",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
	if m.main != "main" || m.upgrade == nil || m.upgrade.path != "/new" || len(m.requests) != 2 || m.degraded["events"] == "" ||
		m.services["web"].spec.Heart.Period.D() != 5*time.Second || m.needed[0] != 1 || len(m.groups["front"]) != 1 {
		t.Errorf("model %+v", m)
	}
}

// A later form is refused, with the way out in the words.
func TestLaterState(t *testing.T) {
	later := strings.Replace(string(newWorld(t, testPolicy).m.encode()), `"version":1`, `"version":2`, 1)
	_, err := readSnapshot([]byte(later))
	if err == nil || err.Error() != "read state: it has version 2, and this program knows versions 1 to 1" {
		t.Errorf("error %v", err)
	}
	for _, bad := range []string{"", "{}", "null", "[", `{"version":1,"services":[{"name":"a","phase":"?"}]}`, `{"version":1,"services":[{"name":"a","phase":"down","spec":"{"}]}`} {
		s, err := readSnapshot([]byte(bad))
		if err == nil {
			_, err = restore(testPolicy, s)
		}
		if err == nil {
			t.Errorf("%q is believed", bad)
		}
	}
}

// State that contradicts itself is refused: what was wrong with it would be
// wrong with whom we signal, or with what we wait for.
func TestContradictions(t *testing.T) {
	p := testPolicy
	p.helpers = map[string]*spec.Spec{heartcheck: helperSpec([]string{"heartcheck"})}
	text := motley(t).m.encode()
	if _, err := takeOver(p, text); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(s *snapshot, of map[string]*savedService){
		"init is a service":             func(s *snapshot, of map[string]*savedService) { of["web"].Life.PID = 1 },
		"all processes are a service":   func(s *snapshot, of map[string]*savedService) { of["web"].Life.PID = -1 },
		"two services are one process":  func(s *snapshot, of map[string]*savedService) { of["web"].Life.PID = of["slow"].Life.PID },
		"two services are one":          func(s *snapshot, of map[string]*savedService) { s.Services = append(s.Services, of["web"]) },
		"a service is nothing":          func(s *snapshot, of map[string]*savedService) { s.Services[0] = nil },
		"a name leads out":              func(s *snapshot, of map[string]*savedService) { of["web"].Name = "../web" },
		"a helper that is none":         func(s *snapshot, of map[string]*savedService) { of["broken"].Name = "@broken" },
		"up without a process":          func(s *snapshot, of map[string]*savedService) { of["web"].Life.PID = 0 },
		"up without a life":             func(s *snapshot, of map[string]*savedService) { of["web"].Life = nil },
		"a life without a spec":         func(s *snapshot, of map[string]*savedService) { of["slow"].Spec = nil },
		"dead without an end":           func(s *snapshot, of map[string]*savedService) { of["left"].Life.Exit = nil },
		"stopping, and never looked at": func(s *snapshot, of map[string]*savedService) { of["slow"].Due = 0 },
		"wanted, and nothing is done":   func(s *snapshot, of map[string]*savedService) { of["stopped"].Stopped = nil },
		"another state is published":    func(s *snapshot, of map[string]*savedService) { of["web"].State = spec.Stopped },
		"queued, and not in the queue":  func(s *snapshot, of map[string]*savedService) { s.Queue = nil },
		"a count below zero":            func(s *snapshot, of map[string]*savedService) { of["web"].Busy = -1 },
		"censuses below zero":           func(s *snapshot, of map[string]*savedService) { s.Census.Lost = -1 },
		"main is none":                  func(s *snapshot, of map[string]*savedService) { s.Main = "web" },
		"a stage there is not":          func(s *snapshot, of map[string]*savedService) { s.Drain.Stage = 7 },
		"a request nobody answers":      func(s *snapshot, of map[string]*savedService) { of["slow"].Asks = nil },
		"an order for no life": func(s *snapshot, of map[string]*savedService) {
			s.Ordered++
			s.Orders = append(s.Orders, savedOrder{Number: s.Ordered, Name: "web", Generation: 9})
		},
		"an order twice": func(s *snapshot, of map[string]*savedService) {
			o := savedOrder{Number: 1, Name: "web", Generation: 1, Kind: kindStopCommand}
			s.Orders = append(s.Orders, o, o)
		},
	} {
		s, err := readSnapshot(text)
		must(t, err)
		of := map[string]*savedService{}
		for _, v := range s.Services {
			of[v.Name] = v
		}
		spoil(s, of)
		b, err := json.Marshal(s)
		must(t, err)
		if _, err := takeOver(p, b); err == nil {
			t.Errorf("%s: it is believed", what)
		}
	}
}

// A life with a spec that nobody knows any more is handed over like any other,
// while it ends and while an empty directory keeps it going.
func TestUnknownSpec(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.m.inherit(heir{line: ledgerLine{Name: "a", Generation: 3, PID: 50, Start: 7}}, &spec.Spec{})
	w.alive[50] = spawn{life: lifeID{"a", 3}}
	w.tame = func(int) bool { return false }
	w.do(ticked{})
	w.reborn()
	w.see("a", `{"args":["a"]}`)
	w.reborn()
	w.tame = func(int) bool { return true }
	w.pass(testPolicy.grace)
	w.settle()
	w.reborn()
	if s := w.m.services["a"]; s.phase != up || s.generation != 4 {
		t.Errorf("%s, generation %d", s.phase, s.generation)
	}
}

// BenchmarkSnapshot is the price of a snapshot of 1,000 services, and of the
// way back.
func BenchmarkSnapshot(b *testing.B) {
	w := newWorld(new(testing.T), testPolicy)
	const n = 1000
	for i := range n {
		w.see(fmt.Sprintf("s%d", i), fmt.Sprintf(`{"args":["/usr/bin/program","--number","%d"],"env":{"A":"b"},"group":["all"]}`, i))
	}
	w.settle()
	text, err := json.Marshal(w.m.snapshot())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("save", func(b *testing.B) {
		for b.Loop() {
			json.Marshal(w.m.snapshot())
		}
		b.ReportMetric(float64(len(text))/n, "bytes/service")
	})
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			s, err := readSnapshot(text)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := restore(testPolicy, s); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Services with the same spec have it parsed once.
func TestEachSpecIsRestoredOnce(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("a", `{"args":["/bin/a"]}`)
	w.see("b", `{"args":["/bin/a"]}`)
	w.see("c", `{"args":["/bin/c"]}`)
	w.settle()
	m, err := takeOver(w.m.policy, w.m.encode())
	must(t, err)
	a, b, c := m.services["a"].spec, m.services["b"].spec, m.services["c"].spec
	if a != b || b == c || string(c.Raw) != `{"args":["/bin/c"]}` {
		t.Errorf("specs %p, %p and %p of %s", a, b, c, c.Raw)
	}
}

// A baton is written as encoding/json would write it, to which the state need
// not be shown again.
func TestBatonText(t *testing.T) {
	w := newWorld(t, testPolicy)
	w.see("a", `{"args":["/bin/a","<&>"]}`)
	w.settle()
	b := &baton{State: w.m.encode(), From: "1", Locks: []int{3, 4}, Wards: map[int]int{50: 7}}
	want, err := json.Marshal(b)
	must(t, err)
	got, err := b.text()
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("it is\n%s\nwant\n%s", got, want)
	}
}

// A state is refused by what is wrong with it: its form if that is not known,
// whatever else it holds.
func TestReadSnapshotSaysWhy(t *testing.T) {
	for text, want := range map[string]string{
		`{"version":9,"seed":"of another kind"}`: "it has version 9",
		`{"version":9}`:                          "it has version 9",
		`{"version":1,"seed":"of another kind"}`: "cannot unmarshal string",
		`{"version":1`:                           "unexpected end",
		`{}`:                                     "it has version 0",
	} {
		if _, err := readSnapshot([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
