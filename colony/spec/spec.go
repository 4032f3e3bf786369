package spec

import "encoding/hex"

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
type Spec struct {
	Args       []string          `json:"args"`                 // argv; Args[0] without a slash is looked up in PATH
	Env        map[string]string `json:"env,omitzero"`         // the child's environment
	EnvInherit []string          `json:"env_inherit,omitzero"` // names taken from the supervisor's environment; unset = empty
	EnvFile    []string          `json:"env_file,omitzero"`    // files of NAME=value lines, read at each start; "-path" = optional
	UID        *int              `json:"uid,omitempty"`
	GID        *int              `json:"gid,omitempty"`
	User       string            `json:"user,omitempty"`  // name or number; excludes uid
	Groups     []string          `json:"groups,omitzero"` // supplementary groups, names or numbers; nil = the user's own
	Group      []string          `json:"group,omitzero"`  // restart groups
	Cwd        string            `json:"cwd,omitempty"`   // absolute; empty = the supervisor's

	Restart      Restart `json:"restart,omitempty"`
	SuccessCodes []int   `json:"success_codes,omitzero"` // nil = [0]
	Backoff      Backoff `json:"backoff,omitzero"`
	Stop         Stop    `json:"stop,omitzero"`
	Main         bool    `json:"main,omitempty"`
	Stdin        string  `json:"stdin,omitempty"` // StdinNull (default) or StdinInherit
	Log          string  `json:"log,omitempty"`   // LogInherit (default) or LogNull

	// Heart is what @heartcheck and the heart library read; the supervisor
	// only asks whether it is there.
	Heart *Beatcheck `json:"ncolony.beatcheck,omitempty"`

	Raw      []byte   `json:"-"` // the file's bytes, delivered as NCOLONY_CONFIG
	SHA256   [32]byte `json:"-"` // of Raw
	Identity [32]byte `json:"-"` // of everything whose change restarts the service; see SameProcess
	Warnings []string `json:"-"` // what is odd but not wrong, for status
}

// Restart says when a service whose main process has ended is started again.
type Restart string

const (
	RestartAlways    Restart = "always"     // the default
	RestartOnFailure Restart = "on-failure" // unless it exited with one of success_codes
	RestartNever     Restart = "never"
)

// Backoff is the delay before the next start. A life shorter than Threshold
// multiplies the delay by Factor; a longer one restarts at once and resets it.
type Backoff struct {
	Min       *Duration `json:"min,omitempty"` // 0: no delay ever
	Max       *Duration `json:"max,omitempty"`
	Factor    *float64  `json:"factor,omitempty"` // at least 1
	Jitter    *float64  `json:"jitter,omitempty"` // 0..1: the delay is lengthened by up to this share
	Threshold *Duration `json:"threshold,omitempty"`
}

// Stop says how a life is ended.
type Stop struct {
	Signal  Signal    `json:"signal,omitempty"`  // 0 = TERM
	Grace   *Duration `json:"grace,omitempty"`   // from the beginning of the stop to KILL
	Command []string  `json:"command,omitempty"` // run first, as the service, with NCOLONY_PID
	Scope   Scope     `json:"scope,omitempty"`
}

// Scope says which processes of a life a stop is meant for.
type Scope string

const (
	ScopeAll   Scope = "all"   // the main process first, what it leaves behind afterwards (the default)
	ScopeGroup Scope = "group" // the whole process group at once
	ScopeMain  Scope = "main"  // the main process; the rest is left alone
)

// Values of Spec.Stdin and Spec.Log. An absent log means LogInherit.
const (
	StdinNull    = "null"
	StdinInherit = "inherit"
	LogInherit   = ""
	LogNull      = "null"
)

// Beatcheck is the key "ncolony.beatcheck": the service promises to change the
// mtime of a heartbeat file at least once a period.
type Beatcheck struct {
	Period Duration `json:"period"`
	Grace  float64  `json:"grace"`  // in periods, counted from each start of the service
	Status string   `json:"status"` // the heartbeat file, or a directory that holds one named after the service
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
// two differ at most in policy (restart, success_codes, backoff, stop, group),
// which is taken live, or in formatting.
func SameProcess(a, b *Spec) bool { return a.Identity == b.Identity }
