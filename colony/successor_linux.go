package colony

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// checkKey has a program only say whether it could go on from the state in the
// descriptor of that number.
const checkKey = "NCOLONY_CHECK"

// checkOK is what it says then, on its output, before its version.
const checkOK = "the state can be read by "

// hearsOK is what it says before that if the ears of lives can be given to it. To
// a program that knows of none they would be descriptors that nobody reads, and
// whoever sends to them would wait for ever.
const hearsOK = "it hears what services tell of themselves"

// keepsOK is what it says if the sockets of services can be given to it; any
// other would let them go.
const keepsOK = "it keeps the sockets of services"

// examinationTime is how long it may take to say so.
const examinationTime = 5 * time.Second

// successor is the program that is to take our place. It is opened once: what
// was examined is what runs.
type successor struct {
	trust trust
	out   outbox
	fd    int  // of the program; -1 = none
	hears bool // it said so
	keeps bool // likewise
}

// examine is part of kernel.
func (s *successor) examine(e examine, state []byte) {
	if s.fd >= 0 {
		unix.Close(s.fd)
		s.fd = -1
	}
	go func() {
		why := ""
		fd, err := s.ask(e.path, state)
		if err != nil {
			why = err.Error()
		}
		s.fd = fd // the loop looks at it when it has the answer
		s.out.send(examined{why})
	}()
}

// ask opens a program and runs it with a copy of the state.
func (s *successor) ask(path string, state []byte) (fd int, err error) {
	defer func() {
		if p := recover(); p != nil {
			fd, err = -1, fmt.Errorf("internal error: panic: %v\n%s", p, debug.Stack())
		}
	}()
	if path == "" {
		// Where our program was, though another file may stand there now.
		if path, err = os.Executable(); err != nil {
			return -1, fmt.Errorf("find our program: %w", err)
		}
		path = strings.TrimSuffix(path, " (deleted)")
	}
	if fd, err = s.open(path); err != nil {
		return -1, err
	}
	if err := s.run(fd, path, state); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("examine %s: %w", path, err)
	}
	return fd, nil
}

// open opens a program that may run as us.
func (s *successor) open(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return -1, fmt.Errorf("open program %s: %w", path, err)
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil {
		switch {
		case st.Mode&unix.S_IFMT != unix.S_IFREG:
			err = errors.New("not a regular file")
		case st.Mode&0o111 == 0:
			err = errors.New("not executable")
		case s.trust.on && (st.Uid != 0 || st.Mode&0o022 != 0):
			err = errors.New("others than root may change it; with --insecure it would be run all the same")
		}
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("use program %s: %w", path, err)
	}
	return fd, nil
}

// fdPath is the path by which a descriptor's file is executed.
func fdPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// run has the program say whether it can read the state. The loop reaps it.
func (s *successor) run(fd int, path string, state []byte) error {
	mem, err := sealed(state)
	if err != nil {
		return err
	}
	defer unix.Close(mem)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	said := os.NewFile(uintptr(pipe[0]), "what it says")
	defer said.Close()
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		unix.Close(pipe[1])
		return err
	}
	defer unix.Close(null)
	pidfd := -1
	attr := syscall.ProcAttr{Env: append(os.Environ(), checkKey+"=3"), Sys: &syscall.SysProcAttr{Setsid: true, PidFD: &pidfd},
		Files: []uintptr{uintptr(null), uintptr(pipe[1]), uintptr(pipe[1]), uintptr(mem)}}
	_, err = syscall.ForkExec(fdPath(fd), os.Args, &attr)
	unix.Close(pipe[1])
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	timer := time.AfterFunc(examinationTime, func() { unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0) })
	text, err := io.ReadAll(io.LimitReader(said, 64<<10))
	late := !timer.Stop()
	if err != nil {
		return err
	}
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	switch last := strings.TrimSpace(lines[len(lines)-1]); {
	case strings.HasPrefix(last, checkOK):
		s.hears, s.keeps = slices.Contains(lines, hearsOK), slices.Contains(lines, keepsOK) // the loop looks at them when it has the answer
		return nil
	case late:
		return fmt.Errorf("it says nothing of our state within %s", examinationTime)
	case last == "":
		return errors.New("it ends without a word about our state; is it ncolony?")
	default:
		return fmt.Errorf("it says: %s", strings.TrimPrefix(lines[0], "ncolony: "))
	}
}

// sealed returns a descriptor of memory with this content, which nobody can
// change.
func sealed(content []byte) (int, error) {
	fd, err := unix.MemfdCreate("ncolony-state", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, fmt.Errorf("keep state in memory: %w", err)
	}
	for rest := content; len(rest) > 0; {
		n, err := unix.Write(fd, rest)
		if err != nil && !errors.Is(err, unix.EINTR) {
			unix.Close(fd)
			return -1, fmt.Errorf("keep state in memory: %w", err)
		}
		rest = rest[max(n, 0):]
	}
	// A kernel that knows no seals has us do without.
	unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE)
	return fd, nil
}

// readSealed returns what such a descriptor holds.
func readSealed(fd int) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("read state from descriptor %d: %w", fd, err)
	}
	b := make([]byte, st.Size)
	for at := 0; at < len(b); {
		n, err := unix.Pread(fd, b[at:], int64(at))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return nil, fmt.Errorf("read state from descriptor %d: it ends at byte %d of %d: %w", fd, at, len(b), err)
		}
		at += n
	}
	return b, nil
}

// checkState is what a program does that is asked whether it could take over.
func checkState(o Options) (code int, err error) {
	fd, err := strconv.Atoi(os.Getenv(checkKey))
	if err != nil {
		return 1, fmt.Errorf("%s: not a descriptor: %w", checkKey, err)
	}
	b, err := readSealed(fd)
	if err != nil {
		return 1, err
	}
	if _, err := takeOver(policyOf(o), b); err != nil {
		return 1, err
	}
	fmt.Println(hearsOK)
	fmt.Println(keepsOK)
	fmt.Println(checkOK + o.Version)
	return 0, nil
}
