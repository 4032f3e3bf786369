package colony

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// door opens sockets. It may block, on a file system that does not answer.
type door struct{ accounts accounts }

// socketMode holds for a unix socket without mode, as it does with systemd:
// whoever can get at the file may connect.
const socketMode = 0o666

// fileID tells a file from a later one of its name. The zero ID is none.
type fileID struct {
	Dev uint64 `json:"dev,omitempty"`
	Ino uint64 `json:"ino,omitempty"`
}

// open makes a socket that listens, and says which file it is, if it is one.
func (d door) open(l spec.Listen) (fd int, file fileID, err error) {
	where := l.Where()
	address, domain, kind := socketOf(where)
	if fd, err = unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0); err == nil {
		if file, err = d.bind(fd, l, where, address); err == nil {
			return fd, file, nil
		}
		unix.Close(fd)
	}
	return -1, fileID{}, because(wayOut(where, err), "listen %s", where)
}

// bind binds a socket and has it listen. One that does not listen yet refuses
// connections, so that nobody gets in before the rights of its file are right.
func (d door) bind(fd int, l spec.Listen, where spec.Address, address unix.Sockaddr) (file fileID, err error) {
	if where.Network == spec.NetTCP {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return file, err
		}
	}
	if where.InFiles() {
		// With these its file begins, so that datagrams are kept out, too.
		unix.Fchmod(fd, 0)
		err = bindFile(fd, where, address)
	} else {
		err = unix.Bind(fd, address)
	}
	if err != nil {
		return file, err
	}
	if file, err = d.admit(l, where); err == nil {
		err = accept(fd, l, where)
	}
	if err != nil && where.InFiles() {
		unix.Unlink(where.Path)
	}
	return file, err
}

// change gives a socket that is there the rights and the backlog of another
// spec.
func (d door) change(fd int, file fileID, l spec.Listen) error {
	where := l.Where()
	now, err := d.admit(l, where)
	if err == nil && now != file {
		err = errors.New("another socket stands there now")
	}
	if err == nil {
		err = accept(fd, l, where)
	}
	return because(err, "listen %s", where)
}

// accept has a socket take in connections until somebody accepts them.
func accept(fd int, l spec.Listen, where spec.Address) error {
	if !where.Accepts() {
		return nil
	}
	backlog := math.MaxInt32 // the kernel takes as many as it allows
	if l.Backlog != nil {
		backlog = *l.Backlog
	}
	return unix.Listen(fd, backlog)
}

// socketOf is an address as the kernel takes it.
func socketOf(where spec.Address) (address unix.Sockaddr, domain, kind int) {
	kind = map[string]int{spec.NetTCP: unix.SOCK_STREAM, spec.NetUDP: unix.SOCK_DGRAM, spec.NetUnix: unix.SOCK_STREAM,
		spec.NetUnixgram: unix.SOCK_DGRAM, spec.NetUnixpacket: unix.SOCK_SEQPACKET}[where.Network]
	ip := where.IP.Addr()
	switch {
	case where.Path != "":
		return &unix.SockaddrUnix{Name: where.Path}, unix.AF_UNIX, kind
	case ip.Is4():
		return &unix.SockaddrInet4{Port: int(where.IP.Port()), Addr: ip.As4()}, unix.AF_INET, kind
	default:
		return &unix.SockaddrInet6{Port: int(where.IP.Port()), Addr: ip.As16()}, unix.AF_INET6, kind
	}
}

// bindFile binds to a path. A socket that nobody listens to any more has been
// left there by somebody who was killed; whatever else stands there stays.
func bindFile(fd int, where spec.Address, address unix.Sockaddr) error {
	err := unix.Bind(fd, address)
	switch {
	case errors.Is(err, unix.ENOENT):
		if err := os.MkdirAll(filepath.Dir(where.Path), 0o755); err != nil {
			return err
		}
	case errors.Is(err, unix.EADDRINUSE):
		var st unix.Stat_t
		if serr := unix.Lstat(where.Path, &st); serr == nil && st.Mode&unix.S_IFMT != unix.S_IFSOCK {
			return errors.New("a file that is no socket stands there")
		}
		if !abandoned(where, address) {
			return err
		}
		if err := unix.Unlink(where.Path); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("remove the socket that was left there: %w", err)
		}
	default:
		return err
	}
	return unix.Bind(fd, address)
}

// abandoned reports whether nobody listens to the socket of a file.
func abandoned(where spec.Address, address unix.Sockaddr) bool {
	_, domain, kind := socketOf(where)
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return errors.Is(unix.Connect(fd, address), unix.ECONNREFUSED)
}

// admit gives the file of a socket its owner and mode, and says which file it
// is.
func (d door) admit(l spec.Listen, where spec.Address) (file fileID, err error) {
	if !where.InFiles() {
		return file, nil
	}
	fd, err := unix.Open(where.Path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return file, err
	}
	defer unix.Close(fd)
	if file, err = socketFile(fd); err != nil {
		return file, err
	}
	uid, gid := os.Getuid(), os.Getgid()
	if l.User != "" {
		if uid, err = d.accounts.UserID(l.User); err != nil {
			return file, fmt.Errorf("user: %w", err)
		}
	}
	if l.Group != "" {
		if gid, err = d.accounts.GroupID(l.Group); err != nil {
			return file, fmt.Errorf("group: %w", err)
		}
	}
	if err := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
		return file, fmt.Errorf("give it to uid %d, gid %d: %w", uid, gid, err)
	}
	mode := uint32(socketMode)
	if l.Mode != nil {
		mode = uint32(*l.Mode)
	}
	err = unix.Chmod(fdPath(fd), mode)
	if errors.Is(err, unix.ENOENT) { // without /proc
		err = unix.Chmod(where.Path, mode)
	}
	return file, because(err, "give it the mode %04o", mode)
}

// socketFile is the ID of the file of a socket; an error if it is another file.
func socketFile(fd int) (fileID, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fileID{}, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return fileID{}, errors.New("a file that is no socket stands there")
	}
	return fileID{st.Dev, st.Ino}, nil
}

// unlink removes the file of a socket, if it still is that.
func unlink(path string, file fileID) {
	var st unix.Stat_t
	if unix.Lstat(path, &st) == nil && (fileID{st.Dev, st.Ino}) == file {
		unix.Unlink(path)
	}
}

// wayOut says with an error what can be done about it.
func wayOut(where spec.Address, err error) error {
	switch {
	case errors.Is(err, unix.EACCES) && where.Path == "":
		return fmt.Errorf("%w (ports below %d are for root: give the supervisor CAP_NET_BIND_SERVICE, or lower net.ipv4.ip_unprivileged_port_start)", err, lowPorts())
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("%w (no network interface here has that address)", err)
	case errors.Is(err, unix.EAFNOSUPPORT) && where.IP.Addr().Is6():
		return fmt.Errorf("%w (this machine has no IPv6)", err)
	}
	return err
}

// lowPorts is the first port that everybody may have.
func lowPorts() int {
	b, _ := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if n, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
		return n
	}
	return 1024
}
