package colony

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// wards are main processes that are not our children: an earlier supervisor has
// left them. Each is held by a pidfd, which tells its death and pins its
// identity: its number may be given to a stranger, its descriptor not.
type wards struct {
	procs procs
	out   outbox
	fds   map[int]int // pid -> pidfd; the loop's own
	epoll int         // -1 = there are none
	known map[int]int // pidfd -> pid; of the goroutine that waits
}

func newWards(ps procs, fds map[int]int, out outbox) *wards {
	w := &wards{procs: ps, out: out, fds: fds, epoll: -1, known: map[int]int{}}
	for pid, fd := range fds {
		w.known[fd] = pid
	}
	return w
}

// release lets go of a ward that is dead.
func (w *wards) release(pid int) {
	if fd, ok := w.fds[pid]; ok {
		w.procs.unpin(fd)
		delete(w.fds, pid)
	}
}

// signalWard sends a signal to a ward, or to its group; false if pid is none.
func (w *wards) signalWard(e signal) (ok bool, err error) {
	fd, ok := w.fds[e.pid]
	if !ok {
		return false, nil
	}
	if e.group && unix.PidfdSendSignal(fd, 0, nil, 0) == nil {
		// While it lives the number of its group is its own. Each member is
		// pinned for itself, for it may not live much longer.
		pids, _ := allPIDs()
		for _, pid := range pids {
			if st, err := readStat(pid); err == nil && st.group == e.pid && pid != e.pid {
				signalOne(processID{pid, st.start}, e.signal)
			}
		}
	}
	err = unix.PidfdSendSignal(fd, unix.Signal(e.signal), nil, 0)
	if errors.Is(err, unix.ESRCH) {
		err = nil // its death is on the way
	}
	return true, err
}

// statusTime is how long we wait, where we may not read the status of a dead
// ward, for whoever is its parent to take it in, after which the kernel tells it
// us too.
const statusTime = 2 * time.Second

// run waits for deaths. Without wards it ends at once.
func (w *wards) run() {
	if len(w.known) == 0 {
		return
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		panic(fmt.Sprintf("wait for processes of an earlier supervisor: %v", err))
	}
	defer unix.Close(epoll)
	for fd := range w.known {
		unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	}
	waiting := map[int]time.Time{} // dead, not reaped by its parent: until when we wait
	events := make([]unix.EpollEvent, 64)
	for len(w.known) > 0 {
		timeout := -1
		if len(waiting) > 0 {
			timeout = 50
		}
		n, err := unix.EpollWait(epoll, events, timeout)
		if err != nil && !errors.Is(err, unix.EINTR) {
			panic(fmt.Sprintf("wait for processes of an earlier supervisor: %v", err))
		}
		for _, e := range events[:max(n, 0)] {
			fd := int(e.Fd)
			if _, ok := w.known[fd]; !ok {
				continue
			}
			st, ok := statusOfDead(fd)
			if !ok && e.Events&unix.EPOLLHUP == 0 {
				st, ok = statusOfZombie(w.known[fd])
				ok = ok && (st != exitStatus{} || mayLook(w.known[fd])) // all that is kept from us is shown as 0
			}
			if ok || e.Events&unix.EPOLLHUP != 0 {
				w.dead(epoll, fd, st, waiting)
				continue
			}
			waiting[fd] = time.Now().Add(statusTime)
			// From now on only what is always told: that it was reaped.
			unix.EpollCtl(epoll, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{Fd: int32(fd)})
		}
		for fd, until := range waiting {
			if time.Now().After(until) {
				st, _ := statusOfZombie(w.known[fd])
				w.dead(epoll, fd, st, waiting)
			}
		}
	}
}

// dead tells the loop, which then closes the descriptor.
func (w *wards) dead(epoll, fd int, st exitStatus, waiting map[int]time.Time) {
	unix.EpollCtl(epoll, unix.EPOLL_CTL_DEL, fd, nil)
	pid := w.known[fd]
	delete(w.known, fd)
	delete(waiting, fd)
	w.out.send(exited{pid: pid, status: st, reaped: true})
}

// pidfdInfo is struct pidfd_info of <linux/pidfd.h>, as of Linux 6.15.
type pidfdInfo struct {
	mask, cgroup                                                      uint64
	pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid uint32
	exit                                                              int32
}

const (
	pidfdGetInfo  = 0xc040ff0b // of the first 64 bytes
	pidfdInfoExit = 1 << 3
)

// statusOfDead asks for the status of a process that was reaped by its parent.
// Kernels before 6.15 do not tell.
func statusOfDead(fd int) (exitStatus, bool) {
	info := pidfdInfo{mask: pidfdInfoExit}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), pidfdGetInfo, uintptr(unsafe.Pointer(&info)))
	if errno != 0 || info.mask&pidfdInfoExit == 0 {
		return exitStatus{unknown: true}, false
	}
	return statusOfWait(syscall.WaitStatus(info.exit)), true
}

// statusOfZombie reads the status of a process that nobody has reaped yet, if we
// may. Whoever is its parent may take a second for that, or never do it.
func statusOfZombie(pid int) (exitStatus, bool) {
	b, err := readRaw(procPath(pid, "stat"), nil)
	if st, serr := parseStat(b); err != nil || serr != nil || st.state != 'Z' {
		return exitStatus{unknown: true}, false
	}
	f := strings.Fields(string(b))
	ws, err := strconv.ParseUint(f[len(f)-1], 10, 32) // field 52, the last
	if err != nil {
		return exitStatus{unknown: true}, false
	}
	st := statusOfWait(syscall.WaitStatus(ws))
	return st, !st.unknown
}

// mayLook reports whether /proc shows us all of a process.
func mayLook(pid int) bool {
	_, err := readRaw(procPath(pid, "io"), nil)
	return err == nil
}

func statusOfWait(ws syscall.WaitStatus) exitStatus {
	switch {
	case ws.Exited():
		return exitStatus{code: ws.ExitStatus()}
	case ws.Signaled():
		return exitStatus{signal: spec.Signal(ws.Signal()), core: ws.CoreDump()}
	default:
		return exitStatus{unknown: true}
	}
}
