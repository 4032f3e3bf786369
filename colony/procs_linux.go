package colony

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// procs is what there is to know of processes that are not, or may not be,
// children of ours. The real one is procFS; the simulator brings its own.
type procs interface {
	check() error // why it cannot tell us about our children; nil = it can
	self() int    // our own pid
	all() []int
	children(pid int) []int
	stat(pid int) (stat, error)
	variable(pid int, key string) []byte // see readVariable
	owner(pid int) (uid int, err error)  // who has started it, see readOwner
	age(start uint64) time.Duration      // of a process that was started then
	pin(pid int) (fd int, err error)     // a pidfd
	unpin(fd int)
	kill(id processID, sig spec.Signal) // see signalOne
}

// procFS is /proc of this machine.
type procFS struct{}

func (procFS) check() error                        { return checkProc() }
func (procFS) self() int                           { return os.Getpid() }
func (procFS) all() []int                          { return allPIDs() }
func (procFS) children(pid int) []int              { return childrenOf(pid) }
func (procFS) stat(pid int) (stat, error)          { return readStat(pid) }
func (procFS) variable(pid int, key string) []byte { return readVariable(pid, key) }
func (procFS) owner(pid int) (int, error)          { return readOwner(pid) }
func (procFS) age(start uint64) time.Duration      { return age(start) }
func (procFS) pin(pid int) (int, error)            { return unix.PidfdOpen(pid, 0) }
func (procFS) unpin(fd int)                        { unix.Close(fd) }
func (procFS) kill(id processID, sig spec.Signal)  { signalOne(id, sig) }

// checkProc says why /proc cannot tell us about our children.
func checkProc() error {
	self, err := os.Readlink("/proc/self")
	switch {
	case err != nil:
		return fmt.Errorf("what services leave behind outside of their process group cannot be seen: %w", err)
	case self != strconv.Itoa(os.Getpid()):
		return errors.New("what services leave behind outside of their process group cannot be seen: /proc is that of another pid namespace")
	default:
		return nil
	}
}

// stat is what /proc/PID/stat says.
type stat struct {
	command string
	state   byte
	parent  int
	group   int
	session int
	start   uint64 // clock ticks since boot
}

func readStat(pid int) (stat, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(b)
}

// parseStat reads the line from both ends: the command may hold anything, also
// blanks and parentheses.
func parseStat(b []byte) (st stat, err error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return st, errors.New("read /proc/PID/stat: no command in it")
	}
	f := strings.Fields(string(b[end+1:]))
	if len(f) < 20 {
		return st, errors.New("read /proc/PID/stat: too short")
	}
	st.command, st.state = string(b[open+1:end]), f[0][0]
	st.parent, _ = strconv.Atoi(f[1])
	st.group, _ = strconv.Atoi(f[2])
	st.session, _ = strconv.Atoi(f[3])
	st.start, err = strconv.ParseUint(f[19], 10, 64)
	return st, err
}

// ticks is the unit of a process's start time, USER_HZ: 100 a second wherever Go
// runs on Linux.
const ticks = time.Second / 100

// age is how long ago a process was started.
func age(start uint64) time.Duration {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return max(0, time.Duration(ts.Nano())-time.Duration(start)*ticks)
}

// descendants lists every process below us that is no zombie.
func descendants() (all []process) {
	var walk func(pids []int)
	walk = func(pids []int) {
		for _, pid := range pids {
			st, err := readStat(pid)
			if err != nil {
				continue
			}
			walk(childrenOf(pid))
			if st.state != 'Z' && st.state != 'X' {
				all = append(all, process{processID: processID{pid, st.start}, command: st.command})
			}
		}
	}
	walk(childrenOf(os.Getpid()))
	return all
}

// childrenOf lists the children of all threads of a process.
func childrenOf(pid int) (pids []int) {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, t := range tasks {
		b, err := os.ReadFile(dir + "/" + t.Name() + "/children")
		if errors.Is(err, os.ErrNotExist) {
			if _, err := os.Stat(dir + "/" + t.Name()); err == nil {
				return childrenByParent(pid) // the thread is there, such a file is not
			}
		}
		pids = append(pids, parsePIDs(b)...)
	}
	return pids
}

// childrenByParent is childrenOf on kernels without CONFIG_PROC_CHILDREN.
func childrenByParent(parent int) (pids []int) {
	for _, pid := range allPIDs() {
		if st, err := readStat(pid); err == nil && st.parent == parent {
			pids = append(pids, pid)
		}
	}
	return pids
}

// allPIDs lists the processes that /proc shows.
func allPIDs() (pids []int) {
	all, _ := os.ReadDir("/proc")
	for _, e := range all {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// readVariable returns a variable of a process's environment; nil where there is
// none or we may not look. key ends with "=".
func readVariable(pid int, key string) []byte {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return nil
	}
	for kv := range bytes.SplitSeq(b, []byte{0}) {
		if v, ok := bytes.CutPrefix(kv, []byte(key)); ok {
			return v
		}
	}
	return nil
}

// readOwner returns the real user of a process: a program that is set-user-ID
// runs with the rights of another, and with the environment of whoever has
// started it.
func readOwner(pid int) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return -1, err
	}
	_, line, _ := strings.Cut(string(b), "\nUid:")
	real, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
	return strconv.Atoi(real)
}
