package heart

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Heart is the heartbeat of this program. A nil Heart is that of a program from
// which nobody expects beats: all its methods work and do nothing.
//
// Its methods may be called from several goroutines.
type Heart struct {
	// OnError, if not nil, is called by Run with the error of each beat that
	// failed. Set it before Run.
	OnError func(error)

	status string // the heartbeat file, or the directory of it
	name   string // of the service
	period time.Duration
	last   atomic.Pointer[error] // of the latest beat; nil if none failed yet
}

// minInterval keeps a period of a few nanoseconds from becoming a busy loop.
const minInterval = time.Millisecond

// FromEnv returns the heart that the environment asks for: NCOLONY_CONFIG and
// NCOLONY_NAME. It is nil, without an error, when the program does not run under
// ncolony or when its spec has no beatcheck. A configuration that is there and
// cannot be understood is an error.
func FromEnv() (*Heart, error) {
	config := os.Getenv(envConfig)
	if config == "" {
		return nil, nil
	}
	return parseConfig(config, os.Getenv(envName))
}

// Start beats at once and then three times a period, from one goroutine, until
// ctx is done. It returns the heart, or nil if nobody expects beats; then there
// is no goroutine either. The error tells of a configuration that cannot be
// understood. A beat that fails is tried again when the next one is due, and Err
// of the heart says what was wrong.
func Start(ctx context.Context) (*Heart, error) {
	h, err := FromEnv()
	if h == nil || err != nil {
		return nil, err
	}
	go h.Run(ctx)
	return h, nil
}

// own is the heart that the package's Beat beats. The environment is read once.
var own = sync.OnceValues(FromEnv)

// Beat beats once, for a program that does so from its own main loop; once every
// third of the period is enough, more often does no harm. It returns nil when
// nobody expects beats.
func Beat() error {
	h, err := own()
	if err != nil {
		return err
	}
	return h.Beat()
}

// Period is the time within which the heartbeat file must change; 0 if nobody
// expects beats.
func (h *Heart) Period() time.Duration {
	if h == nil {
		return 0
	}
	return h.period
}

// Interval is the time between two beats of Run: a third of the period, so that
// one beat may be late or lost. It is 0 if nobody expects beats.
func (h *Heart) Interval() time.Duration {
	if h == nil {
		return 0
	}
	return max(h.period/3, minInterval)
}

// Path is the file that a beat would touch now: what the spec names or, if that
// is a directory at the moment, the file in it that is named after the service.
// It is empty if there is no such file.
func (h *Heart) Path() string {
	if h == nil {
		return ""
	}
	path, _ := h.file()
	return path
}

// Err is what was wrong with the latest beat, nil if nothing was.
func (h *Heart) Err() error {
	if h == nil {
		return nil
	}
	if p := h.last.Load(); p != nil {
		return *p
	}
	return nil
}

// Run beats at once and then every Interval until ctx is done. No error ends it.
func (h *Heart) Run(ctx context.Context) {
	if h == nil {
		return
	}
	ticker := time.NewTicker(h.Interval())
	defer ticker.Stop()
	for ctx.Err() == nil {
		if err := h.Beat(); err != nil && h.OnError != nil {
			h.OnError(err)
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// Beat makes the mtime of the heartbeat file now. A missing file is created with
// mode 0644, less the umask; a missing directory is not. The content is left
// alone. It is enough that the file is writable for the program, whoever owns
// it. The error names the file.
func (h *Heart) Beat() error {
	if h == nil {
		return nil
	}
	path, err := h.file()
	if err == nil {
		err = beat(path)
	}
	h.last.Store(&err)
	return err
}

// file decides where to beat. It does so for each beat, because the directory
// may be mounted or made after the program has started.
func (h *Heart) file() (string, error) {
	directory := os.IsPathSeparator(h.status[len(h.status)-1])
	if !directory {
		fi, err := os.Stat(h.status)
		directory = err == nil && fi.IsDir()
	}
	if !directory {
		return h.status, nil
	}
	if h.name == "" || h.name == "." || h.name == ".." || filepath.Base(h.name) != h.name {
		return "", fmt.Errorf("beat in directory %q: %s %q is not a file name", h.status, envName, h.name)
	}
	return filepath.Join(h.status, h.name), nil
}

// beat makes the mtime of path now, and the file if need be.
func beat(path string) error {
	err := touch(path)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		err = create(path)
	case rewrite(path) == nil:
		return nil
	}
	if err == nil {
		return nil
	}
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err // the path is named once
	}
	return fmt.Errorf("beat %q: %w", path, err)
}
