package spec

import "fmt"

// String says in a few words how the life ended: "exit 3", "signal KILL (core
// dumped)", "signal KILL (out of memory)", "could not start: ...", "unknown"; and why, if the
// supervisor has ended it: "signal TERM, not ready after 1m0s".
func (e Exit) String() string {
	s := e.ending()
	if e.Reason != "" {
		s += ", " + e.Reason
	}
	return s
}

func (e Exit) ending() string {
	switch {
	case e.Code != nil:
		return fmt.Sprintf("exit %d", *e.Code)
	case e.SpawnError != "":
		return "could not start: " + e.SpawnError
	case e.Signal == "":
		return "unknown"
	}
	s := "signal " + e.Signal
	if e.Core {
		s += " (core dumped)"
	}
	if e.OOM {
		s += " (out of memory)"
	}
	return s
}
