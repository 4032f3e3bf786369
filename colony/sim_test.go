package colony

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSimulation plays random schedules to colonies on paper: SIM of them, from
// seed SEED on; other ones in each run.
func TestSimulation(t *testing.T) {
	t.Parallel()
	n := 2000
	if v, err := strconv.Atoi(os.Getenv("SIM")); err == nil {
		n = v
	}
	first := uint64(time.Now().UnixNano())
	if v, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64); err == nil {
		first = v
	}
	began := time.Now()
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // there is little to keep, and much to forget
	failed := simulate(first, n)
	t.Logf("%d schedules from seed %d in %v", n, first, time.Since(began).Round(time.Millisecond))
	for _, f := range failed {
		t.Errorf("SEED=%d SIM=1: %s\n%s", f.seed, f.broken, f.story())
	}
}

// simFailure is a schedule by which an invariant does not hold.
type simFailure struct {
	seed   uint64
	ops    []simOp
	broken string
}

// simulate plays n schedules, and returns the first that fails.
func simulate(first uint64, n int) (failed []simFailure) {
	workers := runtime.GOMAXPROCS(0)
	found := make(chan *simFailure, workers)
	stop := make(chan struct{})
	for i := range workers {
		go func() {
			for j := i; j < n; j += workers {
				select {
				case <-stop:
					found <- nil
					return
				default:
				}
				ops := simSchedule(first + uint64(j))
				hangs := time.AfterFunc(time.Minute, func() { panic(fmt.Sprintf("SEED=%d SIM=1: it does not come to an end", first+uint64(j))) })
				broken := simRun(ops, nil)
				hangs.Stop()
				if broken != "" {
					found <- &simFailure{first + uint64(j), ops, broken}
					return
				}
			}
			found <- nil
		}()
	}
	for range workers {
		if f := <-found; f != nil {
			if failed == nil {
				close(stop)
			}
			failed = append(failed, *f)
		}
	}
	return failed[:min(len(failed), 1)]
}

// shrink leaves out of a schedule what it fails without. It may come to fail
// by another invariant: the shortest story is told.
func (f *simFailure) shrink() {
	fails := func(ops []simOp) bool {
		broken := simRun(ops, nil)
		if broken != "" {
			f.ops, f.broken = ops, broken
		}
		return broken != ""
	}
	for size := len(f.ops); size > 0; {
		smaller := false
		for at := 0; at+size <= len(f.ops); {
			without := append(append([]simOp{}, f.ops[:at]...), f.ops[at+size:]...)
			if fails(without) {
				smaller = true
			} else {
				at += size
			}
		}
		if !smaller || size > len(f.ops) {
			size = min(size/2, len(f.ops))
		}
	}
	for i := range f.ops {
		for turns := range f.ops[i].turns {
			ops := append([]simOp{}, f.ops...)
			ops[i].turns = turns
			if fails(ops) {
				break
			}
		}
	}
}

// story tells the shortest schedule that was found to fail.
func (f *simFailure) story() string {
	f.shrink()
	trace := &strings.Builder{}
	func() {
		defer func() {
			if p := recover(); p != nil {
				buf := make([]byte, 8000)
				fmt.Fprintf(trace, "panic: %v\n%s", p, buf[:runtime.Stack(buf, false)])
			}
		}()
		simRun(f.ops, trace)
	}()
	return fmt.Sprintf("shortest schedule, of %d things: %s\n%v\n%s", len(f.ops), f.broken, f.ops, trace)
}
