package colony

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// The end of a ward is known at once, also while its parent has not reaped it.
func TestWardThatNobodyReaps(t *testing.T) {
	for script, want := range map[string]exitStatus{
		"exit 0":          {},
		"exit 3":          {code: 3},
		"kill -KILL $$":   {signal: sigKILL},
		"kill -TERM $$":   {signal: spec.Signal(syscall.SIGTERM)},
		"exit 3 & exit 4": {code: 4},
	} {
		test := func(t *testing.T) (took time.Duration) {
			in, out, err := os.Pipe()
			must(t, err)
			cmd := exec.Command("/bin/sh", "-c", "read x; "+script)
			cmd.Stdin = in
			must(t, cmd.Start())
			pid := cmd.Process.Pid
			fd, err := unix.PidfdOpen(pid, 0)
			if err != nil {
				t.Skipf("no pidfds: %v", err)
			}
			events, quit := make(chan event, 1), make(chan struct{})
			w := newWards(procFS{}, map[int]int{pid: fd}, outbox{events, quit})
			go w.run()
			must(t, out.Close())
			began := time.Now()
			select {
			case ev := <-events:
				took = time.Since(began)
				if ev != (exited{pid: pid, status: want, reaped: true}) {
					t.Errorf("it says %+v", ev)
				}
			case <-time.After(waitMost):
				t.Fatal("it says nothing")
			}
			must(t, in.Close())
			w.release(pid)
			cmd.Wait() // with whatever it ended
			return took
		}
		t.Run(script, func(t *testing.T) {
			for range 5 { // where the machine is busy it may take as long by chance
				if test(t) < statusTime/2 {
					return
				}
			}
			t.Errorf("it never says so within %v", statusTime/2)
		})
	}
}
