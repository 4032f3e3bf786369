package logs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// again calls f until no signal has interrupted it.
func again(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

// openPipe opens the reading end of a FIFO, without waiting for a writer.
func openPipe(path string) (fd int, st unix.Stat_t, err error) {
	err = again(func() (err error) {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
		return err
	})
	if err != nil {
		return -1, st, err
	}
	if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFIFO {
		err = errors.New("not a FIFO")
	}
	if err != nil {
		unix.Close(fd)
		return -1, st, err
	}
	return fd, st, nil
}

// waiting is how many bytes are in a pipe.
func waiting(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// scratch looks at what is in a pipe without taking it: tee(2) into a pipe of
// our own, which is read.
type scratch struct {
	read, write int
	null        int // /dev/null
	buf         []byte
}

// peekSize is how much is looked at, at most.
const peekSize = 256 << 10

func newScratch() (*scratch, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	null, err := unix.Open(os.DevNull, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		unix.Close(ends[0])
		unix.Close(ends[1])
		return nil, &os.PathError{Op: "open", Path: os.DevNull, Err: err}
	}
	// Refused, it stays as it is, and less is looked at.
	unix.FcntlInt(uintptr(ends[0]), unix.F_SETPIPE_SZ, peekSize)
	return &scratch{read: ends[0], write: ends[1], null: null, buf: make([]byte, peekSize)}, nil
}

func (s *scratch) close() {
	for _, fd := range []int{s.read, s.write, s.null} {
		unix.Close(fd)
	}
}

// peek returns what a pipe begins with. It is good until the next call.
func (s *scratch) peek(fd int) ([]byte, error) {
	var n int64
	err := again(func() (err error) {
		n, err = unix.Tee(fd, s.write, len(s.buf), unix.SPLICE_F_NONBLOCK)
		return err
	})
	if err == unix.EAGAIN {
		return nil, nil
	}
	if err != nil {
		return nil, os.NewSyscallError("tee", err)
	}
	got := s.buf[:0]
	for int64(len(got)) < n {
		var m int
		err := again(func() (err error) { m, err = unix.Read(s.read, s.buf[len(got):n]); return err })
		if err != nil || m == 0 {
			return got, os.NewSyscallError("read", err)
		}
		got = s.buf[:len(got)+m]
	}
	return got, nil
}

// discard takes n bytes out of a pipe.
func (s *scratch) discard(fd, n int) error {
	for n > 0 {
		var m int64
		err := again(func() (err error) {
			m, err = unix.Splice(fd, nil, s.null, nil, n, unix.SPLICE_F_NONBLOCK)
			return err
		})
		if err == unix.EINVAL { // a /dev/null that is none
			var k int
			err = again(func() (err error) { k, err = unix.Read(fd, s.buf[:min(n, len(s.buf))]); return err })
			m = int64(k)
		}
		if err == unix.EAGAIN || err == nil && m == 0 {
			return nil
		}
		if err != nil {
			return os.NewSyscallError("splice", err)
		}
		n -= int(m)
	}
	return nil
}

func closeFD(fd int) { unix.Close(fd) }
