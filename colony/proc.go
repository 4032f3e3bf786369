package colony

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
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
	dir := fmt.Sprintf("/proc/%d/task", pid)
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, t := range tasks {
		b, err := os.ReadFile(dir + "/" + t.Name() + "/children")
		switch {
		case errors.Is(err, os.ErrNotExist):
			if _, err := os.Stat(dir + "/" + t.Name()); err == nil {
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
func allPIDs() (pids []int, err error) {
	all, err := os.ReadDir("/proc")
	for _, e := range all {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// readVariable returns a variable of a process's environment; nil where there is
// none or we may not look. key ends with "=".
func readVariable(pid int, key string) ([]byte, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
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
