package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// used is how much CPU time a process has taken.
func used(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, err1 := strconv.Atoi(f[11])
	system, err2 := strconv.Atoi(f[12])
	if err1 != nil || err2 != nil {
		t.Fatalf("%s cannot be read", b)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// Ten thousand services are shown, sorted and filtered at once, and cost little while
// nothing happens. What was measured is printed; what is asserted is what is sent to
// the terminal, and that idleness is not busy.
func TestTenThousand(t *testing.T) {
	const count = 10000
	root := t.TempDir()
	p := spec.Places{State: filepath.Join(root, "state")}
	if err := os.MkdirAll(p.StatusDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(i, restarts int) {
		st := spec.Status{Name: fmt.Sprintf("service-%05d", i), State: spec.Running, PID: 1 + i, Since: time.Now(), Ready: true, Restarts: restarts}
		if i%1000 == 7 {
			st.State, st.PID, st.Reason = spec.Failed, 0, "more than 5 restarts within 1m0s"
		}
		b, err := json.Marshal(st)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p.Status(st.Name)+".new", b, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(p.Status(st.Name)+".new", p.Status(st.Name)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range count {
		write(i, 0)
	}
	began := time.Now()
	w := open(t, root, 80, 24)
	took := func(what string) {
		t.Logf("%-42s %8.1f ms", what, float64(time.Since(began))/1e6)
		began = time.Now()
	}
	// until polls every 10 ms, which is in the times.
	w.shows("10000 services: 9990 running, 10 failed", "! service-00007: failed: ", "and 4 more", "service-00000")
	took("from the start to the first screen")
	for _, step := range []struct{ what, keys, shows string }{
		{"to the end", "G", ">service-09999"},
		{"to the beginning", "g", ">service-00000"},
		{"sorted by state", ">", "by state"},
		{"filtered by one character", "/9", "3439 rows"},
		{"filtered by four", "999", "1 row"},
		{"all again", "\x1b", "by state  10000 rows"},
	} {
		sent := len(w.sent())
		began = time.Now()
		w.types(step.keys)
		w.shows(step.shows)
		took(step.what)
		if n := len(w.sent()) - sent; n > 16<<10 {
			t.Errorf("%s: %d bytes were sent for a window of 1920 characters", step.what, n)
		}
	}
	w.types("<")
	w.lacks("by state")
	const while = 2 * time.Second
	for _, busy := range []bool{false, true} {
		before, sent := used(t, w.cmd.Process.Pid), len(w.sent())
		began := time.Now()
		for i := 0; time.Since(began) < while; i++ {
			if busy {
				write(i%count, i)
			}
			time.Sleep(20 * time.Millisecond)
		}
		part := float64(used(t, w.cmd.Process.Pid)-before) / float64(time.Since(began)) * 100
		t.Logf("changes %-5v: %.1f %% of a CPU, %d bytes sent a second", busy, part, (len(w.sent())-sent)/int(while/time.Second))
		if !busy && part > 30 { // with the race detector, on a loaded machine
			t.Errorf("%.1f %% of a CPU while nothing happens", part)
		}
	}
	w.types("q")
	if err := w.ends(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
