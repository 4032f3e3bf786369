package spec

import "time"

// Crash is state/crashes/NAME/TIME.json: how a life of a captured service ended
// badly. @log writes it.
type Crash struct {
	Name       string     `json:"name"`             // Of the service.
	Generation uint64     `json:"generation"`       // Number of the life; 0 = unknown.
	Exit       *Exit      `json:"exit"`             // How it ended.
	Started    *time.Time `json:"started"`          // When it began; null = unknown.
	Restarts   int        `json:"restarts"`         // As in the status.
	SpecSHA256 string     `json:"spec_sha256"`      // Of the spec in force, in hex; empty = none.
	Lines      []string   `json:"lines"`            // The last of its output, the oldest first.
	Stderr     []string   `json:"stderr,omitempty"` // The last of its standard error, if that is apart.
}
