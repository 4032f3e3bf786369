package ctl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// ErrNotRunning says that a service has no process that could read.
var ErrNotRunning = errors.New("it does not run")

// ErrNoFIFO says that the spec of a service does not have "stdin": "fifo".
var ErrNoFIFO = errors.New(`its standard input is no FIFO (no "stdin": "fifo" in its spec)`)

// Stdin is the standard input of a service whose spec has "stdin": "fifo".
type Stdin struct {
	// Timeout is how long a write waits for room: the service reads too slowly,
	// or not at all. 0 = for ever.
	Timeout time.Duration
	fifo    *os.File
}

// OpenStdin opens the standard input of a service, or of an instance ("web@2").
// No supervisor is needed for that. With wait it waits until the service runs,
// for which there must be one.
//
// The error is a *NameError, ErrNoService, ErrNoFIFO, ErrNotRunning, ctx's,
// ErrNoSupervisor, or from the file system.
func OpenStdin(ctx context.Context, p Places, name string, wait bool) (*Stdin, error) {
	if err := checkTarget(name); err != nil {
		return nil, err
	}
	s, err := openStdin(p, name)
	if wait && errors.Is(err, ErrNotRunning) {
		err = poll(ctx, p, func() (bool, error) {
			s, err = openStdin(p, name)
			if errors.Is(err, ErrNotRunning) {
				return false, nil
			}
			return err == nil, err
		})
	}
	return s, err
}

func openStdin(p Places, name string) (*Stdin, error) {
	f, err := os.OpenFile(p.Stdin(name), os.O_WRONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	switch {
	case errors.Is(err, syscall.ENXIO), errors.Is(err, fs.ErrNotExist):
		return nil, noReader(p, name)
	case err != nil:
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && fi.Mode().Type() != fs.ModeNamedPipe {
		err = fmt.Errorf("open %s: a file that is no FIFO stands there", f.Name())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Stdin{fifo: f}, nil
}

// noReader says why nobody reads what is written to a service.
func noReader(p Places, name string) error {
	base, _, _ := strings.Cut(name, "@") // an instance has the spec of all
	if base == "" {
		return ErrNoFIFO // a helper
	}
	content, _, err := Spec(p, base)
	if err != nil {
		return err
	}
	if sp, err := spec.Parse(content); err == nil && sp.Stdin != spec.StdinFIFO {
		return ErrNoFIFO
	}
	return ErrNotRunning
}

// Write writes all of b. What a service does not read before it ends is lost. The
// error wraps context.DeadlineExceeded after s.Timeout without room.
func (s *Stdin) Write(b []byte) (n int, err error) {
	for n < len(b) {
		if s.Timeout > 0 {
			s.fifo.SetWriteDeadline(time.Now().Add(s.Timeout))
		}
		// In pieces, so that the time is for each of them.
		wrote, err := s.fifo.Write(b[n:min(len(b), n+pipePiece)])
		n += wrote
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return n, fmt.Errorf("it does not read: %w", context.DeadlineExceeded)
		case errors.Is(err, syscall.EPIPE):
			return n, fmt.Errorf("it has ended meanwhile: %w", ErrNotRunning)
		case err != nil:
			return n, err
		}
	}
	return n, nil
}

// pipePiece is as much as a pipe takes at once, PIPE_BUF: the lines of several
// writers do not mix if they are not longer.
const pipePiece = 4096

// Close ends the writing. The service does not notice.
func (s *Stdin) Close() error { return s.fifo.Close() }
