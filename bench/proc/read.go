package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Descendants are all processes below this one, zombies too, as far as they are
// there when they are looked at.
func Descendants() []int {
	parents := map[int][]int{}
	names, _ := os.ReadDir("/proc")
	for _, e := range names {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f := Stat(pid); len(f) > 1 {
			parent, _ := strconv.Atoi(f[1])
			parents[parent] = append(parents[parent], pid)
		}
	}
	var all []int
	for next := parents[os.Getpid()]; len(next) > 0; {
		all = append(all, next...)
		var below []int
		for _, pid := range next {
			below = append(below, parents[pid]...)
		}
		next = below
	}
	return all
}

// Stat is /proc/PID/stat from the state on: state, parent, ... nil = no such process.
func Stat(pid int) []string {
	b, err := os.ReadFile(path(pid, "stat"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // the name in brackets may hold anything
}

// Zombies counts the children of a process, and those of them that are dead and
// not reaped.
func Zombies(pid int) (children, zombies int) {
	lists, _ := filepath.Glob(path(pid, "task/*/children"))
	for _, list := range lists {
		b, _ := os.ReadFile(list)
		for _, f := range strings.Fields(string(b)) {
			child, _ := strconv.Atoi(f)
			children++
			if s := Stat(child); len(s) > 0 && s[0] == "Z" {
				zombies++
			}
		}
	}
	return children, zombies
}

// Usage is what some processes need, together.
type Usage struct {
	PSS     float64 // bytes
	Own     float64 // bytes of it that are of no file: what is left when the kernel wants memory
	Threads int
	FDs     int
	CPU     float64 // milliseconds since their starts
	Wakeups int     // voluntary context switches since then
}

// Memory reads the memory, threads and descriptors of processes.
func Memory(pids []int) (u Usage) {
	for _, pid := range pids {
		u.PSS += 1024 * field(path(pid, "smaps_rollup"), "Pss:")
		u.Own += 1024 * field(path(pid, "smaps_rollup"), "Pss_Anon:")
		u.Threads += entries(path(pid, "task"))
		u.FDs += entries(path(pid, "fd"))
	}
	return u
}

// Activity reads what processes have done since their starts. A thread that has
// ended is forgotten.
func Activity(pids []int) (u Usage) {
	for _, pid := range pids {
		tasks, _ := os.ReadDir(path(pid, "task"))
		for _, task := range tasks {
			dir := filepath.Join(path(pid, "task"), task.Name())
			if b, err := os.ReadFile(filepath.Join(dir, "schedstat")); err == nil {
				ns, _ := strconv.ParseFloat(strings.Fields(string(b) + " 0")[0], 64)
				u.CPU += ns / 1e6
			}
			u.Wakeups += int(field(filepath.Join(dir, "status"), "voluntary_ctxt_switches:"))
		}
	}
	return u
}

// Without are the pids that are not in the other list.
func Without(pids, other []int) []int {
	set := map[int]bool{}
	for _, pid := range other {
		set[pid] = true
	}
	return slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return set[pid] })
}

func path(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }

// field is the number behind a word at the beginning of a line; 0 = none.
func field(file, word string) float64 {
	b, _ := os.ReadFile(file)
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == word {
			n, _ := strconv.ParseFloat(f[1], 64)
			return n
		}
	}
	return 0
}

func entries(dir string) int {
	list, _ := os.ReadDir(dir)
	return len(list)
}
