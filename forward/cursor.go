package forward

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
	"github.com/ncolony/ncolony-go/logs"
)

const (
	// saveEvery is how often the cursor is written at most. What was sent since then
	// is sent again after a kill -9.
	saveEvery = time.Second

	// lockEvery is how often a forwarder asks whether the one before it has ended.
	lockEvery = 100 * time.Millisecond

	maxCursor = 64 << 20 // bytes
)

// cursor is state/forward/ID.json: how far we are, and how it goes.
type cursor struct {
	To       string                   `json:"to"`
	Lines    int64                    `json:"lines"`    // that the receiver has taken
	Bytes    int64                    `json:"bytes"`    // of their texts
	Gaps     int                      `json:"gaps"`     // where output was removed before it was sent
	Rejected int64                    `json:"rejected"` // lines that the receiver did not want
	Error    string                   `json:"error,omitempty"`
	Since    *time.Time               `json:"since,omitempty"` // of the error
	Streams  map[string]logs.Position `json:"streams"`
}

func forwardDir(p spec.Places) string { return filepath.Join(p.State, "forward") }

func cursorPath(p spec.Places, id string) string { return filepath.Join(forwardDir(p), id+".json") }

// loadCursor reads a cursor. One that there is not begins with nothing.
func loadCursor(p spec.Places, id string) (c cursor, err error) {
	path := cursorPath(p, id)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return cursor{}, nil
	}
	if err == nil && len(b) > maxCursor {
		err = fmt.Errorf("read %q: larger than %d bytes", path, maxCursor)
	}
	if err == nil {
		if err = json.Unmarshal(b, &c); err != nil {
			c, err = cursor{}, fmt.Errorf("parse %q: %w", path, err)
		}
	}
	return c, err
}

// save writes the cursor.
func (f *forwarder) save() error {
	c := f.cursor
	c.Streams = make(map[string]logs.Position, len(f.order))
	for key, at := range f.cursor.Streams { // of streams that are not sent this time
		c.Streams[key] = at
	}
	for _, s := range f.order {
		c.Streams[s.key] = s.done
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	f.savedAt = time.Now()
	if err := atomicfile.Write(cursorPath(f.o.Places, f.o.Cursor), append(data, '\n'), 0o640, false); err != nil {
		return fmt.Errorf("keep cursor: %w", err)
	}
	f.dirty = false
	return nil
}

func (f *forwarder) saveSometimes() {
	if !f.dirty || time.Since(f.savedAt) < saveEvery {
		return
	}
	if err := f.save(); f.news.Is("save", "", err) {
		f.o.Log.Warn("cursor not kept; what is sent may be sent again", "err", err)
	}
}

// unlocker lets go of a lock.
type unlocker func()

// takeLock waits until no other forwarder has the cursor. Nil without an error:
// ctx has ended.
func takeLock(ctx context.Context, o Options) (unlocker, error) {
	if err := os.MkdirAll(forwardDir(o.Places), 0o750); err != nil {
		return nil, fmt.Errorf("keep cursor: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(forwardDir(o.Places), "."+o.Cursor+".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keep cursor: %w", err)
	}
	for told := false; ; told = true {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return func() { f.Close() }, nil
		case err == unix.EINTR:
		case err != unix.EWOULDBLOCK:
			f.Close()
			return nil, fmt.Errorf("keep cursor: lock: %w", err)
		case !told:
			o.Log.Info("another forwarder has this cursor; waiting for its end", "cursor", o.Cursor)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, nil
		case <-time.After(lockEvery):
		}
	}
}
