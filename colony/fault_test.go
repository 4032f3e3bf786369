package colony

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	hearts "github.com/ncolony/ncolony-go/heart/check"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

// What the fault_*_test.go share: machines on which something is wrong. What has
// to be arranged by the supervisor's own process comes in its environment.
const (
	deadKey      = "COLONY_TEST_DEAD"      // a directory to put a file system on that never answers
	diskKey      = "COLONY_TEST_DISK"      // a directory to put a small file system on
	uidKey       = "COLONY_TEST_UID"       // whom to run as, with no right of root
	writeKey     = "COLONY_TEST_WRITE"     // FILE=TEXT, to be written before all else
	heartsKey    = "COLONY_TEST_HEARTS"    // have a @heartcheck
	groupsKey    = "COLONY_TEST_GROUPS"    // mount the control groups of our namespace; "read-only": so
	frequencyKey = "COLONY_TEST_FREQUENCY" // time between full scans
)

// ordinary is a user that nobody else is.
const ordinary = 64999

// arrangeFaults is for PID 1, which is root as yet.
func arrangeFaults() error {
	if file, text, ok := strings.Cut(os.Getenv(writeKey), "="); ok {
		if err := os.WriteFile(file, []byte(text), 0); err != nil {
			return err
		}
	}
	if dir := os.Getenv(diskKey); dir != "" {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k,mode=755"); err != nil {
			return err
		}
	}
	if dir := os.Getenv(deadKey); dir != "" {
		if err := mountDead(dir); err != nil {
			return err
		}
	}
	if how, ok := os.LookupEnv(groupsKey); ok {
		err := errors.Join(unix.Unmount(machineGroups, unix.MNT_DETACH), unix.Mount("cgroup2", machineGroups, "cgroup2", 0, ""))
		if how == "read-only" && err == nil {
			err = unix.Mount("", machineGroups, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
		}
		if err != nil {
			return err
		}
	}
	uid, err := strconv.Atoi(os.Getenv(uidKey))
	if err != nil {
		return nil
	}
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(uid), syscall.Setuid(uid)); err != nil {
		return err
	}
	// A process that changes its user may not read what /proc says of itself,
	// until it executes a program.
	os.Unsetenv(uidKey)
	os.Setenv(modeKey, "supervise")
	return syscall.Exec("/proc/self/exe", os.Args, os.Environ())
}

// heartHelpers is the real @heartcheck, in this binary.
func heartHelpers() map[string][]string {
	return map[string][]string{heartcheck: {"/bin/sh", "-c", modeKey + "=heartcheck exec " + os.Args[0] + ` "$@"`, "sh", os.Getenv(rootKey)}}
}

// checkHearts is what it does.
func checkHearts(root string) error {
	p := placesIn(root)
	return hearts.Run(context.Background(), hearts.Options{Places: p, Send: func(m spec.Message) error {
		b, err := json.Marshal(m)
		if err != nil {
			return err
		}
		return atomicfile.Write(filepath.Join(p.Messages, "heart-"+m.Name), b, 0o644, false)
	}})
}

// set adds to the environment of a supervisor that has not begun.
func (s *super) set(kvs ...string) *super {
	s.cmd.Env = append(s.cmd.Env, kvs...)
	return s
}

// publishes begins a supervisor and waits until it says so.
func (s *super) publishes() *super {
	s.t.Helper()
	s.begin()
	if s.pid1 && os.Getuid() == 0 {
		s.places = placesIn(fmt.Sprintf("/proc/%d/root%s", s.cmd.Process.Pid, s.root)) // as its mounts have them
	}
	s.eventually("the supervisor publishes", func() bool {
		var c spec.ColonyStatus
		return readJSON(osDisk{}, s.places.Colony(), &c) == nil && !c.Clean && (s.pid1 || c.PID == s.cmd.Process.Pid)
	})
	return s
}

// startOrdinary starts a supervisor of an ordinary user. Its services can be
// system programs only: the test binary is out of its reach.
func startOrdinary(t *testing.T, pid1 bool, env ...string) *super {
	t.Helper()
	needRoot(t)
	s := newSuper(t, ordinaryDir(t), pid1).set(env...)
	if pid1 {
		s.set(uidKey + "=" + strconv.Itoa(ordinary))
	} else {
		s.cmd.Path = "/proc/self/exe"
		s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinary, Gid: ordinary}}
	}
	return s.publishes()
}

// ordinaryDir is a directory of that user.
func ordinaryDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chown(dir, ordinary, ordinary))
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		must(t, os.Chmod(d, 0o755))
	}
	return dir
}

// limit sets a limit of the running supervisor, and returns what it was.
func (s *super) limit(resource int, soft uint64) (was uint64) {
	s.t.Helper()
	var old unix.Rlimit
	must(s.t, onItsOwnThread(func() error {
		fi, err := os.Stat(fmt.Sprintf("/proc/%d", s.cmd.Process.Pid))
		if err != nil {
			return err
		}
		// Only that user may, or who has CAP_SYS_RESOURCE. Of this thread alone:
		if uid := uintptr(fi.Sys().(*unixStat).Uid); uid != 0 {
			unix.RawSyscall(unix.SYS_SETRESGID, uid, uid, uid)
			unix.RawSyscall(unix.SYS_SETRESUID, uid, uid, uid)
		}
		if err := unix.Prlimit(s.cmd.Process.Pid, resource, nil, &old); err != nil {
			return err
		}
		return unix.Prlimit(s.cmd.Process.Pid, resource, &unix.Rlimit{Cur: soft, Max: old.Max}, nil)
	}))
	return old.Cur
}

// onItsOwnThread runs f on a thread of its own, which ends with it.
func onItsOwnThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock
		done <- f()
	}()
	return <-done
}

// mounted runs f where the mounts are the supervisor's.
func (s *super) mounted(f func() error) {
	s.t.Helper()
	must(s.t, onItsOwnThread(func() error {
		fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/mnt", s.cmd.Process.Pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := errors.Join(unix.Unshare(unix.CLONE_FS), unix.Setns(fd, unix.CLONE_NEWNS)); err != nil {
			return err
		}
		return f()
	}))
}

// degraded waits until colony.json says of what that it does not work, or with
// false that it does.
func (s *super) degraded(what string, want bool) (why string) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("degraded %q is %v", what, want), func() bool {
		var c spec.ColonyStatus
		if readJSON(osDisk{}, s.places.Colony(), &c) != nil {
			return false
		}
		why = c.Degraded[what]
		return (why != "") == want
	})
	return why
}

// sound waits until nothing is degraded.
func (s *super) sound() {
	s.t.Helper()
	var c spec.ColonyStatus
	s.eventually("nothing is degraded", func() bool {
		c = spec.ColonyStatus{}
		return readJSON(osDisk{}, s.places.Colony(), &c) == nil && len(c.Degraded) == 0
	})
}

// untouched checks that services have not been restarted since.
func (s *super) untouched(before ...spec.Status) {
	s.t.Helper()
	for _, b := range before {
		st, _ := s.status(b.Name)
		if st.PID != b.PID || st.Generation != b.Generation || st.State != spec.Running || !s.living(b.PID) {
			s.t.Errorf("%s was %s, pid %d, generation %d, and is %s, pid %d, generation %d", b.Name, b.State, b.PID, b.Generation, st.State, st.PID, st.Generation)
		}
	}
}

// living reports whether a process lives that the supervisor calls by that number.
func (s *super) living(pid int) bool {
	if !s.pid1 {
		return alive(pid)
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/root/proc/%d/stat", s.cmd.Process.Pid, pid))
	st, perr := parseStat(b)
	return err == nil && perr == nil && st.state != 'Z'
}

// troubles is what the events say that does not work, a line for each.
func (s *super) troubles() string {
	var all strings.Builder
	for _, e := range s.happened("", spec.EventDegraded) {
		fmt.Fprintf(&all, "%s: %s\n", e.Reason, e.Error)
	}
	return all.String()
}
