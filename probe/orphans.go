package probe

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// markKey is the variable by which what a check by a program has started is known.
const markKey = "NCOLONY_CHECK"

// searchFor is how long we look again for what a check has left, each of which may
// leave something in turn.
const searchFor = time.Second

// orphans are processes that checks have started and that have left the session of
// theirs. When their parents end the kernel gives them to us, that is to our first
// thread. As long as that one never forks, they are all of its children.
type orphans struct {
	once sync.Once
	file string // lists them; "" = the kernel cannot do this

	mu      sync.Mutex
	checks  int            // so far
	running map[string]int // pids of checks by their marks; 0 = not started yet
}

// ours are those of this process.
var ours orphans

// begin returns the mark of a check that is about to run.
func (o *orphans) begin() string {
	o.once.Do(func() {
		o.running = map[string]int{}
		file := fmt.Sprintf("/proc/self/task/%d/children", os.Getpid())
		if _, err := os.ReadFile(file); err != nil {
			return // nor could we reap what we would be given
		}
		if unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == nil {
			o.file = file
		}
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.checks++
	mark := fmt.Sprintf("%d.%d", os.Getpid(), o.checks)
	o.running[mark] = 0
	return mark
}

// started notes the process of a check.
func (o *orphans) started(mark string, pid int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.running[mark] = pid
}

// end ends what a check has left that is over.
func (o *orphans) end(mark string) {
	o.mu.Lock()
	delete(o.running, mark)
	o.mu.Unlock()
	for until := time.Now().Add(searchFor); o.file != "" && o.sweep() && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
}

// sweep kills what is not of a running check and reaps what is dead. It reports
// whether there was something to be killed.
func (o *orphans) sweep() (found bool) {
	list, _ := os.ReadFile(o.file)
	for word := range strings.FieldsSeq(string(list)) {
		pid, err := strconv.Atoi(word)
		if err != nil || o.spared(pid) {
			continue
		}
		if reaped, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); reaped == 0 && err == nil {
			found = true
			unix.Kill(pid, unix.SIGKILL)
		}
	}
	return found
}

// spared reports whether a process is a check that runs, or of one. What has lost
// its mark may be of any.
func (o *orphans) spared(pid int) bool {
	environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // a zombie has none
	o.mu.Lock()
	defer o.mu.Unlock()
	for mark, main := range o.running {
		if main == pid || bytes.Contains(environ, []byte(markKey+"="+mark+"\x00")) {
			return true
		}
	}
	return len(environ) > 0 && len(o.running) > 0 && !bytes.Contains(environ, []byte(markKey+"="))
}
