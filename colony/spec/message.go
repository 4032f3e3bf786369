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

// Message is the content of messages/ANYTHING: one request.
type Message struct {
	Type       Type    `json:"type"`
	Name       string  `json:"name,omitempty"`       // RESTART, STOP, START, SIGNAL, READY
	Group      string  `json:"group,omitempty"`      // RESTART-GROUP
	Signal     Signal  `json:"signal,omitempty"`     // SIGNAL
	Path       string  `json:"path,omitempty"`       // UPGRADE
	Generation *uint64 `json:"generation,omitempty"` // act only on this life
	PID        *int    `json:"pid,omitempty"`        // act only on the life with this main pid
	Reason     string  `json:"reason,omitempty"`     // kept in events
}

// Result is state/results/FILENAME.json: what became of a message. Finished is
// nil until it is known.
type Result struct {
	OK       bool            `json:"ok"`
	Error    string          `json:"error,omitempty"`
	Type     Type            `json:"type"`
	Name     string          `json:"name,omitempty"`
	Group    string          `json:"group,omitempty"`
	OldPID   int             `json:"old_pid"` // 0 = none
	NewPID   int             `json:"new_pid"` // 0 = none
	Received time.Time       `json:"received"`
	Finished *time.Time      `json:"finished"`
	Services []ServiceResult `json:"services,omitempty"` // RESTART-ALL and RESTART-GROUP
}

// ServiceResult is one service's part of a Result about several.
type ServiceResult struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Error  string `json:"error,omitempty"`
	OldPID int    `json:"old_pid"`
	NewPID int    `json:"new_pid"`
}

// StopNote is state/stopped/NAME: somebody asked for the service to stay down.
type StopNote struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"` // the message's file name and its owner's uid
	Reason string    `json:"reason,omitempty"`
}
