package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/docs/schema"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

// status writes what the supervisor says of a service.
func (c *colony) status(st *spec.Status) {
	c.t.Helper()
	data, err := json.Marshal(st)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := atomicfile.Write(c.places.Status(st.Name), data, 0o644, false); err != nil {
		c.t.Fatal(err)
	}
}

// sent collects messages.
type sent struct {
	mu  sync.Mutex
	all []spec.Message
}

func (s *sent) send(m spec.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, m)
	return nil
}

func (s *sent) generations(name string) (all []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.all {
		if m.Type == spec.Ready && m.Name == name && m.Generation != nil && !slices.Contains(all, *m.Generation) {
			all = append(all, *m.Generation)
		}
	}
	return all
}

// A life is ready when it has written a line that matches, and not because of what
// an earlier one has written, or itself in the midst of a line.
func TestReady(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	content := `{"args": ["/bin/true"], "log": {"stderr": "apart"}, "ready": {"log": "^listening on \\d+$"}}`
	if err := os.WriteFile(filepath.Join(c.places.Config, "web"), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	c.spec("other", `{}`)
	out, errs := c.pipe("web"), c.pipe("web/stderr")
	fmt.Fprintln(out, "listening on 1")
	fmt.Fprintln(c.pipe("other"), "listening on 1")
	var s sent
	c.logger(func(o *Options) { o.Send = s.send })
	fixture.Eventually(t, "the past is kept", func() bool { return size(c.dir("web")) > 0 })
	time.Sleep(3 * markEvery) // what comes within an instant shares its time

	started := time.Now()
	st := &spec.Status{Name: "web", State: spec.Starting, PID: 10, Generation: 1, Since: started, Started: &started}
	c.status(st)
	time.Sleep(3 * awaitLook) // it looks at what there was before
	fmt.Fprint(out, "not listening on 2\nlistening on 3")
	fmt.Fprintln(errs, "warming up")
	fixture.Eventually(t, "that is kept", func() bool { return size(c.dir("web/stderr")) > 0 })
	time.Sleep(3 * awaitLook)
	if got := s.generations("web"); got != nil {
		t.Fatalf("ready too early: %v", got)
	}
	fmt.Fprintln(out)
	fixture.Eventually(t, "the first life is ready", func() bool { return cmp.Equal(s.generations("web"), []uint64{1}) })

	// The second one says so on the other stream.
	time.Sleep(3 * markEvery)
	started = time.Now()
	st.Generation, st.PID, st.Since, st.Started = 2, 11, started, &started
	c.status(st)
	fmt.Fprintln(errs, "listening on 4")
	fixture.Eventually(t, "the second life is ready", func() bool { return cmp.Equal(s.generations("web"), []uint64{1, 2}) })
	if got := s.generations("other"); got != nil {
		t.Errorf("who does not wait for it is told: %v", got)
	}
}

// Where the supervisor says where a life began, no line of the one before counts,
// however short before it came; one that it had not ended spoils none of the new.
func TestReadyFromTheBeginning(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	content := `{"args": ["/bin/true"], "log": {}, "ready": {"log": "^listening on \\d+$"}}`
	if err := os.WriteFile(filepath.Join(c.places.Config, "web"), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	out := c.pipe("web")
	var s sent
	c.logger(func(o *Options) { o.Send = s.send })
	old := "listening on 1\nlistening on 2\nhalf a li"
	fmt.Fprint(out, old)
	fixture.Eventually(t, "the past is kept", func() bool { return size(c.dir("web")) == int64(len(old)) })
	at, err := end(c.dir("web"))
	if err != nil {
		t.Fatal(err)
	}
	begins := func(life uint64, at Position) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(c.dir("web"), spec.Begun), spec.FormatBegun(life, at.Generation, at.Offset), 0o600); err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		c.status(&spec.Status{Name: "web", State: spec.Starting, PID: 10, Generation: life, Since: started, Started: &started})
	}
	begins(5, at)
	time.Sleep(3 * awaitLook)
	if got := s.generations("web"); got != nil {
		t.Fatalf("ready by a line of the life before: %v", got)
	}
	fmt.Fprintln(out, "listening on 3")
	fixture.Eventually(t, "it is ready", func() bool { return cmp.Equal(s.generations("web"), []uint64{5}) })
	// What is said of another life is of no use.
	begins(4, Position{1 << 40, 0})
	started := time.Now()
	c.status(&spec.Status{Name: "web", State: spec.Starting, PID: 10, Generation: 6, Since: started, Started: &started})
	fmt.Fprintln(out, "listening on 4")
	fixture.Eventually(t, "the next is ready", func() bool { return slices.Contains(s.generations("web"), 6) })
}

// crashSchema holds a report against its schema.
func crashSchema(t *testing.T, report []byte) error {
	t.Helper()
	text, _ := schema.Get("crash")
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("crash.json", tree); err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(report))
	if err != nil {
		return err
	}
	return c.MustCompile("crash.json").Validate(value)
}

// How a life ended badly is written down with its last words, once, and not if
// somebody has asked for the end; the newest are kept.
func TestCrash(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	c.spec("web", `{}`)
	pipe := c.pipe("web")
	if err := os.MkdirAll(c.places.EventsDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	stop := c.logger()
	// So late that no line is too late to be a last word, however busy the machine.
	base := time.Now().Truncate(time.Millisecond).Add(time.Hour)
	digest := strings.Repeat("0f", 32)
	end := func(generation uint64, e spec.Exit, asked bool) {
		t.Helper()
		events := ""
		add := func(v spec.Event) {
			v.Name, v.Generation = "web", generation
			line, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			events += string(line) + "\n"
		}
		if asked {
			add(spec.Event{Type: spec.EventTerminating})
		}
		add(spec.Event{Type: spec.EventExited, Exit: &e})
		add(spec.Event{Type: spec.EventTerminating}) // of what was left
		f, err := os.OpenFile(filepath.Join(c.places.EventsDir(), "current.jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(events); err != nil {
			t.Fatal(err)
		}
		c.status(&spec.Status{Name: "web", State: spec.Backingoff, Generation: generation, Restarts: int(generation) - 1, LastExit: &e, SpecSHA256: digest})
	}
	reports := func() (all []spec.Crash) {
		dir := CrashesDir(c.places, "web")
		names, err := readNames(dir)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		for _, name := range names {
			var r spec.Crash
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil || json.Unmarshal(data, &r) != nil {
				return nil // in the making
			}
			if err := crashSchema(t, data); err != nil && r.Exit != nil { // else it is one of this test's
				t.Errorf("%s: %v", name, err)
			}
			all = append(all, r)
		}
		return all
	}
	one, zero := 1, 0
	for i := range 60 {
		fmt.Fprintln(pipe, "line", i)
	}
	fmt.Fprint(pipe, "panic: no end")
	end(1, spec.Exit{Code: &one, At: base.Add(time.Second), Ran: 2}, false)
	fixture.Eventually(t, "a report", func() bool { return len(reports()) == 1 })
	r := reports()[0]
	if r.Name != "web" || r.Generation != 1 || r.Exit.Code == nil || *r.Exit.Code != 1 || r.SpecSHA256 != digest || r.Started == nil || !r.Started.Equal(base.Add(-time.Second)) {
		t.Errorf("%+v", r)
	}
	if len(r.Lines) != 50 || r.Lines[0] != "line 11" || r.Lines[49] != "panic: no end" {
		t.Errorf("%d lines: %q", len(r.Lines), r.Lines)
	}
	end(2, spec.Exit{Signal: "TERM", At: base.Add(2 * time.Second)}, true)
	end(3, spec.Exit{Code: &zero, At: base.Add(3 * time.Second)}, false)
	end(4, spec.Exit{Signal: "KILL", Reason: "not ready in time", At: base.Add(4 * time.Second)}, true)
	fixture.Eventually(t, "another report", func() bool { return len(reports()) >= 2 })
	if all := reports(); len(all) != 2 || all[1].Generation != 4 {
		t.Errorf("%+v", all)
	}
	for i := range 17 {
		old, err := json.Marshal(spec.Crash{Name: "web", Generation: uint64(100 + i)})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(CrashesDir(c.places, "web"), fmt.Sprintf("20200101T0000%02d.000000000Z.json", i))
		if err := os.WriteFile(path, old, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint64(3) {
		end(5+i, spec.Exit{Signal: "SEGV", At: base.Add(time.Duration(5+i) * time.Second)}, false)
		fixture.Eventually(t, "its report", func() bool {
			all := reports()
			return len(all) > 0 && all[len(all)-1].Generation == 5+i
		})
	}
	fixture.Eventually(t, "twenty are left", func() bool { all := reports(); return len(all) == 20 && all[0].Generation == 102 })
	stop()
	c.logger()
	end(30, spec.Exit{Unknown: true, At: base.Add(time.Minute)}, false)
	fixture.Eventually(t, "one of the next logger", func() bool {
		all := reports()
		return len(all) == 20 && all[19].Generation == 30 && all[18].Generation == 7
	})
}
