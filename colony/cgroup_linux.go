package colony

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/cgroup"
)

// cgroups are the control groups (v2) of lives that ask for one: directories of
// a home below our own group, named NAME:GENERATION. Nothing of it is kept in
// memory: where the home is follows from where we are, which any goroutine may
// look up, and only lives with such a group make anybody do so.
type cgroups struct {
	colony string                 // our id
	own    func() (string, error) // the directory of the group that we are in
}

// ownGroup finds the directory of our own group.
func ownGroup() (string, error) { return cgroup.Of("self") }

// home is the directory of the groups of all lives.
func (c cgroups) home() (string, error) {
	own, err := c.own()
	if err != nil {
		return "", err
	}
	return cgroup.Home(own, c.colony), nil
}

// dir is the directory of a life's group.
func (c cgroups) dir(life lifeID) (string, error) {
	home, err := c.home()
	return filepath.Join(home, lifeName(life)), err
}

// limit is a file of a group and what is written to it.
type limit struct{ file, value string }

// limitsOf are the files for a spec's limits. A life whose memory is out ends as
// a whole: half of a service is worse than none.
func limitsOf(c *spec.Cgroup) (all []limit) {
	if c.MemoryMax != nil {
		all = append(all, limit{"memory.max", strconv.FormatUint(uint64(*c.MemoryMax), 10)}, limit{"memory.oom.group", "1"})
	}
	if c.MemoryHigh != nil {
		all = append(all, limit{"memory.high", strconv.FormatUint(uint64(*c.MemoryHigh), 10)})
	}
	if c.CPUMax != nil {
		all = append(all, limit{"cpu.max", fmt.Sprintf("%d 100000", int64(*c.CPUMax*100000))})
	}
	if c.PidsMax != nil {
		all = append(all, limit{"pids.max", strconv.Itoa(*c.PidsMax)})
	}
	return all
}

// available sees to it that groups with these limits can be made, or says why
// not.
func (c cgroups) available(of *spec.Cgroup) error {
	home, err := c.home()
	if err != nil {
		return err
	}
	if err := os.Mkdir(home, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	limits := limitsOf(of)
	if len(limits) == 0 {
		return nil
	}
	enabled := words(filepath.Join(home, "cgroup.subtree_control"))
	var missing []string
	for _, l := range limits {
		name, _, _ := strings.Cut(l.file, ".")
		if !slices.Contains(enabled, name) && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	base := filepath.Dir(home)
	for _, name := range missing {
		if there := words(filepath.Join(base, "cgroup.controllers")); !slices.Contains(there, name) {
			return fmt.Errorf("the controller %q is not to be had in %s, there are only %q", name, base, there)
		}
		if err := c.enable(base, home, name); err != nil {
			return err
		}
		if err := write(filepath.Join(home, "cgroup.subtree_control"), "+"+name); err != nil {
			return err
		}
	}
	return nil
}

// enable has a controller for the groups below base, which is ours.
func (c cgroups) enable(base, home, controller string) error {
	control := filepath.Join(base, "cgroup.subtree_control")
	if slices.Contains(words(control), controller) {
		return nil
	}
	if unix.Access(filepath.Join(base, "cgroup.type"), unix.F_OK) == nil { // the root of all has none, and may have processes
		if err := evacuate(base, home); err != nil {
			return err
		}
	}
	return write(control, "+"+controller)
}

// evacuate has our processes in base, which are not to be beside groups with
// controllers, go below it too; those of others we leave where they are. It comes
// first, because the kernel refuses only some controllers for their sake. With cpu
// and pids it takes base for the root of groups of threads instead, and no group
// below it is good for anything any more.
func evacuate(base, home string) error {
	procs, leaf := filepath.Join(base, "cgroup.procs"), filepath.Join(home, cgroup.Supervisor)
	for range evacuations { // a fork may come between
		if len(words(procs)) == 0 {
			return nil
		}
		if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		for _, pid := range append([]int{os.Getpid()}, ourOwn(base)...) {
			if err := write(filepath.Join(leaf, "cgroup.procs"), strconv.Itoa(pid)); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
	}
	if left := words(procs); len(left) > 0 {
		return fmt.Errorf("processes of others are in %s, beside which no limits can be: %s", base, strings.Join(left, " "))
	}
	return nil
}

const evacuations = 5

// ourOwn are the processes below us that are in a group.
func ourOwn(group string) (pids []int) {
	in := map[string]bool{}
	for _, pid := range words(filepath.Join(group, "cgroup.procs")) {
		in[pid] = true
	}
	for _, p := range descendants() {
		if in[strconv.Itoa(p.pid)] {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

// make makes the group of a life and sets its limits.
func (c cgroups) make(life lifeID, of *spec.Cgroup) (dir string, err error) {
	if err := c.available(of); err != nil {
		return "", err
	}
	if dir, err = c.dir(life); err != nil {
		return "", err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	for _, l := range limitsOf(of) {
		if err := write(filepath.Join(dir, l.file), l.value); err != nil {
			os.Remove(dir)
			return "", err
		}
	}
	return dir, nil
}

// members are the processes in the group of a life, and in those that it has
// made below.
func (c cgroups) members(life lifeID) (pids []int) {
	c.walk(life, func(dir string) {
		for _, text := range words(filepath.Join(dir, "cgroup.procs")) {
			if pid, err := strconv.Atoi(text); err == nil {
				pids = append(pids, pid)
			}
		}
	})
	return pids
}

// kill ends all of them, and whatever they are about to fork.
func (c cgroups) kill(life lifeID) error {
	dir, err := c.dir(life)
	if err != nil {
		return err
	}
	return write(filepath.Join(dir, "cgroup.kill"), "1")
}

// outOfMemory reports whether the kernel has killed a process of a life for its
// limit of memory.
func (c cgroups) outOfMemory(life lifeID) bool {
	dir, err := c.dir(life)
	if err != nil {
		return false
	}
	events := words(filepath.Join(dir, "memory.events"))
	i := slices.Index(events, "oom_kill")
	return i >= 0 && i+1 < len(events) && events[i+1] != "0"
}

// remove removes the group of a life that is over. One that has processes stays:
// the life has left them alone.
func (c cgroups) remove(life lifeID) {
	var dirs []string
	c.walk(life, func(dir string) { dirs = append(dirs, dir) })
	for _, dir := range slices.Backward(dirs) {
		unix.Rmdir(dir)
	}
}

// clear removes the groups of lives that are over.
func (c cgroups) clear(lives map[string]bool) {
	home, err := c.home()
	if err != nil {
		return
	}
	list, _ := os.ReadDir(home)
	for _, d := range list {
		if life, ok := lifeOf(d.Name()); ok && !lives[d.Name()] {
			c.remove(life)
		}
	}
}

// close removes the home, if it is empty.
func (c cgroups) close() {
	if home, err := c.home(); err == nil {
		unix.Rmdir(home)
	}
}

// walk visits the group of a life, and then those below it.
func (c cgroups) walk(life lifeID, visit func(dir string)) {
	dir, err := c.dir(life)
	if err != nil {
		return
	}
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			visit(path)
		}
		return nil
	})
}

// words are the words of a short file; none if it cannot be read.
func words(path string) []string {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Fields(string(b))
}

// write writes to a file of the kernel's. That it may be made is for directories
// that stand in for the kernel's, where nothing can be made.
func write(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
	if err == nil {
		_, err = unix.Write(fd, []byte(text))
		unix.Close(fd)
	}
	if err != nil {
		return fmt.Errorf("write %q to %s: %w", text, path, err)
	}
	return nil
}
