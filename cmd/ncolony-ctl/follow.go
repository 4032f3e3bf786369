package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// untilInterrupted ends when somebody presses Ctrl-C, or the like, and when
// nobody reads any more what is written to out: a follower may have nothing to
// write for hours, and whoever waits for its end would wait as long. What we were
// started to ignore, as nohup does, goes on being ignored.
func untilInterrupted(out io.Writer) (context.Context, context.CancelFunc) {
	terminals := slices.DeleteFunc([]os.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP}, signal.Ignored)
	ctx, cancel := signal.NotifyContext(context.Background(), append(terminals, syscall.SIGTERM)...)
	if f, ok := out.(*os.File); ok {
		fd := int(f.Fd())
		go func() {
			if awaitHangup(fd) {
				cancel()
			}
		}()
	}
	return ctx, cancel
}

// awaitHangup returns true once the other end of fd is closed, and false if
// that cannot be known.
func awaitHangup(fd int) bool {
	polled := []unix.PollFd{{Fd: int32(fd)}} // no events: only what is always told
	for {
		switch _, err := unix.Poll(polled, -1); {
		case err == unix.EINTR:
		case err != nil:
			return false
		default:
			return polled[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		}
	}
}
