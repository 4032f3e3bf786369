package colony

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// linux is the real kernel.
type linux struct {
	*spawner
	*censor
	orphanage *orphanage
	*terminal
	*successor
	*wards
	*ears
	cgroups
	*streams
	grouped bool // a life had a control group
	sockets *sockets
}

// unlisten is part of kernel.
func (k *linux) unlisten(e unlisten) { k.sockets.unlisten(e) }

// release is part of kernel.
func (k *linux) release(r release) {
	k.ears.deafen(r.life)
	if r.spec.Cgroup != nil {
		k.grouped = true
		k.cgroups.remove(r.life)
	}
}

// killGroup is part of kernel. That it cannot be done is no loss: every process
// that is found is killed for itself, too.
func (k *linux) killGroup(e killGroup) { k.cgroups.kill(e.life) }

// becomeReaper makes orphaned descendants ours to wait for, as they are PID 1's
// by nature.
func becomeReaper() error {
	if os.Getpid() == 1 {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the parent of orphans: %w", err)
	}
	return nil
}

// closeOnExec keeps whatever descriptors we were started with out of the
// children. The calls that open more set the flag themselves.
func closeOnExec() {
	if err := unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC); err == nil {
		return
	}
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, e := range fds {
		var fd int
		if _, err := fmt.Sscan(e.Name(), &fd); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}

// byDefault has a signal do what it does by default, until what it returns is
// called, if ever.
func byDefault(sig unix.Signal) (undo func()) {
	var standard, ours [4]uintptr // handler, flags, restorer, mask: all zero is SIG_DFL
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&standard)), uintptr(unsafe.Pointer(&ours)), 8, 0, 0)
	return func() {
		unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&ours)), 0, 8, 0, 0)
	}
}

// siginfo is what waitid fills in; the same on all 64-bit Linux, and another on
// 32 bits, for which this does not compile.
const _ = uint(unsafe.Sizeof(uintptr(0)) - 8)

type siginfo struct {
	signo, errno, code, _ int32
	pid, uid              int32
	status                int32
	_                     [100]byte
}

// Values of siginfo.code for SIGCHLD, from <signal.h>.
const (
	cldExited = 1
	cldDumped = 3
)

// peek looks at a zombie without reaping it.
func (k *linux) peek(pid int) (exited, bool) {
	if pid != 0 {
		return nextDead(unix.P_PID, pid, unix.WNOHANG)
	}
	return nextDead(unix.P_ALL, 0, unix.WNOHANG)
}

// nextDead finds a zombie and leaves it one: WNOWAIT keeps returning the same
// until it is reaped, so that nothing can be missed or seen twice.
func nextDead(kind, id, options int) (exited, bool) {
	var si siginfo
	for {
		err := unix.Waitid(kind, id, (*unix.Siginfo)(unsafe.Pointer(&si)), unix.WEXITED|unix.WNOWAIT|options, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || si.pid == 0 {
			return exited{}, false
		}
		break
	}
	ev := exited{pid: int(si.pid)}
	if si.code == cldExited {
		ev.status.code = int(si.status)
	} else {
		ev.status.signal = spec.Signal(si.status)
		ev.status.core = si.code == cldDumped
	}
	return ev, true
}

func (k *linux) orphans(known func(int) bool) bool { return k.orphanage.holds(known) }

func (k *linux) reap(pid int) {
	var ws syscall.WaitStatus
	for {
		_, err := syscall.Wait4(pid, &ws, syscall.WNOHANG, nil)
		if !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

func (k *linux) signal(e signal) error {
	if ok, err := k.signalWard(e); ok {
		return err
	}
	pid := e.pid
	if e.group {
		pid = -pid
	}
	err := unix.Kill(pid, unix.Signal(e.signal))
	if errors.Is(err, unix.ESRCH) {
		return nil // it is dead, and its exit is on the way
	}
	return err
}

// signalRest signals processes that we did not fork. Each is pinned by a pidfd
// and identified once more, because between the census and now its parent may
// have reaped it and its pid been given away.
func (k *linux) signalRest(e signalRest) {
	for _, p := range e.processes {
		signalOne(p.processID, e.signal)
	}
}

func signalOne(id processID, sig spec.Signal) {
	fd, err := unix.PidfdOpen(id.pid, 0)
	if err == nil {
		defer unix.Close(fd)
	} else if errors.Is(err, unix.ESRCH) {
		return
	}
	st, serr := readStat(id.pid)
	if serr != nil || st.start != id.start {
		return
	}
	if err == nil {
		err = unix.PidfdSendSignal(fd, unix.Signal(sig), nil, 0)
	}
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) {
		unix.Kill(id.pid, unix.Signal(sig)) // a kernel or a seccomp filter without pidfds
	}
}

// sweep signals everything below us. As init of a pid namespace that is
// everything in it.
func (k *linux) sweep(e sweep) {
	if os.Getpid() == 1 {
		unix.Kill(-1, unix.Signal(e.signal))
		return
	}
	if checkProc() != nil {
		return // whom it names are strangers
	}
	for _, p := range descendants() {
		signalOne(p.processID, e.signal)
	}
}
