package colony

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// As in the program itself.
func init() { runtime.LockOSThread() }

// The first child finds all threads made: it may be one that takes every
// process there is. And it is no child of the first thread.
func TestThreadsBeforeChildren(t *testing.T) {
	for range 5 {
		out := filepath.Join(t.TempDir(), "threads")
		s := newSuper(t, t.TempDir(), false, "/bin/sh", "-c", fmt.Sprintf("ls /proc/$PPID/task | wc -l >%s.new; mv %s.new %s; sleep 600", out, out, out))
		s.begin()
		n, err := strconv.Atoi(strings.TrimSpace(s.read(out)))
		if err != nil || n < threads+1 { // that which forks is made for it
			t.Errorf("%d threads, want %d: %v", n, threads+1, err)
		}
		pid := s.cmd.Process.Pid
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)); err != nil || len(b) > 0 {
			t.Errorf("children of the first thread: %q, %v", b, err)
		}
	}
}
