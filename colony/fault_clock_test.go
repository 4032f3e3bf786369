package colony

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// virtual is a loop over a fake kernel, in a bubble of synctest. Its wall clock
// may be set, and time may pass that nobody has noticed.
type virtual struct {
	*colony
	kernel  *fakeKernel
	signals caught
	wall    atomic.Int64 // a time.Duration, added to the wall clock
	asleep  atomic.Int64 // likewise, to both clocks
	last    map[string]spec.Status
	done    chan struct{}
}

func newVirtual(p policy, lives time.Duration) *virtual {
	c := emptyColony(discard())
	began := time.Now()
	v := &virtual{colony: c, last: map[string]spec.Status{}, done: make(chan struct{}),
		signals: caught{make(chan os.Signal, 1), make(chan os.Signal, 8)}}
	v.kernel = &fakeKernel{c: c, lives: lives, dead: make(chan int, 100), child: v.signals.child}
	c.files = &sink{pending: &batch{}, urgent: c.urgent, look: func(bool) {}, logbook: c.log}
	c.loop = &loop{model: newModel(p, 1, spec.ColonyStatus{}), kernel: v.kernel, files: c.files, clock: func() moment {
		asleep := time.Duration(v.asleep.Load())
		return moment{instant(time.Since(began) + time.Hour + asleep), time.Now().Add(asleep + time.Duration(v.wall.Load()))}
	}}
	c.push = func() {}
	c.work = []func(){func() {
		for b := range c.batches {
			for name, st := range b.statuses {
				if st != nil {
					v.last[name] = *st
				}
			}
		}
		close(c.written)
	}}
	return v
}

func (v *virtual) begin() {
	go func() { v.run(v.signals); close(v.done) }()
}

// end ends the colony and returns its exit code.
func (v *virtual) end() int {
	v.signals.others <- syscall.SIGTERM
	<-v.done
	close(v.log.lines)
	return v.loop.code
}

// The wall clock is for people: set by years, to and fro, it changes no delay and
// no result.
func TestWallClockIsSet(t *testing.T) {
	starts := func(set func(v *virtual, n int)) (gaps []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			v := newVirtual(testPolicy, 10*time.Millisecond)
			v.begin()
			v.news <- seen{name: "a", spec: specOf(t, web)}
			for n := range 40 {
				time.Sleep(20 * time.Second)
				synctest.Wait()
				set(v, n)
			}
			for i, at := range v.kernel.spawns[1:] {
				gaps = append(gaps, at.Sub(v.kernel.spawns[i]))
			}
			if e := v.last["a"].LastExit; e == nil || e.Ran != 0.01 {
				t.Errorf("the last life: %+v, want one of 10 ms", e)
			}
			if code := v.end(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
		return gaps
	}
	const years = 5 * 365 * 24 * time.Hour
	want := starts(func(*virtual, int) {})
	for what, set := range map[string]func(v *virtual, n int){
		"forward":    func(v *virtual, n int) { v.wall.Add(int64(years)) },
		"back":       func(v *virtual, n int) { v.wall.Add(-int64(years)) },
		"to and fro": func(v *virtual, n int) { v.wall.Store(int64(years) * int64(n%3-1)) },
	} {
		got := starts(set)
		if len(got) != len(want) || len(got) < 8 {
			t.Fatalf("%s: %d starts, want %d", what, len(got)+1, len(want)+1)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s: start %d came after %v, want %v", what, i+2, got[i], want[i])
			}
		}
	}
}

// Time in which nobody was there, as after a suspend, has passed for every delay
// and every grace, and what is due is done once.
func TestGapInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVirtual(testPolicy, 10*time.Millisecond)
		v.begin()
		v.news <- seen{name: "a", spec: specOf(t, web)}
		time.Sleep(time.Minute)
		synctest.Wait()
		before := len(v.kernel.spawns)
		v.asleep.Add(int64(30 * 24 * time.Hour))
		time.Sleep(safetyTick) // the timer may be armed for longer, and is not
		synctest.Wait()
		if n := len(v.kernel.spawns) - before; n != 1 {
			t.Errorf("%d starts after the gap, want one", n)
		}
		if st := v.last["a"]; st.State != spec.Backingoff || st.Restarts != before {
			t.Errorf("status %+v, want it waiting after %d restarts", st, before)
		}
		if code := v.end(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

// A supervisor that stood still for three seconds takes in what has died
// meanwhile, each with its own status, and takes nobody's life for its own stop.
func TestStoppedAndContinued(t *testing.T) {
	if testing.Short() {
		t.Skip("it stands still for three seconds")
	}
	t.Parallel()
	s := startSuper(t, t.TempDir(), false)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	s.add("calm", `{"args":["/bin/sleep","600"]}`)
	for name, code := range map[string]string{"three": "3", "zero": "0"} {
		s.add(name, with(map[string]any{"args": []string{"/bin/sh", "-c", "while ! test -e " + file("go") + "; do sleep 0.05; done; exit " + code}, "restart": "never"}))
	}
	s.add("killed", `{"args":["/bin/sleep","600"],"restart":"never"}`)
	s.add("stubborn", with(doing("stubborn", file("up")), "stop", map[string]any{"grace": "10s"}))
	s.read(file("up"))
	calm, killed := s.until("calm", spec.Running), s.until("killed", spec.Running)
	zero, three := s.until("zero", spec.Running), s.until("three", spec.Running)
	s.cmd.Process.Signal(unix.SIGSTOP)
	stopped := time.Now()
	put(t, file("go"), "")
	unix.Kill(killed.PID, unix.SIGKILL)
	for _, pid := range []int{zero.PID, three.PID, killed.PID} {
		s.eventually("it is dead", func() bool { return !alive(pid) })
	}
	time.Sleep(3*time.Second - time.Since(stopped))
	s.cmd.Process.Signal(unix.SIGCONT)
	for name, want := range map[string]spec.Exit{"zero": {Code: new(int)}, "three": {Code: ptr(3)}, "killed": {Signal: "KILL"}} {
		st := s.until(name, spec.Exited)
		if e := st.LastExit; e.Signal != want.Signal || (e.Code == nil) != (want.Code == nil) || e.Code != nil && *e.Code != *want.Code {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if r := s.send(`{"type":"RESCAN"}`); !r.OK { // its result comes after all events
		t.Errorf("a request: %+v", r)
	}
	for _, name := range []string{"zero", "three", "killed"} {
		if n := len(s.happened(name, spec.EventExited)); n != 1 {
			t.Errorf("%s has exited %d times", name, n)
		}
	}
	s.untouched(calm)
}

func ptr[T any](v T) *T { return &v }
