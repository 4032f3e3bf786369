// Package cgroup finds the control groups (v2) of a colony: where a process is in
// the file system of groups, and below that the groups of lives, for the
// supervisor, which makes them, and for whoever looks at them.
package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// Supervisor is the name of the group, in the home of a colony, that the
// supervisor moves to when there are limits: a group with controllers has
// processes only in the groups below it.
const Supervisor = "supervisor"

// Subgroup is the name of a group that whoever gives the supervisor the group above
// begins it in: DelegateSubgroup= of systemd. Groups of lives are beside it. A process
// can be begun in it whatever there is, and in the group above it not any more.
const Subgroup = "ncolony-supervisor"

// Of finds the directory of the group that a process is in: "self", or a pid.
func Of(process string) (dir string, err error) {
	b, err := os.ReadFile("/proc/" + process + "/cgroup")
	if err != nil {
		return "", err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	path, ok := Path(string(b))
	if !ok {
		return "", errors.New("no cgroup v2 here")
	}
	for line := range strings.Lines(string(mounts)) {
		before, after, _ := strings.Cut(line, " - ")
		f := strings.Fields(before)
		if !strings.HasPrefix(after, "cgroup2 ") || len(f) < 5 {
			continue
		}
		below, inside := strings.CutPrefix(path, strings.TrimSuffix(f[3], "/"))
		if inside && (below == "" || below[0] == '/') && !strings.Contains(path, "/..") {
			return filepath.Join(unescapeMount(f[4]), below), nil
		}
	}
	return "", errors.New("no cgroup v2 is mounted that we are in")
}

// Path finds the path of the v2 group in the text of /proc/PID/cgroup.
func Path(text string) (path string, ok bool) {
	for line := range strings.Lines(text) {
		if path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			return path, true
		}
	}
	return "", false
}

// unescapeMount undoes what the kernel does to blanks in mountinfo.
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// Home is the directory of the groups of all lives of a colony, by its id and
// the group of its supervisor. Each is called NAME:GENERATION.
func Home(supervisor, colony string) string {
	name := "ncolony-" + colony
	switch parent, last := filepath.Split(supervisor); {
	case last == Supervisor && filepath.Base(parent) == name:
		return filepath.Clean(parent)
	case last == Subgroup:
		return filepath.Join(parent, name)
	}
	return filepath.Join(supervisor, name)
}
