package ctl

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// planned is the plan for what stands in dir, which has no errors.
func planned(t *testing.T, p Places, dir string, prune bool) *Plan {
	t.Helper()
	plan, err := NewPlan(p, dir, prune)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Errors() > 0 {
		t.Fatalf("findings %v", plan.Findings)
	}
	return plan
}

// deeds are the changes of a plan, in their order.
func deeds(plan *Plan) (all []string) {
	for _, c := range plan.Changes {
		all = append(all, string(c.Action)+" "+c.Name)
	}
	return all
}

// What others depend on comes first, also through what does not change; what is
// removed goes last, and those that depend on it before it.
func TestPlanOrder(t *testing.T) {
	p, dir := newPlaces(t), t.TempDir()
	for name, content := range map[string]string{
		"z1":   needing("", ""), // changes; everything hangs on it
		"mid":  needing("", "z1"),
		"a1":   needing("mid", ""),
		"old1": needing("", ""), // removed, with all that depends on it
		"old2": needing("old1", ""),
		"old3": needing("", "old2"),
		"web":  needing("", "old3"), // changes, and does not need it any more
		"same": needing("web", "") + "\n",
	} {
		write(t, filepath.Join(p.Config, name), content)
	}
	for name, content := range map[string]string{
		"z1":        strings.Replace(needing("", ""), `"a"`, `"b"`, 1),
		"mid":       needing("", "z1"),
		"a1.json":   needing("mid b-new", ""),
		"b-new":     needing("", "web"),
		"web":       needing("", "z-new"),
		"z-new":     needing("", ""),
		"same":      needing("web", "") + "\n",
		"web.bak":   "{",
		".hidden":   "{",
		"sub/under": "{",
	} {
		write(t, filepath.Join(dir, name), content)
	}
	plan := planned(t, p, dir, true)
	want := []string{"create z-new", "live web", "create b-new", "restart z1", "live a1", "remove old3", "remove old2", "remove old1"}
	if d := cmp.Diff(want, deeds(plan)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"mid", "same"}, plan.Unchanged); d != "" {
		t.Error(d)
	}
	kept := planned(t, p, dir, false)
	if d := cmp.Diff([]string{"old1", "old2", "old3"}, kept.Kept); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want[:5], deeds(kept)); d != "" {
		t.Error(d)
	}
}

// Whatever depends on whom: no change is made before one that it needs.
func TestPlanOrderAtRandom(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		p, dir := newPlaces(t), t.TempDir()
		names := make([]string, 12)
		for i, at := range r.Perm(len(names)) {
			names[i] = fmt.Sprint("s", at)
		}
		where := []string{p.Config, dir}
		for i, name := range names { // each needs some of those before it that stand where it does
			for _, root := range where {
				if root == p.Config && name == names[0] || r.IntN(4) == 0 {
					continue
				}
				var needs []string
				for _, other := range names[:i] {
					if _, err := os.Stat(filepath.Join(root, other)); err == nil && r.IntN(3) == 0 {
						needs = append(needs, other)
					}
				}
				write(t, filepath.Join(root, name), needing(strings.Join(needs, " "), ""))
			}
		}
		write(t, filepath.Join(dir, names[0]), needing("", ""))
		plan := planned(t, p, dir, true)
		at := map[string]int{}
		for i, c := range plan.Changes {
			at[c.Name] = i
		}
		for i, c := range plan.Changes {
			text, removes := c.after, c.Action == ActionRemove
			if removes {
				text = c.before
			}
			s, err := spec.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, need := range s.Needs {
				j, changes := at[need]
				if !changes || (plan.Changes[j].Action == ActionRemove) != removes {
					continue
				}
				if removes == (j < i) {
					t.Errorf("seed %d: %q: %s needs %s", seed, deeds(plan), c.Name, need)
				}
			}
		}
	}
}

// The effect of a change on what there is.
func TestEffect(t *testing.T) {
	parse := func(text string) *spec.Spec {
		s, err := spec.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	code := func(n int) *spec.Exit { return &spec.Exit{Code: &n} }
	const never = `{"args": ["sleep", "60"], "restart": "never"}`
	const failure = `{"args": ["sleep", "60"], "restart": "on-failure"}`
	up := &spec.Status{State: spec.Running, PID: 7}
	ended := &spec.Status{State: spec.Exited, LastExit: code(0)}
	fell := &spec.Status{State: spec.Exited, LastExit: code(3)}
	for i, test := range []struct {
		action  Action
		after   string
		status  *spec.Status
		stopped bool
		life    *spec.Spec
		want    Effect
	}{
		{ActionCreate, good, nil, false, nil, Starts},
		{ActionCreate, good, up, false, parse(good), Starts}, // its last life is not over yet
		{ActionRemove, "", up, false, nil, Stops},
		{ActionRemove, "", ended, false, nil, Forgotten},
		{ActionRemove, "", nil, false, nil, Forgotten},
		{ActionRestart, good, up, false, nil, Restarts},
		{ActionRestart, good, up, false, parse(other), Restarts},
		{ActionRestart, good, up, false, parse(good), GoesOn}, // back to what runs, before anybody has seen the other
		{ActionRestart, good, ended, false, parse(other), Starts},
		{ActionRestart, good, ended, true, parse(other), Stays},
		{ActionRestart, good, &spec.Status{State: spec.Failed}, false, nil, Starts},
		{ActionLive, never, up, false, parse(good), GoesOn},
		{ActionLive, never, up, false, nil, GoesOn},
		{ActionLive, never, up, false, parse(other), Restarts}, // the file was changed, and nobody has looked yet
		{ActionLive, good, ended, false, nil, Starts},
		{ActionLive, failure, ended, false, nil, Stays},
		{ActionLive, failure, fell, false, nil, Starts},
		{ActionLive, never, fell, false, nil, Stays},
		{ActionLive, `{"args": ["x"], "main": true}`, fell, false, nil, Stays},
		{ActionFormat, good, ended, false, nil, Stays},
		{ActionMend, good, up, false, parse(good), GoesOn},
		{ActionMend, good, up, false, parse(other), Restarts},
		{ActionMend, good, &spec.Status{State: spec.Invalid}, false, nil, Starts},
		{ActionLive, good, &spec.Status{State: spec.Backingoff}, false, nil, Starts},
	} {
		c := &Change{Action: test.action, after: []byte(test.after)}
		if got := effect(c, test.status, test.stopped, test.life); got != test.want {
			t.Errorf("%d: %s: %s, want %s", i, test.action, got, test.want)
		}
	}
}

func TestClashes(t *testing.T) {
	got := clashes(map[string][]string{
		"a": {"127.0.0.1:80", "unix:///run/x.sock", "udp://[::]:53"},
		"b": {"127.0.0.2:80", "tcp://127.0.0.1:81", "unix://@x"},
		"c": {"0.0.0.0:80"},
		"d": {"unix:///run/x.sock", "unix:///run/y.sock", "127.0.0.1:53"},
		"e": {"udp://127.0.0.1:53", "127.0.0.1:81", "[::1]:81"},
		"f": {"[::1]:81", "unix://@x"},
	})
	want := map[string][]string{
		"c": {"listen: a is at 127.0.0.1:80 already", "listen: b is at 127.0.0.2:80 already"},
		"d": {"listen: a is at unix:///run/x.sock already"},
		"e": {"listen: a is at udp://[::]:53 already", "listen: b is at tcp://127.0.0.1:81 already"},
		"f": {"listen: e is at [::1]:81 already", "listen: b is at unix://@x already"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A supervisor that is not root can start nobody else's programs, and says so of
// a spec only when it is there.
func TestPlanAsksWhoTheSupervisorIs(t *testing.T) {
	for _, test := range []struct {
		uid  int
		keys string
		want int
	}{
		{1000, `"user": "root"`, 1}, {1000, `"uid": 0`, 1}, {1000, `"uid": 1000`, 0}, {1000, `"restart": "never"`, 0},
		{0, `"uid": 1000`, 0}, {-1, `"uid": 1000`, 0},
	} {
		s, err := spec.Parse([]byte(`{"args": ["/bin/sh"], ` + test.keys + `}`))
		if err != nil {
			t.Fatal(err)
		}
		b := builder{uid: test.uid}
		if got := b.lacking(s); len(got) != test.want {
			t.Errorf("uid %d, %s: %q", test.uid, test.keys, got)
		}
	}
}
