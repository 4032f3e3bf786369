package spec

import "time"

// State is what a service is doing, as published.
type State string

const (
	Waiting    State = "waiting"  // for a dependency or its schedule
	Starting   State = "starting" // on its way: queued for a fork, or has a pid and is not ready
	Running    State = "running"
	Stopping   State = "stopping" // until no process of the life is left
	Backingoff State = "backoff"  // waits before the next start, also after a failed spawn
	Failed     State = "failed"   // its limit is reached
	Exited     State = "exited"   // ended, and policy says no restart
	Stopped    State = "stopped"  // somebody asked
	Invalid    State = "invalid"  // no good spec yet
)

// States lists all states in the order in which people want to see them.
var States = []State{Starting, Running, Stopping, Backingoff, Waiting, Stopped, Exited, Failed, Invalid}

// Status is state/status/NAME.json. The comments of the fields are also the
// descriptions in docs/schema/.
type Status struct {
	Name       string     `json:"name"`        // The service; helpers begin with @.
	State      State      `json:"state"`       // What the service is doing.
	Since      time.Time  `json:"since"`       // When the state was entered; for running, the start of the life.
	PID        int        `json:"pid"`         // Main process; 0 = none.
	Generation uint64     `json:"generation"`  // Number of the current or last life; 0 = none yet. It only grows.
	Restarts   int        `json:"restarts"`    // Starts after the first, since the supervisor knows the service.
	Ready      bool       `json:"ready"`       // Whether the service does its work, as far as is known.
	LastExit   *Exit      `json:"last_exit"`   // How the last life ended; null = none has.
	NextStart  *time.Time `json:"next_start"`  // In backoff: when the service starts again; else null.
	SpecSHA256 string     `json:"spec_sha256"` // Of the spec in force, in hex; empty = none.
	SpecError  *Problem   `json:"spec_error"`  // What is wrong with the file as it is now; null = nothing.
	Warnings   []string   `json:"warnings"`    // What is odd but not wrong.
	WaitingFor []string   `json:"waiting_for"` // Names of services that have to be ready first, at most 100; @schedule: it waits until it is due.
	Watched    Watched    `json:"watched"`     // Which helpers look after the service now.

	Wanted     *time.Time       `json:"wanted,omitempty"`      // When it could have started, but for what it waits for.
	Started    *time.Time       `json:"started,omitempty"`     // When the current or last life began.
	ReadyAt    *time.Time       `json:"ready_at,omitempty"`    // When that life became ready.
	Failures   []time.Time      `json:"failures,omitempty"`    // Restarts that count for limit, oldest first.
	StatusText string           `json:"status_text,omitempty"` // What it says of itself: STATUS= of sd_notify.
	Reloading  bool             `json:"reloading,omitempty"`   // It says that it reads its configuration anew.
	Schedule   *Timetable       `json:"schedule,omitempty"`    // When it was and is due; not in the file, but in what ncolony ctl status --json prints.
	Probes     map[string]Probe `json:"probes,omitempty"`      // Only in what ncolony ctl status prints: what its health checks have found, by what is asked.
	Reason     string           `json:"reason,omitempty"`      // Why it is failed, or waits for what does not come by itself.
}

// Exit is how a life ended: exactly one of Code, Signal, Unknown and SpawnError
// is set.
type Exit struct {
	Code       *int      `json:"code,omitempty"`        // The exit code.
	Signal     string    `json:"signal,omitempty"`      // The signal that ended it, as in "KILL".
	Unknown    bool      `json:"unknown,omitempty"`     // True: it ended while nobody looked.
	SpawnError string    `json:"spawn_error,omitempty"` // Why it could not be started.
	Reason     string    `json:"reason,omitempty"`      // Why the supervisor ended it as a failure: not ready in time, watchdog.
	At         time.Time `json:"at"`                    // When it ended.
	Ran        float64   `json:"ran"`                   // For how many seconds it ran.
	Core       bool      `json:"core"`                  // Whether it dumped core.
	OOM        bool      `json:"oom"`                   // Whether the kernel killed it for lack of memory.
}

// Watched says which helpers look after the service now.
type Watched struct {
	Heart    bool `json:"heart"`    // Whether @heartcheck watches its heartbeat.
	Schedule bool `json:"schedule"` // Whether @schedule starts it when it is due.
	Probe    bool `json:"probe"`    // Whether its health checks are run.
	Log      bool `json:"log"`      // Whether its output is captured.
}

// ColonyStatus is state/colony.json.
type ColonyStatus struct {
	PID          int               `json:"pid"`          // The supervisor's pid.
	Version      string            `json:"version"`      // The supervisor's version.
	Started      time.Time         `json:"started"`      // When the supervisor began.
	Epoch        string            `json:"epoch"`        // Boot id and start time of PID 1: the same epoch means that processes may have survived.
	Clean        bool              `json:"clean"`        // Whether the supervisor has ended in order.
	Draining     bool              `json:"draining"`     // Whether it is about to.
	Config       string            `json:"config"`       // Directory of the specs.
	Messages     string            `json:"messages"`     // Directory of the requests.
	State        string            `json:"state"`        // Directory that holds this file.
	Counts       map[State]int     `json:"counts"`       // Services by state.
	Orphans      uint64            `json:"orphans"`      // Processes reaped since the start that were no main process of a service.
	Unattributed int               `json:"unattributed"` // Processes below the supervisor that belong to no service, at the last count.
	BadFiles     map[string]string `json:"bad_files"`    // Files in the config directory that can be no spec, each with the reason.
	Degraded     map[string]string `json:"degraded"`     // What does not work now, each with the reason.
	Panics       int               `json:"panics"`       // Internal errors survived.
	Generations  uint64            `json:"generations"`  // No service that was removed had a higher generation.
}
