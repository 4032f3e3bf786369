package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/bench/peer"
	"github.com/ncolony/ncolony-go/bench/result"
)

// describe writes parts down: sizes and steps.
func describe(parts []part) (all []string) {
	for _, p := range parts {
		for _, s := range p.steps {
			all = append(all, strings.Join(s.names(p.n), " "))
		}
	}
	return all
}

func TestParts(t *testing.T) {
	for _, c := range []struct {
		o    options
		want []string
	}{
		{options{only: []string{"restart", "stop"}}, []string{"restart", "stop", "restart-5000"}},
		{options{only: []string{"memory"}}, []string{"memory-0 threads-0 fds-0", "memory-1000 threads-1000 fds-1000", "memory-10000 threads-10000 fds-10000"}},
		{options{only: []string{"idle"}}, []string{"idle-cpu idle-wakeups quiet-cpu quiet-wakeups", "idle-cpu-10000 idle-wakeups-10000 quiet-cpu-10000 quiet-wakeups-10000"}},
		{options{only: []string{"startup", "reap"}}, []string{"startup", "reap reap-zombies"}},
		{options{only: []string{"binary"}}, nil},
		{options{only: []string{"add", "start", "memory"}, quick: true}, []string{"add-10", "memory-0 threads-0 fds-0", "start-50", "memory-50 threads-50 fds-50"}},
	} {
		if diff := cmp.Diff(c.want, describe(c.o.parts())); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.o.only, diff)
		}
	}
}

// Every target is for something that is measured.
func TestTargetsAreMeasured(t *testing.T) {
	measured := map[string]bool{"binary": true, "bytes-per-child": true, "log": true, "log-cpu": true, "log-supervisor-cpu": true, "log-memory-10000": true}
	for _, names := range describe(options{}.parts()) {
		for _, n := range strings.Fields(names) {
			measured[n] = true
		}
	}
	for _, target := range result.Targets {
		if !measured[target.Name] || target.Other != "" && !measured[target.Other] {
			t.Errorf("%s: %s: not measured", target.Name, target)
		}
	}
	for name := range measured {
		if result.Describe(name).Title == result.Describe(name).Name {
			t.Errorf("%s has no title", name)
		}
	}
}

func TestCheck(t *testing.T) {
	if err := (options{only: []string{"restarts"}, rounds: 5}).check(); err == nil {
		t.Error("a misspelt measurement is no error")
	}
	if err := (options{}).check(); err == nil {
		t.Error("no rounds are no error")
	}
	if err := (options{only: kinds, rounds: 1}).check(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, list("a,b c,")); diff != "" {
		t.Error(diff)
	}
}

func TestTakes(t *testing.T) {
	got := map[string]string{}
	for _, who := range peer.All(peer.Built{}) {
		for _, p := range []part{{n: 5000}, {n: 10, own: true}, {n: 1, kind: orphans}} {
			ok, why := p.takes(who)
			got[who.Name()] += map[bool]string{true: "yes ", false: "no" + why + " "}[ok]
		}
	}
	for who, want := range map[string]string{"ncolony": "yes yes yes ", "bare-go-goroutines": "yes no nonever ", "bare-c": "yes no yes ", "runit": "nocannot no yes ", "tini": "no no yes "} {
		if g, here := got[who]; here && g != want {
			t.Errorf("%s: %q, want %q", who, g, want)
		}
	}
}
