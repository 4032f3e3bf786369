package colony

import (
	"errors"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// terminal is the one on our stdin, if it is also our controlling terminal: we
// lend its foreground to `-- CMD`, which stays in our session in a group of its
// own. To the shell that started us, or to nobody in a container, the two of us
// are one job: we play the shell's part towards the command, and the command's
// part towards the shell. All methods of a nil terminal do nothing.
type terminal struct{ fd int }

// openTerminal returns nil if there is no such terminal.
func openTerminal() *terminal {
	t := &terminal{0}
	if _, err := t.foreground(); err != nil {
		return nil
	}
	return t
}

// foreground is the process group that the terminal's keys go to.
func (t *terminal) foreground() (group int, err error) {
	return unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
}

// ours reports whether the foreground is ours to lend.
func (t *terminal) ours() bool {
	group, err := t.foreground()
	return err == nil && group == unix.Getpgrp()
}

// give moves the foreground. The kernel takes that from a background group for
// an offence, unless the thread that does it has SIGTTOU blocked.
func (t *terminal) give(group int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer blockTTOU()()
	unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, group) // hung up: there is nobody to tell
}

// blockTTOU lets this thread use a terminal of which we are not the foreground;
// what it returns undoes that. (To ignore the signal would be to ignore it in
// every child.)
func blockTTOU() (undo func()) {
	var old unix.Sigset_t
	unix.PthreadSigmask(unix.SIG_BLOCK, setOf(unix.SIGTTOU), &old)
	return func() { unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil) }
}

func setOf(sig unix.Signal) *unix.Sigset_t {
	var set unix.Sigset_t
	bits := 8 * unsafe.Sizeof(set.Val[0])
	set.Val[uintptr(sig-1)/bits] |= 1 << (uintptr(sig-1) % bits)
	return &set
}

// suspended is part of kernel.
func (t *terminal) suspended(pid int) spec.Signal {
	if t == nil {
		return 0
	}
	var si siginfo
	for {
		err := unix.Waitid(unix.P_PID, pid, (*unix.Siginfo)(unsafe.Pointer(&si)), unix.WSTOPPED|unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || si.pid == 0 {
			return 0
		}
		return spec.Signal(si.status)
	}
}

// suspend stops us by what has stopped the command. The shell sees its job
// stopped, and starts it again with fg or bg. Where there is no shell (a
// container, a session of our own) the kernel discards the signal: the command
// goes on at once, as it would were it there alone.
func (t *terminal) suspend(e suspend) {
	stopAs(unix.Signal(e.signal))
	if group, err := t.foreground(); e.signal == sigTSTP || err != nil || group == unix.Getpgrp() || group == e.pid {
		t.resume(resume{e.pid})
	}
	// Else it wants a terminal that is another's: it waits for a fg, as any job.
}

// stopAs takes the signal's default action on us, whatever we do with it else.
// So it does with the CONT that ends it: that is no signal to pass on.
func stopAs(sig unix.Signal) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer byDefault(sig)()
	defer byDefault(unix.SIGCONT)()
	unix.Tgkill(os.Getpid(), unix.Gettid(), sig) // to this thread: it takes effect before the call returns
}

// resume has the command go on, with the terminal if we have it to lend.
func (t *terminal) resume(e resume) {
	if t != nil && t.ours() {
		t.give(e.pid)
	}
	unix.Kill(-e.pid, unix.SIGCONT) // not reaped: the number is its
}

// reclaim takes the foreground back from a command that is dead, or from what it
// has left behind; not from a shell whose background job we are.
func (t *terminal) reclaim(e reclaim) {
	if t == nil || t.ours() {
		return
	}
	group, err := t.foreground()
	if err != nil || group == 0 { // 0: somebody outside of our pid namespace
		return
	}
	if group == e.pid || errors.Is(unix.Kill(-group, 0), unix.ESRCH) || below(group) {
		t.give(unix.Getpgrp())
	}
}

// below reports whether a process group has a member among our descendants.
func below(group int) bool {
	for _, p := range descendants() {
		if st, err := readStat(p.pid); err == nil && st.group == group {
			return true
		}
	}
	return false
}
