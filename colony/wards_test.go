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
		t.Run(script, func(t *testing.T) {
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
			select {
			case ev := <-events:
				if ev != (exited{pid: pid, status: want, reaped: true}) {
					t.Errorf("it says %+v", ev)
				}
			case <-time.After(statusTime / 2):
				t.Error("it says nothing")
			}
			must(t, in.Close())
			w.release(pid)
			cmd.Wait() // with whatever it ended
		})
	}
}
