package colony

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// stat is what /proc/PID/stat says.
type stat struct {
	command string
	state   byte
	parent  int
	group   int
	session int
	start   uint64 // clock ticks since boot
}

func procPath(pid int, what string) string { return "/proc/" + strconv.Itoa(pid) + "/" + what }

func readStat(pid int) (stat, error) {
	var buf [512]byte
	b, err := readRaw(procPath(pid, "stat"), buf[:0])
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

// descendants lists every process below us that is no zombie.
func descendants() (all []process) {
	var walk func(pids []int)
	walk = func(pids []int) {
		for _, pid := range pids {
			st, err := readStat(pid)
			if err != nil {
				continue
			}
			children, _ := childrenOf(pid)
			walk(children)
			if st.state != 'Z' && st.state != 'X' {
				all = append(all, process{processID: processID{pid, st.start}, command: st.command})
			}
		}
	}
	children, _ := childrenOf(os.Getpid())
	walk(children)
	return all
}

// childrenOf lists the children of all threads of a process.
func childrenOf(pid int) (pids []int, failure error) {
	dir := procPath(pid, "task")
	tasks, err := numbersIn(dir)
	if err != nil {
		return nil, err
	}
	var buf []byte
	for _, t := range tasks {
		task := dir + "/" + strconv.Itoa(t)
		b, err := readRaw(task+"/children", buf[:0])
		buf = b
		switch {
		case errors.Is(err, os.ErrNotExist):
			if _, err := os.Stat(task); err == nil {
				return childrenByParent(pid) // the thread is there, such a file is not
			}
		case err != nil:
			failure = err
		}
		pids = append(pids, parsePIDs(b)...)
	}
	return pids, failure
}

// childrenByParent is childrenOf on kernels without CONFIG_PROC_CHILDREN.
func childrenByParent(parent int) (pids []int, failure error) {
	all, failure := allPIDs()
	for _, pid := range all {
		st, err := readStat(pid)
		if scarce(err) {
			failure = err
		}
		if err == nil && st.parent == parent {
			pids = append(pids, pid)
		}
	}
	return pids, failure
}

// allPIDs lists the processes that /proc shows.
func allPIDs() ([]int, error) { return numbersIn("/proc") }

// numbersIn lists the entries of a directory of /proc whose names are numbers,
// in their order.
func numbersIn(dir string) (all []int, err error) {
	fd, err := openRaw(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 8<<10)
	var names []string
	for {
		n, err := unix.ReadDirent(fd, buf)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			slices.Sort(all)
			return all, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names[:0])
		for _, name := range names {
			if number, err := strconv.Atoi(name); err == nil {
				all = append(all, number)
			}
		}
	}
}

// awaitExec waits for a program that is just being executed. The kernel closes
// its descriptors, and with them the lock of a supervisor that was killed at that
// moment, before it gives it an environment.
func awaitExec(pid int) {
	for range 100 {
		b, err := readRaw(procPath(pid, "environ"), nil)
		if err != nil || len(b) > 0 {
			return
		}
		st, err := readStat(pid)
		if _, lerr := os.Readlink(procPath(pid, "exe")); err != nil || lerr != nil || st.state == 'Z' || age(st.start) > execTime {
			return // a thread of the kernel, or one without an environment
		}
		time.Sleep(execTime / 1000)
	}
}

// execTime is longer than any exec takes that is not held up.
const execTime = 5 * time.Second

// readVariable returns a variable of a process's environment; nil where there is
// none or we may not look. key ends with "=".
func readVariable(pid int, key string) ([]byte, error) {
	b, err := readRaw(procPath(pid, "environ"), make([]byte, 0, 4<<10))
	if err != nil {
		return nil, err
	}
	for kv := range bytes.SplitSeq(b, []byte{0}) {
		if v, ok := bytes.CutPrefix(kv, []byte(key)); ok {
			return v, nil
		}
	}
	return nil, nil
}
