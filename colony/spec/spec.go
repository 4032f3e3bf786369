package spec

import (
	"encoding/hex"
	"time"
)

// Limits on the files that people and programs write. A spec travels to its
// child in one environment variable, which the kernel caps at 128 KiB.
const (
	MaxSpecSize    = 100 << 10 // bytes of config/NAME
	MaxMessageSize = 64 << 10  // bytes of messages/ANYTHING
	MaxNameLength  = 100       // bytes of a service name
)

// Spec is the content of config/NAME: one service, as somebody wants it to run.
// A nil pointer, empty string or nil slice means that the key is absent and the
// supervisor's flag or the built-in default holds.
//
// The comments of the fields are also the descriptions in docs/schema/, so they
// speak of the file.
type Spec struct {
	// The program and its arguments. A program without a slash is looked up in
	// the child's PATH, or in the supervisor's if the child has none.
	Args []string `json:"args"`
	// Variables of the child's environment. Numbers and booleans must be quoted.
	Env map[string]string `json:"env,omitzero"`
	// Names of variables taken from the supervisor's environment; one that is
	// not set there is empty.
	EnvInherit []string `json:"env_inherit,omitzero"`
	// Absolute paths of files of NAME=value lines, read at each start; "-" in
	// front: the file need not exist.
	EnvFile []string `json:"env_file,omitzero"`
	// Number of the user to run as. Excludes user.
	UID *int `json:"uid,omitempty"`
	// Number of the primary group to run in.
	GID *int `json:"gid,omitempty"`
	// Name or number of the user to run as. Excludes uid.
	User string `json:"user,omitempty"`
	// Supplementary groups, as names or numbers. An empty list: none. Without
	// the key: the user's own.
	Groups []string `json:"groups,omitzero"`
	// Restart groups that the service is in.
	Group []string `json:"group,omitzero"`
	// Absolute path of the working directory. Without the key: the supervisor's.
	Cwd string `json:"cwd,omitempty"`

	// Permission bits that are taken from every file it makes: "0022". Without
	// this key and the five below: as the supervisor has it.
	Umask *Mode `json:"umask,omitempty"`
	// Priority: -20 comes first, 19 last.
	Nice *int `json:"nice,omitempty"`
	// How soon the kernel kills it when memory is out: -1000 never, 1000 first.
	OOMScoreAdj *int `json:"oom_score_adj,omitempty"`
	// Resource limits by their names in getrlimit(2), in lower case: a value for
	// both limits, or [soft, hard]; "unlimited" is none.
	Rlimits map[string]Rlimit `json:"rlimits,omitzero"`
	// True: no program that it executes gets rights it has not.
	NoNewPrivs bool `json:"no_new_privs,omitempty"`
	// The capabilities that it keeps, whoever it runs as; it loses all others for
	// good. Any case, with or without CAP_.
	Capabilities []string `json:"capabilities,omitzero"`

	// A control group (v2) for each life, with limits for all that is in it. An
	// empty object: without limits, and a kill reaches everything.
	Cgroup *Cgroup `json:"cgroup,omitempty"`
	// Files of which each start gets a copy that only its user can read, in the
	// directory that CREDENTIALS_DIRECTORY names. Names and absolute paths.
	Credentials map[string]string `json:"credentials,omitzero"`

	// When the service is started again after its main process has ended:
	// always; on-failure: unless it exited with one of success_codes; never,
	// which is the default with main and with schedule.
	Restart Restart `json:"restart,omitempty"`
	// Exit codes that are no failure.
	SuccessCodes []int `json:"success_codes,omitzero"`
	// The delay before the next start after a short life.
	Backoff Backoff `json:"backoff,omitzero"`
	// How a life is ended.
	Stop Stop `json:"stop,omitzero"`
	// When restarts have been too many.
	Limit *Limit `json:"limit,omitempty"`
	// Names of services that have to be ready before this one starts. It is
	// stopped before them when the colony ends. One with restart never has to
	// have ended with success.
	After []string `json:"after,omitzero"`
	// As after; and when one of them is removed, stopped or failed, this service
	// is stopped too, and comes back with it.
	Requires []string `json:"requires,omitzero"`
	// How the service shows that it does its work. Without the key: by running.
	Ready *Readiness `json:"ready,omitempty"`
	// The service says WATCHDOG=1 (sd_notify) at least this often; else it is
	// restarted.
	Watchdog *Duration `json:"watchdog,omitempty"`
	// True: the colony drains and exits when this service has ended for good,
	// with its exit code.
	Main bool `json:"main,omitempty"`
	// So many services NAME@1, NAME@2 and so on are made of this file, each with
	// its number in NCOLONY_INSTANCE. 0: none. Without the key: one, called NAME.
	Instances *int `json:"instances,omitempty"`
	// The service is not started with the colony, but when this says so, by
	// @schedule.
	Schedule *Schedule `json:"schedule,omitempty"`
	// Sockets that the supervisor opens, keeps while the service is restarted, and
	// gives it from descriptor 3 on, as systemd does: LISTEN_FDS, LISTEN_FDNAMES
	// and LISTEN_PID say which. Addresses or objects.
	Listen []Listen `json:"listen,omitzero"`
	// Standard input: null is /dev/null, inherit is the supervisor's, fifo is
	// state/stdin/NAME, to which ncolony ctl send writes.
	Stdin string `json:"stdin,omitempty"`
	// Standard output and error: "null" throws them away, an object captures them
	// in files. Without the key they go where the supervisor's go.
	Log *Log `json:"log,omitempty"`

	// The service promises to change the time of a heartbeat file;
	// @heartcheck restarts it when it does not. null: no check.
	Heart *Beatcheck `json:"ncolony.beatcheck,omitempty"`
	// A URL that has to answer; @probe restarts the service when it does not.
	// null: no check.
	HTTPCheck *HTTPCheck `json:"ncolony.httpcheck,omitempty"`
	// An address that has to accept connections; likewise.
	TCPCheck *TCPCheck `json:"ncolony.tcpcheck,omitempty"`
	// A program that has to end with code 0; likewise.
	ExecCheck *ExecCheck `json:"ncolony.execcheck,omitempty"`

	Raw      []byte   `json:"-"` // the file's bytes, delivered as NCOLONY_CONFIG
	SHA256   [32]byte `json:"-"` // of Raw
	Identity [32]byte `json:"-"` // of everything whose change restarts the service; see SameProcess
	Common   [32]byte `json:"-"` // with instances: of everything but their number; see OnlyScaled
	Needs    []string `json:"-"` // Requires and After, each name once
	Warnings []string `json:"-"` // what is odd but not wrong, for status
}

// Cgroup limits what all processes of a life have together. A nil limit is none.
type Cgroup struct {
	// Bytes of memory; what needs more is killed, with the whole life.
	MemoryMax *Size `json:"memory_max,omitempty"`
	// Bytes of memory above which it is slowed down.
	MemoryHigh *Size `json:"memory_high,omitempty"`
	// Processors: 0.5 is half of one. Or a string: "50%".
	CPUMax *CPUs `json:"cpu_max,omitempty"`
	// Number of processes and threads.
	PidsMax *int `json:"pids_max,omitempty"`
	// True: where no such control group can be had the service runs without, and
	// a warning says so. Else its spec is invalid there.
	Optional bool `json:"optional,omitempty"`
}

// Limited reports whether c limits anything, for which controllers are needed.
func (c *Cgroup) Limited() bool {
	return c.MemoryMax != nil || c.MemoryHigh != nil || c.CPUMax != nil || c.PidsMax != nil
}

// Restart says when a service whose main process has ended is started again.
type Restart string

const (
	RestartAlways    Restart = "always"     // the default
	RestartOnFailure Restart = "on-failure" // unless it exited with one of success_codes
	RestartNever     Restart = "never"
)

// Restarts lists the policies in the order of the documentation.
var Restarts = []Restart{RestartAlways, RestartOnFailure, RestartNever}

// Backoff is the delay before the next start. A life shorter than Threshold
// multiplies the delay by Factor; a longer one restarts at once and resets it.
type Backoff struct {
	// The delay after the first short life. 0: no delay ever. Default: the
	// supervisor's --minrestartdelay.
	Min *Duration `json:"min,omitempty"`
	// The longest delay, at least min. Default: the supervisor's
	// --maxrestartdelay.
	Max *Duration `json:"max,omitempty"`
	// Each further short life multiplies the delay by this.
	Factor *float64 `json:"factor,omitempty"`
	// The delay is lengthened by a random share up to this.
	Jitter *float64 `json:"jitter,omitempty"`
	// A life shorter than this is a short one; a longer one restarts at once
	// and resets the delay. Default: the supervisor's --threshold.
	Threshold *Duration `json:"threshold,omitempty"`
}

// Stop says how a life is ended.
type Stop struct {
	// The signal to begin with; CONT follows it.
	Signal Signal `json:"signal,omitempty"`
	// Time from the beginning of the stop to KILL. Default: the supervisor's
	// --killtime.
	Grace *Duration `json:"grace,omitempty"`
	// A program and its arguments, run first, as the service, with the pid in
	// NCOLONY_PID.
	Command []string `json:"command,omitempty"`
	// Who gets the signal. all: the main process, and what it leaves behind gets
	// TERM when it has exited; group: its whole process group at once; main: it
	// alone, the rest is left alone.
	Scope Scope `json:"scope,omitempty"`
	// A signal on which the program writes down what it is doing (QUIT, ABRT),
	// sent first to one that hangs: that has missed its watchdog.
	Dump Signal `json:"dump,omitempty"`
}

// Limit bounds the restarts of a service that keeps ending. Restarts that
// somebody asked for do not count.
type Limit struct {
	// So many restarts are well; one more within the time is too many.
	Restarts int `json:"restarts"`
	// What is longer ago than this does not count.
	Within Duration `json:"within"`
	// What happens then. fail: the service is failed until somebody starts it;
	// shutdown: the colony ends, with the service's last exit code, or 1;
	// {"retry": TIME}: it is failed for that time, and then begins anew.
	Then Then `json:"then,omitzero"`
}

// Then is what happens when a limit is reached: an action by name, or a retry
// after a time. The zero Then is ThenFail.
type Then struct {
	Action string   // ThenFail or ThenShutdown; "" with Retry
	Retry  Duration // 0 = none
}

// The actions of Then.
const (
	ThenFail     = "fail" // the default
	ThenShutdown = "shutdown"
)

// Readiness is the key "ready": how a service shows that it does its work. It
// has one way, and a time for it.
type Readiness struct {
	// True: it says READY=1 to the socket in NOTIFY_SOCKET (sd_notify).
	Notify bool `json:"notify,omitempty"`
	// It writes a newline to this descriptor (s6).
	FD int `json:"fd,omitempty"`
	// True: the first beat of ncolony.beatcheck, which @heartcheck sees.
	Beat bool `json:"beat,omitempty"`
	// Absolute path of a file that it makes or changes, which @heartcheck sees.
	File string `json:"file,omitempty"`
	// A regular expression (RE2) that a line of its output matches.
	Log string `json:"log,omitempty"`
	// A URL that answers with a status from 200 to 399, which @probe sees; or an
	// object that says how to ask, and what is good.
	HTTP *ReadyHTTP `json:"http,omitempty"`
	// An address that accepts connections, which @probe sees.
	TCP string `json:"tcp,omitempty"`
	// A program and its arguments that ends with code 0; @probe runs it as the
	// service.
	Exec []string `json:"exec,omitempty"`
	// The start has failed if it takes longer. 0: there is no such time.
	Timeout *Duration `json:"timeout,omitempty"`
}

// DefaultReadyTimeout holds where ready has no timeout.
const DefaultReadyTimeout = Duration(time.Minute)

// Limit is the time in which a service has to become ready; 0 = any.
func (r *Readiness) Limit() time.Duration {
	if r.Timeout == nil {
		return DefaultReadyTimeout.D()
	}
	return r.Timeout.D()
}

// Notifies reports whether the service talks to us as sd_notify(3) does.
func (s *Spec) Notifies() bool { return s.Watchdog != nil || s.Ready != nil && s.Ready.Notify }

// Schedule is the key "schedule": when a service is started. It has either Cron
// or Every.
type Schedule struct {
	// Five fields as in crontab(5), or @daily and the like.
	Cron string `json:"cron,omitempty"`
	// The time zone that cron speaks of, as in Europe/Berlin. Without the key: the
	// supervisor's.
	Zone string `json:"zone,omitempty"`
	// The time from one start to the next, at least a second.
	Every Duration `json:"every,omitempty"`
}

// String is the schedule in the words of the spec.
func (s *Schedule) String() string {
	switch {
	case s.Every > 0:
		return "every " + s.Every.String()
	case s.Zone != "":
		return "cron " + s.Cron + " " + s.Zone
	}
	return "cron " + s.Cron
}

// Scheduler is the helper that starts services by their schedules. A service
// that waits for its time has it in waiting_for.
const Scheduler = "@schedule"

// Scope says which processes of a life a stop is meant for.
type Scope string

const (
	ScopeAll   Scope = "all"   // the main process first, what it leaves behind afterwards (the default)
	ScopeGroup Scope = "group" // the whole process group at once
	ScopeMain  Scope = "main"  // the main process; the rest is left alone
)

// Scopes lists the scopes in the order of the documentation.
var Scopes = []Scope{ScopeAll, ScopeGroup, ScopeMain}

// Values of Spec.Stdin.
const (
	StdinNull    = "null"
	StdinInherit = "inherit"
	StdinFIFO    = "fifo"
)

// Beatcheck is the key "ncolony.beatcheck": the service promises to change the
// mtime of a heartbeat file at least once a period.
type Beatcheck struct {
	// The file's time must change at least this often.
	Period Duration `json:"period"`
	// Number of periods after each start of the service before the first beat
	// is due.
	Grace float64 `json:"grace"`
	// Absolute path of the heartbeat file, or of a directory that holds one
	// named after the service.
	Status string `json:"status"`
}

// Digest is SHA256 as status files and the like give it; "" for a spec that was
// not read from a file.
func (s *Spec) Digest() string {
	if s.SHA256 == ([32]byte{}) {
		return ""
	}
	return hex.EncodeToString(s.SHA256[:])
}

// SameProcess reports whether a running child of a is also what b asks for: the
// two differ at most in policy (restart, success_codes, backoff, limit, stop,
// group, after, requires, schedule,
// instances), which is taken live, or in formatting.
func SameProcess(a, b *Spec) bool { return a.Identity == b.Identity }
