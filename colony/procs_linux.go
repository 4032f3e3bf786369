package colony

import (
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
	all() ([]int, error)
	children(pid int) ([]int, error)
	stat(pid int) (stat, error)
	variable(pid int, key string) ([]byte, error) // see readVariable
	owner(pid int) (uid int, err error)           // who has started it, see readOwner
	await(pid int)                                // see awaitExec
	age(start uint64) time.Duration               // of a process that was started then
	pin(pid int) (fd int, err error)              // a pidfd
	unpin(fd int)
	kill(id processID, sig spec.Signal) // see signalOne
}

// procFS is /proc of this machine.
type procFS struct{}

func (procFS) check() error                                 { return checkProc() }
func (procFS) self() int                                    { return os.Getpid() }
func (procFS) all() ([]int, error)                          { return allPIDs() }
func (procFS) children(pid int) ([]int, error)              { return childrenOf(pid) }
func (procFS) stat(pid int) (stat, error)                   { return readStat(pid) }
func (procFS) variable(pid int, key string) ([]byte, error) { return readVariable(pid, key) }
func (procFS) owner(pid int) (int, error)                   { return readOwner(pid) }
func (procFS) await(pid int)                                { awaitExec(pid) }
func (procFS) age(start uint64) time.Duration               { return age(start) }
func (procFS) pin(pid int) (int, error)                     { return unix.PidfdOpen(pid, 0) }
func (procFS) unpin(fd int)                                 { unix.Close(fd) }
func (procFS) kill(id processID, sig spec.Signal)           { signalOne(id, sig) }

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

// ticks is the unit of a process's start time, USER_HZ: 100 a second wherever Go
// runs on Linux.
const ticks = time.Second / 100

// age is how long ago a process was started.
func age(start uint64) time.Duration {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return max(0, time.Duration(ts.Nano())-time.Duration(start)*ticks)
}

// readOwner returns the real user of a process: a program that is set-user-ID
// runs with the rights of another, and with the environment of whoever has
// started it.
func readOwner(pid int) (int, error) {
	b, err := readRaw(procPath(pid, "status"), nil)
	if err != nil {
		return -1, err
	}
	_, line, _ := strings.Cut(string(b), "\nUid:")
	real, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
	return strconv.Atoi(real)
}
