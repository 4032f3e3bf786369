package colony

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// What the kernel makes of our control groups and their limits. On a machine whose
// cgroup v2 has no controllers (or none at all) "make vm" runs these tests.

// machineGroups is where the machine has its control groups.
const machineGroups = "/sys/fs/cgroup"

// inABox has a supervisor begin in a control group of its own, as in a container:
// one that is not the machine's root, where the kernel does not have processes
// beside groups with controllers.
func inABox(s *super) (box string) {
	s.t.Helper()
	needRoot(s.t)
	have := words(machineGroups + "/cgroup.subtree_control")
	for _, c := range []string{"memory", "cpu", "pids"} {
		if !slices.Contains(have, c) {
			s.t.Skipf("needs the controllers memory, cpu and pids in the control groups of %s, which have only %q: make vm", machineGroups, have)
		}
	}
	box, err := os.MkdirTemp(machineGroups, "ncolony-test-")
	must(s.t, err)
	s.t.Cleanup(func() {
		put(s.t, box+"/cgroup.kill", "1")
		s.eventually("the box is empty", func() bool { return slices.Equal(words(box + "/cgroup.events")[:2], []string{"populated", "0"}) })
		removeGroup(box)
	})
	s.joins(box)
	return box
}

// joins has a supervisor begin in a control group.
func (s *super) joins(group string) {
	s.t.Helper()
	fd, err := unix.Open(group, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(s.t, err)
	s.t.Cleanup(func() { unix.Close(fd) })
	if s.cmd.SysProcAttr == nil {
		s.cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	s.cmd.SysProcAttr.UseCgroupFD, s.cmd.SysProcAttr.CgroupFD = true, fd
}

// home is where a supervisor has the groups of its lives.
func (s *super) home(box string) string {
	s.t.Helper()
	id, err := os.ReadFile(s.places.ID())
	must(s.t, err)
	return filepath.Join(box, "ncolony-"+strings.TrimSpace(string(id)))
}

// removeGroup removes a group and those below it.
func removeGroup(dir string) {
	list, _ := os.ReadDir(dir)
	for _, d := range list {
		if d.IsDir() {
			removeGroup(filepath.Join(dir, d.Name()))
		}
	}
	os.Remove(dir)
}

// limited is a spec of a script with limits.
func limited(script string, limits map[string]any, more ...any) string {
	return with(map[string]any{"args": []string{"/bin/sh", "-c", script}, "cgroup": limits, "restart": "never", "stop": map[string]any{"grace": 1}}, more...)
}

// hog has a child that wants more memory than there is.
const hog = "tail /dev/zero; exec sleep 600"

// TestLimitsHold: what is too much is refused, killed or slowed down, and told.
func TestLimitsHold(t *testing.T) {
	s := newSuper(t, t.TempDir(), false)
	box := inABox(s)
	s.publishes()
	home := s.home(box)
	s.add("pids", limited("sleep 600 & sleep 600 & sleep 600 & exec sleep 600", map[string]any{"pids_max": 3})) // the first, see evacuate
	if e := s.until("pids", spec.Exited).LastExit; e.Code == nil || *e.Code != 2 {
		t.Errorf("a shell that cannot fork: %+v", e)
	}
	s.add("memory", limited(hog, map[string]any{"memory_max": "16M"}))
	if e := s.until("memory", spec.Exited).LastExit; e.Signal != "KILL" || !e.OOM {
		t.Errorf("of who wants too much memory: %+v", e)
	}
	s.add("cpu", limited("while :; do :; done", map[string]any{"cpu_max": 0.05}))
	s.eventually("it is slowed down", func() bool {
		stat := words(home + "/cpu:1/cpu.stat")
		i := slices.Index(stat, "nr_throttled")
		return i >= 0 && stat[i+1] != "0"
	})
	s.add("tiny", limited("exec sleep 600", map[string]any{"memory_max": 4096}))
	s.until("tiny", spec.Backingoff)
	s.add("shim", limited("exec sleep 600", map[string]any{"pids_max": 1, "memory_max": "1M"}, "umask", "022")) // it needs more than the program
	if st := s.until("shim", spec.Running); !slices.Contains(words(home+"/shim:1/cgroup.procs"), strconv.Itoa(st.PID)) {
		t.Errorf("%d is not in its group", st.PID)
	}
	if e := s.happened("memory", spec.EventExited); len(e) != 1 || !e[0].Exit.OOM {
		t.Errorf("%+v", e)
	}
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if left, _ := filepath.Glob(home + "/*:*"); len(left) > 0 {
		t.Errorf("groups that are left: %v", left)
	}
}

// TestGroupsLast: groups and limits outlive an upgrade and a kill of the supervisor.
func TestGroupsLast(t *testing.T) {
	root := t.TempDir()
	s := newSuper(t, root, false)
	box := inABox(s)
	s.publishes()
	home := s.home(box)
	s.add("a", limited("while [ ! -e "+root+"/go ]; do sleep 0.1; done; "+hog, map[string]any{"memory_max": "16M"}))
	s.add("b", limited("exec sleep 600", map[string]any{}))
	a, b := s.until("a", spec.Running), s.until("b", spec.Running)
	v2 := copyOfUs(t, "v2")
	s.eventually("the upgrade", func() bool { return s.upgrade(v2).OK }) // it may take too long for the supervisor
	s.untouched(a, b)
	s.murder()
	unix.Kill(b.PID, unix.SIGKILL)
	s = newSuper(t, root, false)
	s.joins(box)
	if err := s.cmd.Start(); !errors.Is(err, unix.EBUSY) {
		t.Errorf("a process beside groups with controllers: %v", err)
	}
	s = newSuper(t, root, false)
	s.joins(home + "/supervisor") // or a group of DelegateSubgroup=, from the beginning
	s.publishes()
	s.until("b", spec.Exited)
	s.untouched(a)
	if now := words(home + "/a:1/memory.max"); !slices.Equal(now, []string{"16777216"}) || exists(home+"/b:1") {
		t.Errorf("the limit is %q now; the group of what is dead exists: %v", now, exists(home+"/b:1"))
	}
	put(t, root+"/go", "")
	if e := s.until("a", spec.Exited).LastExit; !e.OOM && !e.Unknown { // older kernels do not tell how it ended
		t.Errorf("%+v", e)
	}
	s.eventually("its group is gone", func() bool { return !exists(home + "/a:1") })
}

// TestStopOfAFullLife: a stop command is for a group that may have no room left, and
// what the kernel does about it does not reach the supervisor.
func TestStopOfAFullLife(t *testing.T) {
	dir := t.TempDir()
	s := newSuper(t, t.TempDir(), false)
	box := inABox(s)
	memory, err := os.MkdirTemp("/dev/shm", "ncolony-test-") // what no disk takes away
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(memory) })
	s.publishes()
	stop := map[string]any{"command": []string{"/bin/sh", "-c", "echo >" + dir + "/stopped", strings.Repeat("x", 90000)}, "grace": 30}
	full := `b=xxxxxxxx; while [ ${#b} -lt 4096 ]; do b=$b$b; done; mkfifo fifo; cd ` + s.home(box) + `/memory:1
while read c <memory.current; [ $((16777216-c)) -gt 40960 ]; do echo -n $b >>` + memory + `/full; done; echo >$OLDPWD/up; read x <$OLDPWD/fifo`
	s.add("memory", limited(full, map[string]any{"memory_max": "16M"}, "cwd", dir, "stop", stop))
	s.read(dir + "/up")
	s.send(`{"type":"STOP","name":"memory"}`)
	if e := s.until("memory", spec.Stopped).LastExit; !e.OOM {
		t.Errorf("%+v", e)
	}
	s.add("pids", limited("sleep 600 & exec sleep 600", map[string]any{"pids_max": 2}, "stop", stop))
	s.until("pids", spec.Running)
	s.eventually("it is full", func() bool { return len(words(s.home(box)+"/pids:1/cgroup.procs")) == 2 })
	s.send(`{"type":"STOP","name":"pids"}`)
	s.read(dir + "/stopped")
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestGroupsOfAContainer: as PID 1 whose group is the root of its control groups,
// which may be read-only; and what there is to say where limits cannot be had.
func TestGroupsOfAContainer(t *testing.T) {
	limits := map[string]any{"cpu_max": 0.5, "pids_max": 100, "memory_max": "16M"}
	optional := map[string]any{"pids_max": 100, "optional": true}
	for name, why := range map[string]string{"": "", "read-only": "read-only file system", "no controllers": `the controller "memory" is not to be had in`,
		"others": "processes of others are in"} {
		t.Run(name, func(t *testing.T) {
			s := newSuper(t, t.TempDir(), true).set(groupsKey + "=" + name)
			box := inABox(s)
			switch name {
			case "no controllers":
				box += "/below"
				must(t, os.Mkdir(box, 0o755))
				s.joins(box)
			case "others":
				other := exec.Command("/bin/sleep", "600")
				must(t, other.Start())
				t.Cleanup(func() { other.Process.Kill(); other.Wait() })
				put(t, box+"/cgroup.procs", strconv.Itoa(other.Process.Pid))
			}
			s.cmd.SysProcAttr.Unshareflags = unix.CLONE_NEWCGROUP
			s.publishes()
			s.add("a", limited("exec sleep 600", limits))
			s.add("b", limited("exec sleep 600", optional))
			b := s.until("b", spec.Running)
			if why == "" {
				s.until("a", spec.Running)
				if n := len(words(s.home(box) + "/a:1/cgroup.procs")); n != 1 || len(b.Warnings) > 0 {
					t.Errorf("%d processes in the group; warnings %q", n, b.Warnings)
				}
				return
			}
			if a := s.until("a", spec.Invalid); !strings.Contains(a.SpecError.Message, why) || !strings.Contains(a.SpecError.Message, `"optional"`) {
				t.Errorf("%+v", a.SpecError)
			}
			if len(b.Warnings) != 1 || !strings.Contains(b.Warnings[0], "cgroup: the service runs without: ") {
				t.Errorf("%q", b.Warnings)
			}
		})
	}
}
