package result

import (
	"fmt"
	"math"
)

// Target is a bound on a figure of ncolony's, by itself or times another figure
// of the same run.
type Target struct {
	Name    string // of the measurement
	P99     bool   // of its p99, not of its p50
	Bound   float64
	AtLeast bool
	Peer    string // times this peer's figure, unless empty
	Other   string // of this measurement, if it is another
}

// Ours is the peer that targets are for.
const Ours = "ncolony"

// Targets are all of them.
var Targets = []Target{
	{Name: "restart", Bound: 1.15, Peer: "bare-go"},
	{Name: "restart", P99: true, Bound: 2, Peer: "bare-go"},
	{Name: "restart-5000", Bound: 1.15, Peer: "bare-go"},
	{Name: "restart-5000", P99: true, Bound: 2, Peer: "bare-go"},
	{Name: "start-1000", Bound: 0.65, Peer: "bare-go-goroutines"},
	{Name: "start-1000", Bound: 2.5, Peer: "bare-c"},
	{Name: "start-5000", Bound: 6, Peer: Ours, Other: "start-1000"},
	{Name: "start-10000", Bound: 12, Peer: Ours, Other: "start-1000"},
	{Name: "add-10", Bound: 2.2},
	{Name: "add-10", P99: true, Bound: 8},
	{Name: "add-1000", Bound: 2.2},
	{Name: "add-1000", P99: true, Bound: 8},
	{Name: "add-10000", Bound: 2.2},
	{Name: "add-10000", P99: true, Bound: 8},
	{Name: "throughput", Bound: 0.75, AtLeast: true, Peer: "bare-go"},
	{Name: "memory-0", Bound: 4.5},
	{Name: "memory-1000", Bound: 5.5},
	{Name: "bytes-per-child", Bound: 1024},
	{Name: "threads-1000", Bound: 10},
	{Name: "threads-10000", Bound: 10},
	{Name: "fds-10000", Bound: 1, Peer: Ours, Other: "fds-1000"},
	{Name: "quiet-cpu", Bound: 0},
	{Name: "quiet-wakeups", Bound: 0},
	{Name: "idle-cpu-10000", Bound: 1},
	{Name: "reap", Bound: 1.1, Peer: "bare-c"},
	{Name: "reap-zombies", Bound: 30},
	{Name: "stop", Bound: 1.5, Peer: "bare-c"},
	{Name: "log", Bound: 0.7, AtLeast: true, Peer: "cat"},
	{Name: "log-cpu", Bound: 1},
	{Name: "log-supervisor-cpu", Bound: 10},
	{Name: "log-memory-10000", Bound: 16},
	{Name: "startup", Bound: 2, Peer: "bare-go"},
	{Name: "binary", Bound: 5},
	{Name: "upgrade-1000", Bound: 25},
	{Name: "upgrade-10000", Bound: 10, Peer: Ours, Other: "upgrade-1000"},
	{Name: "adopt-1000", Bound: 100},
	{Name: "adopt-10000", Bound: 10, Peer: Ours, Other: "adopt-1000"},
}

// Verdict is a target held against results.
type Verdict struct {
	Target
	Known bool // there are all figures for it
	Met   bool
	Is    float64 // ncolony's figure
	Limit float64 // that it has to keep to
}

// Judge holds a target against results.
func (t Target) Judge(r Results) Verdict {
	v := Verdict{Target: t, Limit: t.Bound}
	own, ok := r[t.Name][Ours]
	v.Is = t.of(own)
	if t.Peer != "" {
		of := t.Name
		if t.Other != "" {
			of = t.Other
		}
		other, known := r[of][t.Peer]
		ok = ok && known
		v.Limit *= t.of(other)
	}
	v.Known = ok && !math.IsNaN(v.Is)
	v.Met = v.Known && (t.AtLeast && v.Is >= v.Limit || !t.AtLeast && v.Is <= v.Limit)
	return v
}

func (t Target) of(s Summary) float64 {
	if t.P99 {
		return s.P99
	}
	return s.P50
}

// String is the target in words.
func (t Target) String() string {
	quantile, least := "p50", "at most"
	if t.P99 {
		quantile = "p99"
	}
	if t.AtLeast {
		least = "at least"
	}
	unit := Describe(t.Name).Unit
	text := fmt.Sprintf("%s %s %s", quantile, least, number(t.Bound))
	switch {
	case t.Peer == Ours:
		return text + " x its own " + t.Other
	case t.Peer != "":
		return text + " x " + t.Peer
	case unit != "":
		return text + " " + unit
	default:
		return text
	}
}
