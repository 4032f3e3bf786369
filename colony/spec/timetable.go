package spec

import (
	"path/filepath"
	"time"
)

// Timetable is state/schedule/NAME.json: what @schedule knows of a service with
// a schedule. The comments of the fields are also the descriptions in
// docs/schema/.
type Timetable struct {
	Name       string     `json:"name"`                  // The service.
	Schedule   string     `json:"schedule"`              // The schedule that this is about, in words.
	Last       *time.Time `json:"last"`                  // When the service was started last because it was due; null = it has not been.
	Next       *time.Time `json:"next"`                  // When it is due next.
	Skipped    int        `json:"skipped"`               // Due times at which it was not started, for it still ran or was stopped.
	Missed     int        `json:"missed"`                // Due times that nobody was there for and that nothing has made up for.
	SkippedAt  *time.Time `json:"skipped_at,omitempty"`  // The last that was skipped.
	SkippedFor string     `json:"skipped_for,omitempty"` // Why that was.
	Error      string     `json:"error,omitempty"`       // Why the last start was refused.

	Done       time.Time `json:"done"`                 // Nothing is due up to then; a new schedule begins there.
	Request    string    `json:"request,omitempty"`    // The message of the last start, while it has no answer.
	Generation uint64    `json:"generation,omitempty"` // The service's when that was sent.
	Epoch      string    `json:"epoch"`                // In which boot, or container, this was written.
}

// ScheduleDir holds the timetables; Schedule is that of a service.
func (p Places) ScheduleDir() string         { return filepath.Join(p.State, "schedule") }
func (p Places) Schedule(name string) string { return filepath.Join(p.ScheduleDir(), name+".json") }
