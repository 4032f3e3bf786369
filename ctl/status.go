package ctl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Alive says whether a supervisor runs this colony: whether state/lock is
// held. pid is what the supervisor wrote there, in its own pid namespace; 0 if
// that is unknown. A supervisor that has only just taken the lock, so that state
// still says what an earlier one has left there, is waited for, for a second at
// most. A state directory that does not exist belongs to no supervisor; one
// that may not be read is an error.
func Alive(p Places) (pid int, alive bool, err error) {
	f, err := os.OpenFile(p.Lock(), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	held, err := lockIsHeld(f)
	if err != nil || !held {
		return 0, false, err
	}
	for range 100 {
		if pid = lockPID(f); pid != 0 || !fresh(f) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return pid, true, nil
}

// lockPID is the pid in the lock file; 0: none.
func lockPID(f *os.File) int {
	buf := make([]byte, 32)
	n, _ := f.ReadAt(buf, 0)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	return pid
}

// fresh says whether the file was changed a moment ago, as the lock is when a
// supervisor takes it. One that cannot be written never gets a pid.
func fresh(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && time.Since(info.ModTime()).Abs() < 2*time.Second
}

// lockIsHeld tries a shared lock, which an exclusive one forbids, and gives it
// back at once: to leave that to the closing of the file would let a process
// that is forked meanwhile keep it.
func lockIsHeld(f *os.File) (held bool, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	var lockErr error
	err = conn.Control(func(fd uintptr) {
		for {
			lockErr = syscall.Flock(int(fd), syscall.LOCK_SH|syscall.LOCK_NB)
			if lockErr != syscall.EINTR {
				break
			}
		}
		if lockErr == nil {
			lockErr = syscall.Flock(int(fd), syscall.LOCK_UN)
		}
	})
	if err != nil {
		return false, err
	}
	if lockErr == syscall.EWOULDBLOCK {
		return true, nil
	}
	if lockErr != nil {
		return false, &fs.PathError{Op: "flock", Path: f.Name(), Err: lockErr}
	}
	return false, nil
}

// Status returns what the supervisor says, or last said, about the named
// services, or about all: services by name, then helpers. The name of a file with
// instances means all of them. What could not be
// read is left out and part of the error, in which a service without status is
// an ErrNoService.
func Status(p Places, names ...string) ([]spec.Status, error) {
	asked := names
	if len(names) == 0 {
		var err error
		if names, err = statusNames(p); err != nil {
			return nil, err
		}
	} else {
		names = expand(p, names)
	}
	var all []spec.Status
	var errs []error
	for _, name := range names {
		st, err := StatusOf(p, name)
		if err == ErrNoService && !slices.Contains(asked, name) { // it went while we were reading
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%q: %w", name, err))
			continue
		}
		all = append(all, *st)
	}
	if len(asked) > 0 && len(all)+len(errs) == 0 { // they all went
		errs = append(errs, fmt.Errorf("%q: %w", asked[0], ErrNoService))
	}
	return all, errors.Join(errs...)
}

// Colony returns what the supervisor says, or last said, about the colony as a
// whole. Without such a file the error is an fs.ErrNotExist.
func Colony(p Places) (*spec.ColonyStatus, error) {
	return readJSON[spec.ColonyStatus](p.Colony())
}

// Known says whether name is a service of the colony as far as one can see from
// outside: whether it has a spec or a status. The error is ErrNoService, or
// says why it cannot be seen.
func Known(p Places, name string) error {
	if err := checkTarget(name); err != nil {
		return err
	}
	if found, err := specFiles(p, name); err != nil || len(found) > 0 {
		return err
	}
	if len(withStatus(p, name)) > 0 || made(p, name) {
		return nil
	}
	if _, err := os.Stat(p.Status(name)); errors.Is(err, fs.ErrNotExist) {
		return ErrNoService
	} else if err != nil {
		return err
	}
	return nil
}

// StatusOf is Status of one service. Without a status the error is ErrNoService.
// Of one with a schedule it has the timetable, too, and of one with health checks
// what they have found.
func StatusOf(p Places, name string) (*spec.Status, error) {
	if err := checkTarget(name); err != nil {
		return nil, err
	}
	st, err := readJSON[spec.Status](p.Status(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoService
	}
	if err == nil {
		// One that cannot be read does not hide the status.
		st.Schedule, _ = Timetable(p, name)
		if probes, _ := Probes(p, name); probes != nil {
			st.Probes = probes.Checks
		}
	}
	return st, err
}

// statusNames lists what has a status, helpers last. No directory means that no
// supervisor has ever been here.
func statusNames(p Places) ([]string, error) {
	entries, err := os.ReadDir(p.StatusDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name, isStatus := strings.CutSuffix(e.Name(), jsonSuffix)
		if isStatus && checkTarget(name) == nil { // a name with a dot is a file in the making
			names = append(names, name)
		}
	}
	slices.SortFunc(names, ByService)
	return names, nil
}

func readJSON[T any](path string) (*T, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	v := new(T)
	if err := json.Unmarshal(data, v); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return v, nil
}

// StopNote returns who has stopped name for good, when and why. Without a stop
// that holds the error is an fs.ErrNotExist.
func StopNote(p Places, name string) (*spec.StopNote, error) {
	if err := checkTarget(name); err != nil {
		return nil, err
	}
	note, err := readJSON[spec.StopNote](filepath.Join(p.StoppedDir(), name))
	if file, number := spec.Instance(name); number > 0 && errors.Is(err, fs.ErrNotExist) {
		return readJSON[spec.StopNote](filepath.Join(p.StoppedDir(), file)) // it is one of all
	}
	return note, err
}
