package colony

import (
	"log/slog"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Options are what a supervisor is started with. Run refuses what it cannot
// work with; it changes nothing in them.
type Options struct {
	Places  spec.Places
	Command []string // `-- CMD ARGS`: run as the service "main"; nil = none

	Frequency time.Duration // between full scans of the directories
	Threshold time.Duration // a shorter life counts as a fast failure
	KillTime  time.Duration // grace of a stop, unless the spec says otherwise
	MinDelay  time.Duration // first restart delay, unless the spec says otherwise
	MaxDelay  time.Duration

	// ShutdownTimeout is the budget of a whole drain; 0 = none.
	ShutdownTimeout time.Duration

	PIDDir     string              // a file per running service with its pid; "" = none
	Insecure   bool                // waive the checks of owners and modes
	TrustGroup string              // may write the directories, beside root's group
	Helpers    map[string][]string // "@heartcheck" -> argv; nil = none are started
	Log        *slog.Logger
	Version    string

	trap  func(any)       // see model
	fit   <-chan struct{} // closed when there may be children: signals are caught, threads made; nil = so it is
	taken func()          // a test's: called on the way to take over from another program
}
