package spec

import "time"

// The types of Event.
const (
	EventColonyStarted = "colony-started"
	EventColonyEnded   = "colony-ended"
	EventDraining      = "draining"
	EventStarted       = "started"
	EventSpawnFailed   = "spawn-failed"
	EventExited        = "exited"  // the main process
	EventEmptied       = "emptied" // no process of the life is left, later than its main process
	EventTerminating   = "terminating"
	EventKilled        = "killed" // grace is over
	EventSpecChanged   = "spec-changed"
	EventSpecInvalid   = "spec-invalid"
	EventRemoved       = "removed"
	EventRequested     = "requested"
	EventAnswered      = "answered"
	EventDegraded      = "degraded"
	EventRecovered     = "recovered"
	EventPanicked      = "panicked"
)

// Event is one line of state/events/current.jsonl. Seq never repeats and only
// grows; numbers may be skipped.
type Event struct {
	Seq        uint64    `json:"seq"`
	Time       time.Time `json:"time"`
	Name       string    `json:"name,omitempty"`
	Generation uint64    `json:"generation,omitempty"`
	Type       string    `json:"type"`
	PID        int       `json:"pid,omitempty"`
	Exit       *Exit     `json:"exit,omitempty"`
	Delay      float64   `json:"delay,omitempty"`   // seconds until the next start
	Request    string    `json:"request,omitempty"` // file name of the message
	Reason     string    `json:"reason,omitempty"`
	Error      string    `json:"error,omitempty"`
}
