package ctl

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func TestSeen(t *testing.T) {
	p := newPlaces(t)
	var seen Seen
	look := func(what string, wantNames, wantChanged []string, only ...string) {
		t.Helper()
		all, changed, err := seen.Look(p, only...)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		slices.Sort(changed)
		if diff := cmp.Diff(wantNames, names(all)); diff != "" {
			t.Errorf("%s: names (-want +got):\n%s", what, diff)
		}
		if diff := cmp.Diff(wantChanged, changed); diff != "" {
			t.Errorf("%s: changed (-want +got):\n%s", what, diff)
		}
	}
	look("nothing", nil, nil)
	publish(t, p.Status("web"), spec.Status{Name: "web"})
	publish(t, p.Status("db"), spec.Status{Name: "db"})
	look("two", []string{"db", "web"}, []string{"db", "web"})
	look("the same", []string{"db", "web"}, nil)
	publish(t, p.Status("web"), spec.Status{Name: "web", State: spec.Running})
	look("one has changed", []string{"db", "web"}, []string{"web"})
	if all, _, _ := seen.Look(p); all[1].State != spec.Running {
		t.Errorf("state %q, want that of the new file", all[1].State)
	}
	// Another file of the same size and time is another file.
	fi, err := os.Stat(p.Status("web"))
	if err != nil {
		t.Fatal(err)
	}
	publish(t, p.Status("web"), spec.Status{Name: "web", State: spec.Stopped})
	if err := os.Chtimes(p.Status("web"), fi.ModTime(), fi.ModTime()); err != nil {
		t.Fatal(err)
	}
	look("replaced within one tick of the clock", []string{"db", "web"}, []string{"web"})
	if err := os.Remove(p.Status("db")); err != nil {
		t.Fatal(err)
	}
	look("one is gone", []string{"web"}, []string{"db"})
	look("a name of nothing", []string{"web"}, nil, "web", "nope")

	write(t, p.Status("bad"), "{")
	for range 2 { // it is said as long as it is so
		if all, _, err := seen.Look(p); len(all) != 1 || err == nil {
			t.Errorf("a bad one: got %v, %v, want the other and an error", names(all), err)
		}
	}
	// What cannot be read for a while is neither gone nor new.
	if err := os.Remove(p.Status("bad")); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(p.Status("web"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, p.Status("web"), "{")
	if all, changed, err := seen.Look(p); len(all) != 1 || len(changed) > 0 || err == nil {
		t.Errorf("one that has become bad: got %v, changed %q, %v, want what was known and an error", names(all), changed, err)
	}
	write(t, p.Status("web"), string(good))
	look("it is good again, and the same", []string{"web"}, nil)
	write(t, p.Status("web"), "{")
	seen.Look(p)
	if err := os.Remove(p.Status("web")); err != nil {
		t.Fatal(err)
	}
	look("it is gone", nil, []string{"web"})

	if _, _, err := seen.Look(p, "../web"); err == nil {
		t.Error("a name with a slash was read")
	}
}

// A look that is asked to sees what is found of the watched ones, and of them
// alone.
func TestSeenChecks(t *testing.T) {
	p := newPlaces(t)
	seen := Seen{Checks: true}
	look := func(want ...string) []spec.Status {
		t.Helper()
		all, changed, err := seen.Look(p)
		if diff := cmp.Diff(want, changed); err != nil || diff != "" {
			t.Errorf("%v; changed (-want +got):\n%s", err, diff)
		}
		return all
	}
	publish(t, p.Status("web"), spec.Status{Name: "web", Watched: spec.Watched{Heart: true, Probe: true}})
	publish(t, p.Status("db"), spec.Status{Name: "db"})
	publish(t, p.Heart("db"), spec.Heartbeat{State: spec.HeartOverdue})
	look("db", "web")
	if seen.Heart("web") != nil || seen.Heart("db") != nil {
		t.Error("a heart of nobody, or of one that is not watched, was seen")
	}
	publish(t, p.Heart("web"), spec.Heartbeat{State: spec.HeartOverdue})
	look("web")
	if h := seen.Heart("web"); h == nil || h.State != spec.HeartOverdue {
		t.Errorf("the heart is %v, want it overdue", h)
	}
	publish(t, p.Probe("web"), spec.Probes{Checks: map[string]spec.Probe{"http": {Error: "refused"}}})
	if all := look("web"); all[1].Probes["http"].Error != "refused" {
		t.Errorf("probes %v, want what was found", all[1].Probes)
	}
	look()
}
