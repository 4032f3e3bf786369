package colony

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// lostSocket is a socket that an earlier supervisor has opened for a life that
// goes on, marked as busy until it is ours again.
type lostSocket struct {
	*socket
	address string
	service string
	pid     int
	pidfd   int // -1 = none
	number  int // of its descriptor in the life, as it was given
}

// regain has a socket back from the life that it was given to. One that cannot
// be had is opened anew; where that is not possible either, because the life has
// it, the service goes on with it, and only its next start opens it.
func (s *sockets) regain(k lostSocket) {
	fd, file, err := -1, fileID{}, errors.New("no pidfd to be had")
	defer func() {
		if k.pidfd >= 0 {
			unix.Close(k.pidfd)
		}
		all := <-s.box
		if fd < 0 {
			delete(all, k.address)
		}
		k.fd, k.file = fd, file
		close(k.busy)
		k.busy = nil
		s.box <- all
	}()
	where := k.as.Where()
	if k.pidfd >= 0 {
		fd, err = socketIn(k.pidfd, k.pid, k.number, where)
	}
	if err == nil {
		if where.InFiles() {
			file = fileAt(where.Path)
		}
		return
	}
	why := fmt.Errorf("have %s back from pid %d: %w", where, k.pid, err)
	if fd, file, err = s.door.open(k.as); err == nil {
		s.warn("a socket was opened anew", k.service, why)
		return
	}
	s.warn("a socket is the service's alone until its next start", k.service, fmt.Errorf("%w; %w", why, err))
}

// fileAt is the file of a path, if it is a socket.
func fileAt(path string) fileID {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fileID{}
	}
	defer unix.Close(fd)
	file, _ := socketFile(fd)
	return file
}

// socketIn returns a copy of the socket that a process has for an address: as
// the descriptor that it was given, or as another, for many a library makes a
// copy and closes what it was given.
func socketIn(pidfd, pid, number int, where spec.Address) (int, error) {
	for _, n := range append([]int{number}, socketsOf(pid, number)...) {
		fd, err := unix.PidfdGetfd(pidfd, n, 0)
		switch {
		case errors.Is(err, unix.EBADF):
			continue
		case errors.Is(err, unix.EPERM):
			return -1, fmt.Errorf("%w (the supervisor needs CAP_SYS_PTRACE, or a lower kernel.yama.ptrace_scope)", err)
		case err != nil:
			return -1, err
		case listensAt(fd, where):
			unix.CloseOnExec(fd)
			return fd, nil
		}
		unix.Close(fd)
	}
	return -1, errors.New("it does not have it any more")
}

// socketsOf lists the descriptors of a process that are sockets, but for one.
func socketsOf(pid, but int) (all []int) {
	dir := procPath(pid, "fd")
	list, _ := os.ReadDir(dir)
	for _, f := range list {
		n, err := strconv.Atoi(f.Name())
		if err != nil || n == but {
			continue
		}
		if to, err := os.Readlink(dir + "/" + f.Name()); err == nil && strings.HasPrefix(to, "socket:") {
			all = append(all, n)
		}
	}
	slices.Sort(all) // what was opened first is more likely to be it
	return all
}

// listensAt reports whether a socket is the one that was opened for an address:
// connections that were accepted there have the same.
func listensAt(fd int, where spec.Address) bool {
	want, domain, kind := socketOf(where)
	got := func(option int) int {
		v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
		if err != nil {
			return -1
		}
		return v
	}
	if got(unix.SO_DOMAIN) != domain || got(unix.SO_TYPE) != kind || where.Accepts() && got(unix.SO_ACCEPTCONN) != 1 {
		return false
	}
	if _, err := unix.Getpeername(fd); err == nil {
		return false
	}
	have, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	switch want := want.(type) {
	case *unix.SockaddrUnix:
		a, ok := have.(*unix.SockaddrUnix)
		return ok && a.Name == want.Name
	case *unix.SockaddrInet4:
		a, ok := have.(*unix.SockaddrInet4)
		return ok && a.Port == want.Port && a.Addr == want.Addr
	case *unix.SockaddrInet6:
		a, ok := have.(*unix.SockaddrInet6)
		return ok && a.Port == want.Port && a.Addr == want.Addr
	}
	return false
}
