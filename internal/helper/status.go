package helper

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Life is one life of a service, from start to empty. Without the supervisor's
// status it is the zero Life.
type Life struct {
	Generation uint64
	PID        int
}

// Status is the supervisor's status of one service, as read last.
type Status struct {
	version Version
	Life    Life
	Up      bool // its main process runs, and is not to end
	State   spec.State
	Ready   bool
	Since   time.Time // of the state
	Started time.Time // the life
}

// maxStatusSize is far above what the supervisor writes.
const maxStatusSize = 1 << 20

// Read takes in the file at path if it has changed. Reported is false where
// there is no status to go by; what was known is kept where it cannot be read.
// HaveDir tells whether there is a directory of statuses: if so, a service
// without one is not up.
func (s *Status) Read(path string, haveDir bool) (reported bool, err error) {
	seen, _, err := Stat(path)
	if err != nil {
		*s = Status{}
		if haveDir && Missing(err) {
			return true, nil // the supervisor knows no such service: it is not up
		}
		return false, nil
	}
	if seen == s.version {
		return true, nil
	}
	data, version, err := ReadRegular(path, maxStatusSize)
	if err != nil {
		if Missing(err) { // since the stat
			*s = Status{}
			return haveDir, nil
		}
		return true, err
	}
	var status spec.Status
	if err := json.Unmarshal(data, &status); err != nil {
		return true, fmt.Errorf("parse %q: %w", path, err)
	}
	*s = Status{
		version: version,
		Life:    Life{Generation: status.Generation, PID: status.PID},
		Up:      status.PID != 0 && (status.State == spec.Running || status.State == spec.Starting),
		State:   status.State,
		Ready:   status.Ready,
		Since:   status.Since,
		Started: status.Since,
	}
	if status.Started != nil {
		s.Started = *status.Started
	}
	return true, nil
}

// Anew has the file read again, even if it looks unchanged: one that was written
// within one tick of the file system's clock does.
func (s *Status) Anew() { s.version = Version{} }

// Known reports whether a status was read that is still there as far as we know.
func (s *Status) Known() bool { return s.version != Version{} }

// Statuses tells whether one of the supervisor's statuses can have changed, so that
// not all of them have to be looked at: each that is written replaces a file, which
// changes the directory.
type Statuses struct {
	Dir  string
	Have bool // there is such a directory

	version Version
	changed time.Duration // when that was seen to be another
}

// coarsest is how long a directory may look unchanged after a change, because the
// clock of its file system has not ticked meanwhile.
const coarsest = 3 * time.Second

// Look looks at the directory.
func (s *Statuses) Look(now time.Duration) {
	v, _, err := Stat(s.Dir)
	s.Have = err == nil
	if v != s.version {
		s.version, s.changed = v, now
	}
}

// Since reports whether a status that was looked at then can be another at the time
// of the last Look.
func (s *Statuses) Since(then time.Duration) bool {
	return then < s.changed+coarsest || !s.Have
}
