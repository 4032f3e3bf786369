package main

import (
	"testing"

	"github.com/ncolony/ncolony-go/ctl"
)

func TestDescribeDifference(t *testing.T) {
	args, limit := ctl.Key{Key: "args"}, ctl.Key{Key: "limit", Live: true}
	for _, test := range []struct {
		d    ctl.Difference
		want string
	}{
		{ctl.Difference{Kind: ctl.Same, Running: true}, "no difference: it runs as its spec says"},
		{ctl.Difference{Kind: ctl.Same}, "no difference: it has last run as its spec says"},
		{ctl.Difference{Kind: ctl.Formatted, Running: true}, "only the format differs, which changes nothing"},
		{ctl.Difference{Kind: ctl.LiveKeys, Running: true, Keys: []ctl.Key{limit}}, "taken over while it runs: limit"},
		{ctl.Difference{Kind: ctl.LiveKeys, Keys: []ctl.Key{limit}}, "its next process has this (limit)"},
		{ctl.Difference{Kind: ctl.Restarted, Running: true, PID: 7, Keys: []ctl.Key{limit, args}}, "restarts it, pid 7: args; live: limit"},
		{ctl.Difference{Kind: ctl.Broken, Running: true, Problem: "p"}, "the file is no good spec, and what runs goes on: p"},
		{ctl.Difference{Kind: ctl.Removed, Running: true}, "there is no spec any more; the process is being ended"},
	} {
		if got := describeDifference(&test.d); got != test.want {
			t.Errorf("%+v: %q, want %q", test.d, got, test.want)
		}
	}
}
