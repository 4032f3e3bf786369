package spec

import "time"

// Type is what a message asks for.
type Type string

// The message types. The first three are the Python NColony's.
const (
	RestartService Type = "RESTART"
	RestartAll     Type = "RESTART-ALL"
	RestartGroup   Type = "RESTART-GROUP"
	StopService    Type = "STOP"
	StartService   Type = "START"
	SendSignal     Type = "SIGNAL"
	Ready          Type = "READY"
	Rescan         Type = "RESCAN"
	Upgrade        Type = "UPGRADE"
	Shutdown       Type = "SHUTDOWN"
)

// Message is the content of messages/ANYTHING: one request. The comments of the
// fields are also the descriptions in docs/schema/.
type Message struct {
	// What is asked for.
	Type Type `json:"type"`
	// The service; needed by RESTART, STOP, START, SIGNAL and READY.
	Name string `json:"name,omitempty"`
	// The restart group; needed by RESTART-GROUP.
	Group string `json:"group,omitempty"`
	// The signal to send to the main process; needed by SIGNAL.
	Signal Signal `json:"signal,omitempty"`
	// Absolute path of the new program, for UPGRADE.
	Path string `json:"path,omitempty"`
	// Act only if the service's life has this number.
	Generation *uint64 `json:"generation,omitempty"`
	// Act only if the service's main process has this pid.
	PID *int `json:"pid,omitempty"`
	// Why; kept in the events.
	Reason string `json:"reason,omitempty"`
}

// Errors of results that programs tell from others: the message was taken, and
// nothing may have come of it.
const (
	Interrupted  = "interrupted"
	ShuttingDown = "the colony is shutting down"
	HasShutDown  = "the colony has shut down"
)

// Result is state/results/FILENAME.json: what became of a message. Finished is
// nil until it is known.
type Result struct {
	OK       bool            `json:"ok"`                 // Whether it was done.
	Error    string          `json:"error,omitempty"`    // Why it was not done.
	Type     Type            `json:"type"`               // The message's type; empty for one that could not be read.
	Name     string          `json:"name,omitempty"`     // The message's name.
	Group    string          `json:"group,omitempty"`    // The message's group.
	OldPID   int             `json:"old_pid"`            // Main process before; 0 = none.
	NewPID   int             `json:"new_pid"`            // Main process after; 0 = none.
	Received time.Time       `json:"received"`           // When the message was taken.
	Finished *time.Time      `json:"finished"`           // When the answer became final; null until then.
	From     string          `json:"from,omitempty"`     // Version of the supervisor before, for UPGRADE.
	To       string          `json:"to,omitempty"`       // Version of the supervisor now, for UPGRADE.
	Gap      float64         `json:"gap,omitempty"`      // Seconds for which nobody supervised, for UPGRADE.
	Services []ServiceResult `json:"services,omitempty"` // Each service's part, for RESTART-ALL and RESTART-GROUP.
}

// ServiceResult is one service's part of a Result about several.
type ServiceResult struct {
	Name   string `json:"name"`            // The service.
	OK     bool   `json:"ok"`              // Whether it was done.
	Error  string `json:"error,omitempty"` // Why it was not done.
	OldPID int    `json:"old_pid"`         // Main process before; 0 = none.
	NewPID int    `json:"new_pid"`         // Main process after; 0 = none.
}

// StopNote is state/stopped/NAME: somebody asked for the service to stay down.
type StopNote struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"` // the message's file name and its owner's uid
	Reason string    `json:"reason,omitempty"`
}
