package colony

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/cgroup"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// standIn is a directory that looks like a group with these controllers.
func standIn(t *testing.T, controllers string) (cgroups, string) {
	t.Helper()
	base := t.TempDir()
	put(t, base+"/cgroup.controllers", controllers)
	put(t, base+"/cgroup.subtree_control", "")
	return cgroups{"c0ffee", func() (string, error) { return base, nil }}, base
}

// TestLimits: each limit is written to its file, in the kernel's words.
func TestLimits(t *testing.T) {
	c, base := standIn(t, "cpuset cpu io memory hugetlb pids\n")
	sp := specOf(t, `{"args": ["x"], "cgroup": {"memory_max": "512M", "memory_high": 1000, "cpu_max": "150%", "pids_max": 7}}`)
	dir, err := c.make(lifeID{"web", 3}, sp.Cgroup)
	must(t, err)
	if want := base + "/ncolony-c0ffee/web:3"; dir != want {
		t.Errorf("%s, want %s", dir, want)
	}
	got := map[string]string{}
	list, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range list {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		must(t, err)
		got[f.Name()] = string(b)
	}
	want := map[string]string{"memory.max": "536870912", "memory.oom.group": "1", "memory.high": "1000", "cpu.max": "150000 100000", "pids.max": "7"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestNoController: what is not there is named, with what is.
func TestNoController(t *testing.T) {
	c, base := standIn(t, "hugetlb\n")
	none := specOf(t, `{"args": ["x"], "cgroup": {}}`)
	must(t, c.available(none.Cgroup))
	some := specOf(t, `{"args": ["x"], "cgroup": {"pids_max": 7}}`)
	if err := c.available(some.Cgroup); err == nil || err.Error() != fmt.Sprintf(`the controller "pids" is not to be had in %s, there are only ["hugetlb"]`, base) {
		t.Error(err)
	}
	none.Cgroup.Optional, some.Cgroup.Optional = true, true
	v := vetting{launch.System(), c, vault{memory: []string{"/nowhere"}, disk: "/disk"}}
	if odd := v.odd(some); len(odd) != 1 || !strings.HasPrefix(odd[0], `cgroup: the service runs without: the controller "pids"`) {
		t.Errorf("%q", odd)
	}
	if odd := v.odd(none); odd != nil || v.problem(some) != "" {
		t.Errorf("%q, %s", odd, v.problem(some))
	}
	some.Cgroup.Optional = false
	if why := v.problem(some); !strings.Contains(why, `cgroup: the controller "pids"`) || !strings.Contains(why, `"optional"`) {
		t.Error(why)
	}
	nowhere := cgroups{"c0ffee", func() (string, error) { return "", errors.New("no cgroup v2 here") }}
	if why := (vetting{launch.System(), nowhere, vault{}}).problem(some); !strings.HasPrefix(why, "cgroup: no cgroup v2 here") {
		t.Error(why)
	}
}

// TestHome: it is the same from our own group, where we may have gone, too.
func TestHome(t *testing.T) {
	for own, want := range map[string]string{
		"/sys/fs/cgroup":                                "/sys/fs/cgroup/ncolony-c0ffee",
		"/sys/fs/cgroup/a/supervisor":                   "/sys/fs/cgroup/a/supervisor/ncolony-c0ffee",
		"/sys/fs/cgroup/a/ncolony-c0ffee/supervisor":    "/sys/fs/cgroup/a/ncolony-c0ffee",
		"/sys/fs/cgroup/a/ncolony-supervisor":           "/sys/fs/cgroup/a/ncolony-c0ffee",
		"/sys/fs/cgroup/a/ncolony-0ther/supervisor":     "/sys/fs/cgroup/a/ncolony-0ther/supervisor/ncolony-c0ffee",
		"/sys/fs/cgroup/a/ncolony-c0ffee/supervisor/in": "/sys/fs/cgroup/a/ncolony-c0ffee/supervisor/in/ncolony-c0ffee",
	} {
		if got, err := (cgroups{"c0ffee", func() (string, error) { return own, nil }}).home(); got != want || err != nil {
			t.Errorf("%s: %s %v, want %s", own, got, err, want)
		}
	}
}

// realGroups are groups of this machine, or the test is skipped.
func realGroups(t *testing.T) cgroups {
	t.Helper()
	c := cgroups{"test" + strconv.Itoa(os.Getpid()), ownGroup}
	if err := c.available(&spec.Cgroup{}); err != nil {
		t.Skipf("no cgroup v2 that we can write: %v", err)
	}
	t.Cleanup(func() {
		c.clear(nil)
		c.close()
		if home, err := c.home(); err != nil {
			t.Error(err)
		} else if _, err := os.Stat(home); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", home, err)
		}
	})
	return c
}

func dirOf(t *testing.T, c cgroups, life lifeID) string {
	t.Helper()
	dir, err := c.dir(life)
	must(t, err)
	return dir
}

// TestGroupOfALife: a child begins in the group of its life, what it has started
// is found there whatever it does to hide, and all is killed there at once.
func TestGroupOfALife(t *testing.T) {
	c := realGroups(t)
	l := newListening(t, placesIn(t.TempDir()))
	l.spawner.preparer.cgroups = c
	dir := t.TempDir()
	life := lifeID{"a", 1}
	for _, keys := range []string{"", `, "umask": "022"`} { // with a shim, too
		sp := specOf(t, fmt.Sprintf(`{"args": ["/bin/sh", "-c", %q], "cgroup": {}%s}`,
			"env -i setsid sleep 600 & cat /proc/self/cgroup >"+dir+"/tmp; mv "+dir+"/tmp "+dir+"/up; exec sleep 600", keys))
		ev := l.spawner.fork(spawn{order: 1, life: life, spec: sp})
		up, ok := ev.(started)
		if !ok {
			t.Fatalf("%+v", ev)
		}
		await(dir + "/up")
		b, err := os.ReadFile(dir + "/up")
		must(t, err, os.Remove(dir+"/up"))
		if path, _ := cgroup.Path(string(b)); !strings.HasSuffix(path, "/ncolony-"+c.colony+"/a:1") {
			t.Errorf("it is in %q", path)
		}
		for end := time.Now().Add(waitMost); ; time.Sleep(time.Millisecond) { // mv has to end
			m := c.members(life)
			if len(m) == 2 && slices.Contains(m, up.pid) {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("members %v, of which %d is the main process", m, up.pid)
			}
		}
		must(t, c.kill(life))
		var ws syscall.WaitStatus
		_, err = syscall.Wait4(up.pid, &ws, 0, nil)
		if must(t, err); ws.Signal() != syscall.SIGKILL {
			t.Errorf("it ended with %v", ws)
		}
		for end := time.Now().Add(waitMost); len(c.members(life)) > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%v are still there", c.members(life))
			}
		}
		if c.outOfMemory(life) {
			t.Error("it was killed, but not for its memory")
		}
		must(t, os.Mkdir(filepath.Join(dirOf(t, c, life), "below"), 0o755)) // as a program may do
		c.remove(life)
		if err := unix.Access(dirOf(t, c, life), unix.F_OK); err != unix.ENOENT {
			t.Errorf("its group is still there: %v", err)
		}
	}
}

// TestOutOfMemory: the kernel's count of kills is what says so.
func TestOutOfMemory(t *testing.T) {
	c, _ := standIn(t, "memory\n")
	life := lifeID{"a", 1}
	dir, err := c.make(life, &spec.Cgroup{})
	must(t, err)
	for text, want := range map[string]bool{"low 0\nhigh 3\nmax 9\noom 1\noom_kill 0\noom_group_kill 0\n": false, "oom 1\noom_kill 2\noom_group_kill 1\n": true, "": false} {
		put(t, dir+"/memory.events", text)
		if got := c.outOfMemory(life); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestNothingHidesInAGroup: a stop ends what has left its session and wiped its
// environment, and then the group is gone; so is that of a life which a killed
// supervisor has left.
func TestNothingHidesInAGroup(t *testing.T) {
	realGroups(t)
	root := t.TempDir()
	s := startSuper(t, root, false)
	hidden := filepath.Join(root, "hidden")
	s.add("a", with(map[string]any{"cgroup": map[string]any{}, "stop": map[string]any{"grace": 0.2},
		"args": []string{"/bin/sh", "-c", "env -i setsid sh -c 'trap : TERM; echo $$ >" + hidden + ".tmp; mv " + hidden + ".tmp " + hidden + "; while :; do sleep 1; done' & exec sleep 600"}}))
	a := s.until("a", spec.Running)
	await(hidden)
	b, err := os.ReadFile(hidden)
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	must(t, err)
	home := homeOf(t, a.PID)
	s.add("b", with(map[string]any{"cgroup": map[string]any{}, "restart": "never", "args": []string{"/bin/sleep", "600"}}))
	b1 := s.until("b", spec.Running)
	s.eventually("what b was started with is known", func() bool {
		_, a := os.Stat(s.places.LivesDir() + "/a.json")
		_, b := os.Stat(s.places.LivesDir() + "/b.json")
		return a == nil && b == nil
	})
	s.murder() // b dies while nobody looks
	unix.Kill(b1.PID, unix.SIGKILL)
	s = startSuper(t, root, false)
	s.until("b", spec.Exited)
	s.eventually("the group of b is gone", func() bool { _, err := os.Stat(home + "/b:1"); return err != nil })
	s.untouched(a)
	if m := words(home + "/a:1/cgroup.procs"); !slices.Contains(m, strconv.Itoa(pid)) {
		t.Fatalf("%d is not in its group: %v", pid, m)
	}
	s.remove("a")
	s.eventually("a is gone", func() bool { _, ok := s.status("a"); return !ok })
	if st, err := readStat(pid); err == nil && st.state != 'Z' {
		t.Errorf("what has hidden itself is still there: %+v", st)
	}
	if _, err := os.Stat(home + "/a:1"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its group is still there: %v", err)
	}
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(home); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the home of the groups is still there: %v", err)
	}
}

// homeOf is the directory above the group of a process.
func homeOf(t *testing.T, pid int) string {
	t.Helper()
	own, err := ownGroup()
	must(t, err)
	b, err := os.ReadFile(procPath(pid, "cgroup"))
	must(t, err)
	path, _ := cgroup.Path(string(b))
	mine, err := os.ReadFile("/proc/self/cgroup")
	must(t, err)
	ours, _ := cgroup.Path(string(mine))
	return filepath.Dir(filepath.Join(strings.TrimSuffix(own, strings.TrimSuffix(ours, "/")), path))
}

// TestEvacuation: our processes leave a group before its controllers are enabled, and
// none is while those of others are there. The machine's root may keep all.
func TestEvacuation(t *testing.T) {
	us := strconv.Itoa(os.Getpid())
	for _, x := range []struct{ kind, procs, why, moved string }{
		{"", us + "\n1\n", "", ""},
		{"domain", "", "", ""},
		{"domain", us + "\n1\n", "processes of others are in", us}, // it looks as if we stayed, too
	} {
		c, base := standIn(t, "memory pids\n")
		put(t, base+"/cgroup.procs", x.procs)
		if x.kind != "" {
			put(t, base+"/cgroup.type", x.kind)
		}
		err := c.available(specOf(t, `{"args": ["x"], "cgroup": {"pids_max": 7}}`).Cgroup)
		if (err == nil) != (x.why == "") || err != nil && !strings.Contains(err.Error(), x.why) {
			t.Errorf("%+v: %v", x, err)
		}
		if got := words(base + "/cgroup.subtree_control"); slices.Equal(got, []string{"+pids"}) != (x.why == "") {
			t.Errorf("%+v: enabled: %q", x, got)
		}
		if got := words(base + "/ncolony-c0ffee/supervisor/cgroup.procs"); strings.Join(got, " ") != x.moved {
			t.Errorf("%+v: moved: %q", x, got)
		}
	}
}

// TestShimEntersTheGroup: who goes through a shim begins outside and enters at its
// end, and a stop command always does.
func TestShimEntersTheGroup(t *testing.T) {
	for name, o := range map[string]spawn{
		"main": {spec: specOf(t, `{"args": ["/bin/true"], "cgroup": {}, "umask": "022"}`)},
		"stop": {spec: specOf(t, `{"args": ["/bin/true"], "cgroup": {}}`), kind: kindStopCommand, argv: []string{"/bin/true"}},
	} {
		c, base := standIn(t, "")
		l := newListening(t, placesIn(t.TempDir()))
		l.spawner.preparer.cgroups = c
		o.order, o.life = 1, lifeID{"a", 1}
		procs := base + "/ncolony-c0ffee/a:1/cgroup.procs"
		must(t, os.MkdirAll(filepath.Dir(procs), 0o755))
		put(t, procs, "")
		up, ok := l.spawner.fork(o).(started)
		if !ok {
			t.Fatalf("%s: it did not start", name)
		}
		syscall.Wait4(up.pid, nil, 0, nil)
		if got := words(procs); !slices.Equal(got, []string{"0"}) {
			t.Errorf("%s: written to its group: %q", name, got)
		}
	}
}
