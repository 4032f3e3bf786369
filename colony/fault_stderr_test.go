package colony

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// piped begins a supervisor with a pipe for its log, and returns the end to read
// from.
func (s *super) piped() *os.File {
	s.t.Helper()
	r, w, err := os.Pipe()
	must(s.t, err)
	unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 4096)
	s.cmd.Stdout, s.cmd.Stderr = w, w
	s.t.Cleanup(func() { r.Close() })
	s.publishes()
	must(s.t, w.Close())
	return r
}

// works checks that a supervisor starts, restarts and answers.
func (s *super) works() {
	s.t.Helper()
	s.add("a", `{"args":["/bin/sleep","600"],"backoff":{"min":0}}`)
	s.until("a", spec.Running)
	if r := s.send(`{"type":"RESTART","name":"a"}`); !r.OK || r.NewPID == r.OldPID {
		s.t.Errorf("a restart: %+v", r)
	}
	s.send(`{"type":"SIGNAL","name":"a","signal":"KILL"}`)
	s.until("a", spec.Running, func(st spec.Status) bool { return st.Generation == 3 })
}

// A log that nobody reads holds up nothing: its lines are dropped, and counted in
// the next that is taken. Nor does it keep the colony from ending.
func TestStderrIsBlocked(t *testing.T) {
	t.Parallel()
	s := newSuper(t, t.TempDir(), true)
	r := s.piped()
	s.works()
	const many = 100
	for i := range many { // a line for each on USR1
		s.add(fmt.Sprint("bad", i), "{")
	}
	s.eventually("all are known", func() bool { return s.colony().Counts[spec.Invalid] == many })
	for range 2 * logQueue / many {
		s.cmd.Process.Signal(unix.SIGUSR1)
		s.send(`{"type":"RESCAN"}`) // so that no two of the signals are one
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for in := bufio.NewScanner(r); in.Scan(); {
			lines <- in.Text()
		}
	}()
	counted := regexp.MustCompile(`dropped=[1-9]\d\d`)
	late := time.After(waitMost)
	for said := false; !said; {
		select {
		case line := <-lines:
			said = counted.MatchString(line)
		case <-time.After(100 * time.Millisecond): // all is taken: say one more
			s.send(`{"type":"RESTART","name":"a"}`)
		case <-late:
			t.Fatal("nothing is said to have been dropped")
		}
	}
	s.cmd.Process.Signal(unix.SIGUSR1) // nobody reads again
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for range lines { // until the end
	}
}

// A log whose reader is gone costs the log, and nothing else.
func TestStderrIsClosed(t *testing.T) {
	t.Parallel()
	s := newSuper(t, t.TempDir(), true)
	r := s.piped()
	r.Close()
	s.works()
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Started without the three descriptors, no file of ours gets their numbers.
func TestNoStderrAtAll(t *testing.T) {
	t.Parallel()
	s := newSuper(t, t.TempDir(), true)
	s.cmd.Path, s.cmd.Args = "/bin/sh", []string{"sh", "-c", `exec "$0" <&- >&- 2>&-`, os.Args[0]}
	s.publishes()
	s.works()
	for fd := range 3 {
		if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", s.cmd.Process.Pid, fd)); err != nil || to != "/dev/null" {
			t.Errorf("descriptor %d is %s, %v", fd, to, err)
		}
	}
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
