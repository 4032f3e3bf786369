package colony

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// listener is what we hear one life by.
type listener struct {
	life   lifeID
	pid    int    // of its main process
	uid    int    // as which that was started
	socket int    // -1 = none
	name   string // of the socket, as NOTIFY_SOCKET has it
	pipe   int    // the end to read from; -1 = none, or no more
	child  int    // the other one, until the fork is over; -1 = none

	barriers []int     // descriptors whose closing senders wait for
	since    time.Time // since when we count
	heard    int       // so much
	dropped  int       // of others, or no messages at all
	told     time.Time // when that was last said
}

// open lists the descriptors to listen to.
func (a *listener) open() (fds []int) {
	for _, fd := range []int{a.socket, a.pipe} {
		if fd >= 0 {
			fds = append(fds, fd)
		}
	}
	return fds
}

func (a *listener) close() {
	closeAll(a.open())
	closeAll(a.barriers)
	a.closeChild()
	a.socket, a.pipe, a.barriers = -1, -1, nil
	if filepath.IsAbs(a.name) {
		unix.Unlink(a.name)
	}
}

func (a *listener) closeChild() {
	if a.child >= 0 {
		unix.Close(a.child)
		a.child = -1
	}
}

// forked ends what an ear was opened for; pid 0 = there is no process. A life
// that wants to be heard by none has no ear.
func (e *ears) forked(order uint64, a *listener, pid int) {
	switch {
	case a == nil:
	case pid == 0:
		a.close()
	default:
		a.closeChild()
		a.pid = pid
		e.expect(order, a)
	}
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// asks reports whether a service wants to be heard.
func asks(sp *spec.Spec) bool { return sp.Notifies() || readyFD(sp) > 0 }

// readyFD is the descriptor by which a service says that it is ready; 0 = none.
func readyFD(sp *spec.Spec) int {
	if sp.Ready == nil {
		return 0
	}
	return sp.Ready.FD
}

// open makes the ear of a life that is to be forked, and has its process know of
// it; nil if it wants none. A stop command has none: it speaks of the end, and a
// READY that some library in it says would be a lie about the service.
func (e *ears) open(o spawn, p *prepared) (a *listener, err error) {
	if o.kind == kindStopCommand || !asks(o.spec) {
		return nil, nil
	}
	if _, err := e.poll(); err != nil {
		return nil, err
	}
	a = &listener{life: o.life, uid: os.Getuid(), socket: -1, pipe: -1, child: -1}
	if c := p.attr.Sys.Credential; c != nil {
		a.uid = int(c.Uid)
	}
	if o.spec.Notifies() {
		if err := e.bind(a, e.path(a.life), e.abstract(a.life)); err != nil {
			return nil, err
		}
	}
	if readyFD(o.spec) > 0 {
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
			a.close()
			return nil, fmt.Errorf("open the readiness pipe: %w", err)
		}
		a.pipe, a.child = pipe[0], pipe[1]
		unix.SetNonblock(a.pipe, true) // of our end alone: a child need not expect that
	}
	p.tell(a, o.spec)
	return a, nil
}

// tell has a process about to be know where to tell of itself. WATCHDOG_PID is
// not among it: its number is not known before it is there.
func (p *prepared) tell(a *listener, sp *spec.Spec) {
	env := launch.NewEnvironment()
	env.Add(p.attr.Env...)
	if a.socket >= 0 {
		env.Set(notifySocketKey, a.name)
	}
	if sp.Watchdog != nil {
		env.Set(watchdogKey, strconv.FormatInt(sp.Watchdog.D().Microseconds(), 10))
	}
	p.attr.Env = env.List()
	if a.child >= 0 {
		for len(p.attr.Files) <= readyFD(sp) {
			p.attr.Files = append(p.attr.Files, ^uintptr(0)) // closed
		}
		p.attr.Files[readyFD(sp)] = uintptr(a.child)
	}
}

// maxSocketPath is the length of a path that a socket can have: sun_path less
// its NUL.
const maxSocketPath = 107

// path is where the socket of a life stands; "" = it would be too long, or mean
// something else in another directory.
func (e *ears) path(life lifeID) string {
	path := filepath.Join(e.places.NotifyDir(), lifeName(life))
	if len(path) > maxSocketPath || !filepath.IsAbs(path) {
		return ""
	}
	return path
}

// abstract is the name of the socket where there is no path to be had.
func (e *ears) abstract(life lifeID) string {
	name := "@ncolony/" + token(e.colony, life)
	if len(name) > maxSocketPath {
		sum := sha256.Sum256([]byte(token(e.colony, life)))
		name = "@ncolony/" + hex.EncodeToString(sum[:16])
	}
	return name
}

// bind gives an ear its socket, under the first name that can be had.
func (e *ears) bind(a *listener, names ...string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open the notify socket: %w", err)
	}
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err == nil {
		for _, name := range names {
			if name == "" {
				continue
			}
			failed := bindTo(fd, name)
			if failed == nil {
				a.socket, a.name = fd, name
				return nil
			}
			failed = fmt.Errorf("bind %s: %w", name, failed)
			if err == nil {
				err = failed
			} else {
				err = fmt.Errorf("%w; %w", err, failed)
			}
		}
	}
	unix.Close(fd)
	return fmt.Errorf("open the notify socket: %w", err)
}

// bindTo binds to a name that is ours alone: what stands there is left over.
// Anybody may write to it, and who has is looked at.
func bindTo(fd int, name string) error {
	err := unix.Bind(fd, &unix.SockaddrUnix{Name: name})
	if name[0] == '@' {
		return err
	}
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		unix.Unlink(name)
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: name})
	case errors.Is(err, unix.ENOENT): // somebody has removed the directory
		os.MkdirAll(filepath.Dir(name), notifyMode)
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: name})
	}
	if err == nil {
		unix.Chmod(name, 0o666)
	}
	return err
}

// notifyMode is that of the directory of the sockets: whoever knows a name finds
// it.
const notifyMode = 0o711

// again makes the ear of a life that an earlier supervisor has begun. What was
// sent while nobody had its socket is lost. The ear is there also if something
// of it is not.
func (e *ears) again(h hear) (*listener, error) {
	a := &listener{life: h.life, pid: h.pid, uid: os.Getuid(), socket: -1, pipe: -1, child: -1}
	if uid, err := e.procs.owner(h.pid); err == nil {
		a.uid = uid
	}
	var err error
	if h.spec.Notifies() {
		names := []string{e.path(h.life), e.abstract(h.life)}
		if said, _ := e.procs.variable(h.pid, notifySocketKey+"="); string(said) == names[1] {
			names = names[1:] // a path could not be had then
		}
		err = e.bind(a, names...)
	}
	if fd := readyFD(h.spec); fd > 0 {
		a.pipe = readEnd(h.pid, fd)
	}
	return a, err
}

// readEnd opens the pipe that a process has as a descriptor to write to, if
// nobody reads from it; -1 if not. Of a service that has said that it is ready
// the descriptor may be another pipe by now, whose bytes are not for us.
func readEnd(pid, fd int) int {
	path := procPath(pid, "fd/"+strconv.Itoa(fd))
	look, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	defer unix.Close(look)
	var st unix.Stat_t
	if unix.Fstat(look, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return -1
	}
	write, err := unix.Open(fdPath(look), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	defer unix.Close(write)
	poll := []unix.PollFd{{Fd: int32(write)}}
	if n, err := unix.Poll(poll, 0); n != 1 || err != nil || poll[0].Revents&unix.POLLERR == 0 {
		return -1 // it has a reader
	}
	read, err := unix.Open(fdPath(look), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return read
}
