package colony

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// fifos are the standard inputs that others can write to: state/stdin/NAME for
// each service that asks for one. We hold none of them open. A child has its own
// for reading and writing, so that it never comes to its end.
type fifos struct{ places spec.Places }

// open opens the standard input of a service for a start, made if need be for
// whom it runs as.
func (f fifos) open(name string, uid, gid int) (int, error) {
	path := f.places.Stdin(name)
	fd, err := openFIFO(path)
	if errors.Is(err, unix.ENOENT) {
		if err = unix.Mkfifo(path, 0o600); errors.Is(err, unix.ENOENT) { // somebody has removed the directory
			os.Mkdir(f.places.StdinDir(), stdinMode)
			err = unix.Mkfifo(path, 0o600)
		}
		if err != nil {
			return -1, fmt.Errorf("stdin: make %s: %w", path, err)
		}
		fd, err = openFIFO(path)
	}
	if err != nil {
		return -1, fmt.Errorf("stdin: %w", err)
	}
	if err = unix.Fchown(fd, uid, gid); err == nil {
		err = unix.Fchmod(fd, 0o600)
	}
	if err == nil {
		err = unix.SetNonblock(fd, false)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("stdin: give %s to uid %d: %w", path, uid, err)
	}
	return fd, nil
}

// remove is for a service that is gone: what nobody reads is removed. One of its
// name may be there again already.
func (f fifos) remove(name string) {
	if f.places.State == "" {
		return
	}
	path := f.places.Stdin(name)
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	switch {
	case err == nil:
		unix.Close(fd)
	case errors.Is(err, unix.ENXIO):
		unix.Unlink(path)
	}
}

// openFIFO opens a FIFO for both ends, which never blocks, and nothing else.
func openFIFO(path string) (int, error) {
	look, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(look)
	var st unix.Stat_t
	if err := unix.Fstat(look, &st); err != nil {
		return -1, fmt.Errorf("open %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return -1, fmt.Errorf("open %s: a file that is no FIFO stands there; remove it", path)
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", path, err)
	}
	return fd, nil
}

// stdinMode is that of the directory: whoever owns a FIFO in it finds it by its
// name.
const stdinMode = 0o711

// clearFIFOs removes the standard inputs of services that have no life.
func clearFIFOs(d disk, p spec.Places, lives map[string]bool) {
	list, _ := d.list(p.StdinDir())
	for _, f := range list {
		if f.Type()&os.ModeNamedPipe != 0 && !lives[f.Name()] {
			remove(d, p.Stdin(f.Name()))
		}
	}
}

// give opens what a process about to be is given of its service, beside what
// every child has. The descriptors that come back are to be closed after the
// fork.
func (p *preparer) give(o spawn, to *prepared) (fds []int, err error) {
	if fds, err = p.sockets.give(o, to); err != nil || o.kind != kindService || o.spec.Stdin != spec.StdinFIFO {
		return fds, err
	}
	uid, gid := os.Getuid(), os.Getgid()
	if c := to.attr.Sys.Credential; c != nil {
		uid, gid = int(c.Uid), int(c.Gid)
	}
	fd, err := p.stdins.open(o.life.name, uid, gid)
	if err != nil {
		closeAll(fds)
		return nil, err
	}
	to.attr.Files[0] = uintptr(fd)
	return append(fds, fd), nil
}
