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

// Status is state/status/NAME.json.
type Status struct {
	Name       string     `json:"name"`
	State      State      `json:"state"`
	Since      time.Time  `json:"since"`      // when State was entered; for running, the start of the life
	PID        int        `json:"pid"`        // main process; 0 = none
	Generation uint64     `json:"generation"` // number of the current or last life; 0 = none yet
	Restarts   int        `json:"restarts"`   // starts after the first since the supervisor knows the service
	Ready      bool       `json:"ready"`
	LastExit   *Exit      `json:"last_exit"`
	NextStart  *time.Time `json:"next_start"`
	SpecSHA256 string     `json:"spec_sha256"` // of the good spec in force; "" = none
	SpecError  *Problem   `json:"spec_error"`  // what is wrong with the file as it is now
	Warnings   []string   `json:"warnings"`
	WaitingFor []string   `json:"waiting_for"`
	Watched    Watched    `json:"watched"`
}

// Exit is how a life ended: exactly one of Code, Signal, Unknown and SpawnError
// is set.
type Exit struct {
	Code       *int      `json:"code,omitempty"`
	Signal     string    `json:"signal,omitempty"` // "KILL"
	Unknown    bool      `json:"unknown,omitempty"`
	SpawnError string    `json:"spawn_error,omitempty"`
	At         time.Time `json:"at"`
	Ran        float64   `json:"ran"` // seconds
	Core       bool      `json:"core"`
	OOM        bool      `json:"oom"`
}

// Watched says which helpers look after the service now.
type Watched struct {
	Heart bool `json:"heart"`
	Probe bool `json:"probe"`
	Log   bool `json:"log"`
}

// ColonyStatus is state/colony.json.
type ColonyStatus struct {
	PID          int               `json:"pid"`
	Version      string            `json:"version"`
	Started      time.Time         `json:"started"`
	Epoch        string            `json:"epoch"` // boot id and start time of PID 1 of our pid namespace
	Clean        bool              `json:"clean"` // the supervisor has ended in order
	Draining     bool              `json:"draining"`
	Config       string            `json:"config"`
	Messages     string            `json:"messages"`
	State        string            `json:"state"`
	Counts       map[State]int     `json:"counts"`
	Orphans      uint64            `json:"orphans"`      // reaped since the start
	Unattributed int               `json:"unattributed"` // processes below us that belong to no life, at the last count
	BadFiles     map[string]string `json:"bad_files"`    // file name in the config directory -> why it is no spec
	Degraded     map[string]string `json:"degraded"`     // what does not work now -> why
	Panics       int               `json:"panics"`
	Generations  uint64            `json:"generations"` // no service that was removed had a higher generation
}
