package colony

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// shim is a launch.Shim, here where it becomes the program.
type shim launch.Shim

// shimFor is the shim that a spec needs, or nil.
func shimFor(sp *spec.Spec) *shim { return (*shim)(launch.ShimFor(sp)) }

// shimExit is the code of a shim that has failed. Nobody sees it: who has
// forked the shim reaps it too.
const shimExit = 127

// Shim makes of a process what its arguments say, if they call it a shim, and
// executes the program. It returns at once if they do not, and else never. What
// goes wrong is reported to whoever has started it, as a fault.
func Shim(args []string) {
	if len(args) < 3 || args[0] != launch.ShimName {
		return
	}
	runtime.LockOSThread() // rights belong to threads, and exec leaves only this one
	var s shim
	if err := json.Unmarshal([]byte(args[1]), &s); err != nil {
		fmt.Fprintf(os.Stderr, "%s: read what to do: %v\n", launch.ShimName, err) // it is somebody else who calls us
		os.Exit(shimExit)
	}
	unix.CloseOnExec(s.Report)
	f := s.become(args[2:])
	text, _ := json.Marshal(launch.ShimFault{Text: f.text, Class: int(f.class)})
	unix.Write(s.Report, text)
	os.Exit(shimExit)
}

// fork forks a child through a shim, and returns when the program is executed or
// has not been; then the shim is gone.
func (s *shim) fork(p prepared) (int, *fault) {
	var report [2]int
	if err := unix.Pipe2(report[:], unix.O_CLOEXEC); err != nil {
		f := unprepared(fmt.Errorf("make a pipe: %w", err))
		return 0, &f
	}
	defer unix.Close(report[0])
	s.Path, s.Dir, s.User, s.Report = p.path, p.attr.Dir, p.attr.Sys.Credential, len(p.attr.Files)
	sys := *p.attr.Sys
	sys.Credential = nil
	attr := syscall.ProcAttr{Env: p.attr.Env, Files: append(slices.Clip(p.attr.Files), uintptr(report[1])), Sys: &sys}
	if p.group != 0 {
		s.Group = len(attr.Files)
		attr.Files = append(attr.Files, uintptr(p.group))
	}
	pid := 0
	argv, err := (*launch.Shim)(s).Args(p.argv)
	if err == nil {
		pid, err = syscall.ForkExec(launch.ShimSelf, argv, &attr)
	}
	unix.Close(report[1])
	if err != nil {
		f := diagnose(prepared{path: launch.ShimSelf, argv: p.argv, attr: attr}, err)
		return 0, &f
	}
	text := readAll(report[0])
	if len(text) == 0 {
		return pid, nil
	}
	syscall.Wait4(pid, nil, 0, nil) // as ForkExec does with a child that could not be
	var f launch.ShimFault
	if err := json.Unmarshal(text, &f); err != nil {
		return 0, &fault{text: fmt.Sprintf("internal error: a shim says %q", text)}
	}
	return 0, &fault{f.Text, faultClass(f.Class)}
}

// readAll reads a pipe to its end.
func readAll(fd int) (text []byte) {
	buf := make([]byte, 4096)
	for {
		n, err := unix.Read(fd, buf)
		switch {
		case errors.Is(err, unix.EINTR):
		case n <= 0:
			return text
		default:
			text = append(text, buf[:n]...)
		}
	}
}

// become does what has to be done, in the order in which each step still may
// be: first what needs the rights that we have.
func (s *shim) become(argv []string) fault {
	for _, step := range []func() error{
		s.setOOM, s.setRlimits, s.setNice, s.setUmask, s.dropBounds, s.setUser, s.setCapabilities, s.enter, s.setNoNewPrivs, s.join,
	} {
		if err := step(); err != nil {
			return fault{text: err.Error()}
		}
	}
	if s.ListenPID {
		os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	}
	err := syscall.Exec(s.Path, argv, os.Environ())
	if errors.Is(err, unix.EPERM) {
		return fault{text: fmt.Sprintf("execute %s: %v (its file capabilities are more than the service may have)", s.Path, err)}
	}
	p := prepared{path: s.Path, argv: argv, attr: syscall.ProcAttr{Sys: &syscall.SysProcAttr{Credential: s.User}}}
	return diagnose(p, err)
}

func (s *shim) setOOM() error {
	if s.OOMScoreAdj == nil {
		return nil
	}
	err := write("/proc/self/oom_score_adj", strconv.Itoa(*s.OOMScoreAdj))
	return because(err, "set oom_score_adj%s", needs(err, "SYS_RESOURCE, to go below its own"))
}

func (s *shim) setRlimits() error {
	for _, name := range slices.Sorted(maps.Keys(s.Rlimits)) {
		l := s.Rlimits[name]
		// Not unix.Setrlimit: the runtime has to know that its own wish for
		// descriptors is over.
		err := syscall.Setrlimit(spec.Rlimits[name], &syscall.Rlimit{Cur: uint64(l.Soft), Max: uint64(l.Hard)})
		if err != nil {
			var now syscall.Rlimit
			syscall.Getrlimit(spec.Rlimits[name], &now)
			return because(err, "set rlimits.%s%s", name, needs(err, fmt.Sprintf("SYS_RESOURCE, to raise the hard limit above its own, %d", now.Max)))
		}
	}
	return nil
}

func (s *shim) setNice() error {
	if s.Nice == nil {
		return nil
	}
	err := unix.Setpriority(unix.PRIO_PROCESS, 0, *s.Nice)
	return because(err, "set nice to %d%s", *s.Nice, needs(err, "SYS_NICE, to go below its own"))
}

func (s *shim) setUmask() error {
	if s.Umask != nil {
		unix.Umask(int(*s.Umask))
	}
	return nil
}

// setUser becomes whom the service runs as. Only this thread does, which is the
// one that is left after exec.
func (s *shim) setUser() error {
	u := s.User
	if u == nil {
		return nil
	}
	if s.Capabilities != nil {
		if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
			return because(err, "keep capabilities")
		}
	}
	if !u.NoSetGroups {
		if err := setgroups(u.Groups); err != nil {
			return errors.New(noUser(u, err))
		}
	}
	for _, call := range []struct {
		number uintptr
		id     uint32
	}{{unix.SYS_SETRESGID, u.Gid}, {unix.SYS_SETRESUID, u.Uid}} {
		id := uintptr(call.id)
		if _, _, errno := unix.RawSyscall(call.number, id, id, id); errno != 0 {
			return errors.New(noUser(u, errno))
		}
	}
	return nil
}

func (s *shim) enter() error {
	if s.Dir == "" {
		return nil
	}
	return because(unix.Chdir(s.Dir), "cwd: enter %s", s.Dir)
}

func (s *shim) setNoNewPrivs() error {
	if !s.NoNewPrivs {
		return nil
	}
	return because(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set no_new_privs")
}

// join goes to the control group of the life. The rights to do so are those of who
// has opened it. It comes last, because what a shim needs itself may be more than a
// life may have, and then that would be killed for it.
func (s *shim) join() error {
	if s.Group == 0 {
		return nil
	}
	unix.CloseOnExec(s.Group)
	_, err := unix.Write(s.Group, []byte("0"))
	return because(err, "cgroup: enter it")
}

// because is err with what was being done; nil if there is none.
func because(err error, doing string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(doing, args...), err)
}

// needs says in parentheses which capability is missing, if that is what err is
// about.
func needs(err error, what string) string {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Sprintf(" (the supervisor needs CAP_%s)", what)
	}
	return ""
}
