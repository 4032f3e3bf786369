package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// size is how many services there are: SERVICES, 1,000 in make survival.
func size(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("SERVICES"))
	if err != nil {
		t.Skip("SERVICES is not set: see make survival")
	}
	return n
}

// Many children that each write a counter notice nothing of four upgrades, nor
// of four supervisors that are killed: same pids, counters unbroken, no restart.
func TestSurvival(t *testing.T) {
	n := size(t)
	c := newColony(t)
	counter := filepath.Join(c.root, "counter")
	if out, err := exec.Command("gcc", "-O2", "-static", "-o", counter, "testdata/counter.c").CombinedOutput(); err != nil {
		t.Skipf("no C compiler for the counters: %v %s", err, out)
	}
	file := func(name string) string { return filepath.Join(c.root, name+".count") }
	for i := range n {
		name := fmt.Sprintf("s%04d", i)
		c.add(name, map[string]any{"args": []string{counter, file(name)}, "restart": "never"})
	}
	c.start()
	before := c.running(n)
	victims := min(75, n/13)
	dead := map[string]bool{}
	names := make([]string, 0, n)
	for name := range before {
		names = append(names, name)
	}
	slices.Sort(names)
	var gaps, adoptions []time.Duration
	for round := range 4 {
		done := make(chan struct{})
		mine := names[round*victims : (round+1)*victims]
		go func() { // all over the upgrade
			defer close(done)
			for i, name := range mine {
				syscall.Kill(before[name].PID, []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}[i%2])
				time.Sleep(time.Millisecond)
			}
		}()
		gaps = append(gaps, c.upgrade())
		<-done
		for i, name := range mine {
			dead[name] = true
			e := c.exited(name).LastExit
			if i%2 == 0 && (e.Code == nil || *e.Code != 42) || i%2 == 1 && e.Signal != "KILL" {
				t.Errorf("%s was killed during an upgrade, and is said to have ended with %v", name, e)
			}
		}
	}
	wait, reaped := 5*time.Second, true
	for round := range 4 {
		c.murder()
		mine := names[(4+round)*victims/2+4*victims : (5+round)*victims/2+4*victims]
		for _, name := range mine {
			dead[name] = true
			syscall.Kill(before[name].PID, syscall.SIGKILL)
		}
		// Nobody sees how they end if somebody reaps orphans here; if nobody does, the
		// kernel keeps it.
		gone := func() bool {
			return !slices.ContainsFunc(mine, func(name string) bool { return syscall.Kill(before[name].PID, 0) == nil })
		}
		for end := time.Now().Add(wait); reaped && !gone(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				reaped = false
			}
		}
		wait = time.Minute // if it was done once it will be again
		adoptions = append(adoptions, c.start())
		for _, name := range mine {
			if e := c.exited(name).LastExit; e.Unknown != reaped {
				t.Errorf("%s died while nobody supervised, and is said to have ended with %v", name, e)
			}
		}
	}
	events := c.events()
	for _, name := range names {
		if exits := count(events[name], spec.EventExited); dead[name] && exits != 1 || !dead[name] && exits != 0 {
			t.Errorf("%s: %d exits are told", name, exits)
		}
		if starts := count(events[name], spec.EventStarted); starts != 1 {
			t.Errorf("%s: %d starts are told", name, starts)
		}
		unbroken(t, file(name))
		if dead[name] {
			continue
		}
		st, err := ctl.StatusOf(c.places, name)
		if err != nil || st.PID != before[name].PID || st.Restarts != 0 || st.State != spec.Running {
			t.Errorf("%s was %+v, is %+v (%v)", name, before[name], st, err)
		}
	}
	slices.Sort(gaps)
	slices.Sort(adoptions)
	t.Logf("%d services; the gap of an upgrade: median %v of %v; from the start of a supervisor until it has adopted all: median %v of %v",
		n, gaps[1], gaps, adoptions[1], adoptions)
}

func count(events []spec.Event, kind string) (n int) {
	for _, e := range events {
		if e.Type == kind {
			n++
		}
	}
	return n
}

// unbroken checks that a counter has counted without a break.
func unbroken(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for line := range strings.Lines(string(b)) {
		if i++; strings.TrimSpace(line) != strconv.Itoa(i) {
			t.Fatalf("%s: line %d is %q", filepath.Base(file), i, line)
		}
	}
}

// upgrade has the same program take over, and returns the gap.
func (c *colony) upgrade() time.Duration {
	c.t.Helper()
	file, err := ctl.Send(c.places, spec.Message{Type: spec.Upgrade, Path: binary})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	r, err := ctl.Wait(ctx, c.places, file)
	if err != nil || !r.OK {
		c.t.Fatalf("upgrade: %+v, %v", r, err)
	}
	return time.Duration(r.Gap * float64(time.Second))
}

// exited waits until a service has ended.
func (c *colony) exited(name string) *spec.Status {
	c.t.Helper()
	var st *spec.Status
	c.until(name+" has ended", func() bool {
		var err error
		st, err = ctl.StatusOf(c.places, name)
		return err == nil && st.State == spec.Exited
	})
	return st
}
