package top

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

// someColony is a colony of files alone.
func someColony(t *testing.T, statuses ...spec.Status) spec.Places {
	t.Helper()
	root := t.TempDir()
	p := spec.Places{Config: filepath.Join(root, "config"), Messages: filepath.Join(root, "messages"), State: filepath.Join(root, "state")}
	if err := os.MkdirAll(p.StatusDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, st := range statuses {
		publish(t, p.Status(st.Name), st)
	}
	return p
}

// publish replaces a file as the supervisor does.
func publish(t *testing.T, path string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	fixture.Put(t, path, string(b))
}

// A look reads nothing while nothing is replaced, and misses nothing that is.
func TestLook(t *testing.T) {
	p := someColony(t, spec.Status{Name: "a"})
	l := newLooker(p)
	if f := l.look(); !f.fresh || len(f.statuses) != 1 || f.err != nil {
		t.Fatalf("the first look has found %+v", f)
	}
	// Changes within one tick of the clock of the file system.
	tick := time.Now()
	for i := range 5 {
		if time.Since(tick) > settled/2 { // so slow a machine is past it
			tick = time.Now()
		}
		publish(t, p.Status("a"), spec.Status{Name: "a", Restarts: i})
		if err := os.Chtimes(p.StatusDir(), tick, tick); err != nil {
			t.Fatal(err)
		}
		if f := l.look(); !f.fresh || f.statuses[0].Restarts != i {
			t.Fatalf("change %d was not seen: %+v", i, f)
		}
	}
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(p.StatusDir(), long, long); err != nil {
		t.Fatal(err)
	}
	l.look()
	if f := l.look(); f.fresh {
		t.Error("what has not changed for an hour was read again")
	}
	publish(t, p.Status("b"), spec.Status{Name: "b"})
	if f := l.look(); !f.fresh || len(f.statuses) != 2 {
		t.Errorf("a new one was not seen: %+v", f)
	}
	if err := os.Chtimes(p.StatusDir(), long, long); err != nil {
		t.Fatal(err)
	}
	l.look()
	l.whole = l.whole.Add(-wholeEvery)
	if f := l.look(); !f.fresh {
		t.Error("it is never looked at all that cannot be seen to change")
	}
}

// What cannot be read is told for as long as it is so, and hides nothing else.
func TestLookAtBadOnes(t *testing.T) {
	p := someColony(t, spec.Status{Name: "a"})
	long := time.Now().Add(-time.Hour)
	if err := os.WriteFile(p.Status("bad"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	l := newLooker(p)
	for range 3 {
		if err := os.Chtimes(p.StatusDir(), long, long); err != nil {
			t.Fatal(err)
		}
		if f := l.look(); f.err == nil || len(f.statuses) != 1 {
			t.Fatalf("found %+v, want one and an error", f)
		}
	}
	if err := os.WriteFile(p.Colony(), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(p.Status("bad")); err != nil {
		t.Fatal(err)
	}
	if f := l.look(); f.err == nil || f.colony != nil {
		t.Errorf("a bad %s is not told of: %+v", p.Colony(), f)
	}
}

// BenchmarkLook is a look at ten thousand of which nothing, or one, has changed.
func BenchmarkLook(b *testing.B) {
	root := b.TempDir()
	p := spec.Places{Config: filepath.Join(root, "config"), Messages: filepath.Join(root, "messages"), State: filepath.Join(root, "state")}
	if err := os.MkdirAll(p.StatusDir(), 0o755); err != nil {
		b.Fatal(err)
	}
	for i := range 10000 {
		name := fmt.Sprintf("service-%d", i)
		text, _ := json.Marshal(spec.Status{Name: name, State: spec.Running, PID: 1 + i})
		if err := os.WriteFile(p.Status(name), text, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for _, changed := range []bool{false, true} {
		b.Run(fmt.Sprintf("changed=%v", changed), func(b *testing.B) {
			l := newLooker(p)
			l.look()
			long := time.Now().Add(-time.Hour)
			os.Chtimes(p.StatusDir(), long, long)
			l.look()
			for i := 0; b.Loop(); i++ {
				if changed {
					text, _ := json.Marshal(spec.Status{Name: "service-7", Restarts: i})
					os.WriteFile(p.Status("service-7")+".new", text, 0o644)
					os.Rename(p.Status("service-7")+".new", p.Status("service-7"))
				}
				if f := l.look(); f.fresh != changed {
					b.Fatalf("fresh %v, want %v", f.fresh, changed)
				}
			}
		})
	}
}
