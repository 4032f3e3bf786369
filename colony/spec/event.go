package spec

import "time"

// The types of Event.
const (
	EventColonyStarted = "colony-started"
	EventColonyEnded   = "colony-ended"
	EventDraining      = "draining"
	EventStarted       = "started"
	EventSpawnFailed   = "spawn-failed"
	EventAdopted       = "adopted" // of an earlier supervisor that was killed
	EventReady         = "ready"
	EventUnready       = "unready" // it did not become ready in time
	EventOverdue       = "overdue" // it has missed its watchdog
	EventFailed        = "failed"  // its limit is reached
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
	EventUpgraded      = "upgraded"
	EventUpgradeFailed = "upgrade-failed"
	EventPanicked      = "panicked"
)

// EventTypes lists the types of Event in the order of the documentation.
var EventTypes = []string{EventColonyStarted, EventDraining, EventColonyEnded, EventStarted, EventSpawnFailed, EventAdopted,
	EventReady, EventUnready, EventOverdue, EventFailed, EventExited,
	EventEmptied, EventTerminating, EventKilled, EventSpecChanged, EventSpecInvalid, EventRemoved, EventRequested, EventAnswered,
	EventDegraded, EventRecovered, EventUpgraded, EventUpgradeFailed, EventPanicked}

// Event is one line of state/events/current.jsonl. Seq never repeats and only
// grows; numbers may be skipped. The comments of the fields are also the
// descriptions in docs/schema/.
type Event struct {
	Seq        uint64    `json:"seq"`                  // Number of the event; it only grows and never repeats, and may skip.
	Time       time.Time `json:"time"`                 // When it happened.
	Name       string    `json:"name,omitempty"`       // The service that it is about.
	Generation uint64    `json:"generation,omitempty"` // Number of the service's life.
	Type       string    `json:"type"`                 // What happened.
	PID        int       `json:"pid,omitempty"`        // The process that it is about.
	Exit       *Exit     `json:"exit,omitempty"`       // How the life ended.
	Delay      float64   `json:"delay,omitempty"`      // Seconds until the next start.
	Request    string    `json:"request,omitempty"`    // File name of the message.
	Reason     string    `json:"reason,omitempty"`     // Why, or what it is about.
	Error      string    `json:"error,omitempty"`      // What went wrong.
}
