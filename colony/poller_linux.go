package colony

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// poller is an epoll for which Go's own poller waits.
type poller struct {
	fd   int
	file *os.File // the same
	conn syscall.RawConn
}

// poll returns the poller; the first who asks makes it.
func (e *ears) poll() (*poller, error) {
	l := <-e.box
	defer func() { e.box <- l }()
	if l.poller != nil {
		return l.poller, nil
	}
	p, err := newPoller()
	if err != nil {
		return nil, fmt.Errorf("wait for notifications: %w", err)
	}
	l.poller = p
	e.start(func() { e.wait(p) })
	return p, nil
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	unix.SetNonblock(fd, true) // which is what has Go wait for it
	file := os.NewFile(uintptr(fd), "ears")
	conn, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &poller{fd, file, conn}, nil
}

func (p *poller) add(fd int) error {
	err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	if err != nil {
		return fmt.Errorf("wait for notifications: %w", err)
	}
	return nil
}

// wait waits in the place of the goroutine that hears, which has more to do. Go's
// poller tells of what is new alone, so that all there is has to be taken each
// time before it is asked again.
func (e *ears) wait(p *poller) {
	for {
		n := 0
		err := p.conn.Read(func(fd uintptr) bool {
			var err error
			n, err = unix.EpollWait(int(fd), e.events[:], 0)
			return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
		})
		if err != nil {
			return // closed
		}
		select {
		case e.ready <- max(n, 0):
			<-e.handled
		case <-e.out.quit:
			return
		}
	}
}
