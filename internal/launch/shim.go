package launch

import (
	"encoding/json"
	"syscall"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// ShimName is what a program is called when it is to be a shim: a process that
// makes of itself what fork cannot make of a child, and then executes the child's
// program. The child pays with one more exec, and only if its spec needs it.
const ShimName = "ncolony-shim"

// Shim is what a shim has to do. It travels as JSON in the argument after its
// name, before those of the program.
type Shim struct {
	Path         string                 `json:"path"` // of the program
	Dir          string                 `json:"dir,omitempty"`
	Report       int                    `json:"report"` // descriptor for what goes wrong, a ShimFault; closed by exec
	Umask        *spec.Mode             `json:"umask,omitempty"`
	Nice         *int                   `json:"nice,omitempty"`
	OOMScoreAdj  *int                   `json:"oom_score_adj,omitempty"`
	Rlimits      map[string]spec.Rlimit `json:"rlimits,omitempty"`
	NoNewPrivs   bool                   `json:"no_new_privs,omitempty"`
	Capabilities []string               `json:"capabilities,omitzero"` // nil: as they come
	Group        int                    `json:"group,omitempty"`       // descriptor of cgroup.procs of the control group to enter
	User         *syscall.Credential    `json:"user,omitempty"`
	ListenPID    bool                   `json:"listen_pid,omitempty"` // LISTEN_PID is its pid
}

// ShimFault is what goes wrong in a shim, on its way to who has started it, as
// JSON.
type ShimFault struct {
	Text  string `json:"text"`
	Class int    `json:"class,omitempty"` // the supervisor's own
}

// ShimFor is the shim that a spec needs, or nil.
func ShimFor(sp *spec.Spec) *Shim {
	if sp.Umask == nil && sp.Nice == nil && sp.OOMScoreAdj == nil && sp.Rlimits == nil && !sp.NoNewPrivs && sp.Capabilities == nil {
		return nil
	}
	return &Shim{Umask: sp.Umask, Nice: sp.Nice, OOMScoreAdj: sp.OOMScoreAdj, Rlimits: sp.Rlimits, NoNewPrivs: sp.NoNewPrivs, Capabilities: sp.Capabilities}
}

// Args are the arguments with which ShimSelf becomes the shim, for a program with
// the arguments argv.
func (s *Shim) Args(argv []string) ([]string, error) {
	plan, err := json.Marshal(s)
	return append([]string{ShimName, string(plan)}, argv...), err
}

// ShimSelf is the program that becomes a shim: ours, if our main function lets it.
const ShimSelf = "/proc/self/exe"
