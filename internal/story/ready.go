package story

import (
	"fmt"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
)

// readiness is how the service becomes ready, and how far it has got.
func (s *Story) readiness() string {
	if s.spec == nil || s.spec.Ready == nil {
		return ""
	}
	r := s.spec.Ready
	how, seen := readyWhen(r)
	text := "It is ready when " + how + "."
	if !seen {
		text += " No helper looks at that yet; a READY message has to say it."
	}
	st := s.status
	if s.nobodyAsks() {
		text += " But nobody looks at that now."
	}
	switch {
	case st == nil:
	case st.State == spec.Starting && st.PID != 0 && st.Started != nil:
		text += fmt.Sprintf(" That has not been so since its start at %s.", s.at(*st.Started))
		if p, ok := st.Probes["ready"]; ok && !p.OK && p.Generation == st.Generation {
			text += fmt.Sprintf(" The last answer, at %s, was: %s.", s.at(p.At), p.Error)
		}
		if limit := r.Limit(); limit > 0 {
			text += fmt.Sprintf(" If it is not so by %s", s.at(st.Started.Add(limit)))
			if r.Notify {
				text += ", or by when it asks for"
			}
			text += ", the start has failed."
		} else {
			text += " It may take as long as it wants."
		}
	case st.Ready && st.ReadyAt != nil && st.Started != nil:
		text += fmt.Sprintf(" That was at %s, %s after its start.", s.at(*st.ReadyAt), words.Span(st.ReadyAt.Sub(*st.Started)))
	}
	return text
}

// nobodyAsks says that the service is not ready, and that @probe, which would see
// it, does not look.
func (s *Story) nobodyAsks() bool {
	st, r := s.status, s.spec.Ready
	return st != nil && s.alive && st.PID != 0 && !st.Ready && !st.Watched.Probe && (r.HTTP != nil || r.TCP != "" || r.Exec != nil)
}

// readyWhen says when a service is ready, and whether there is anybody who sees
// it.
func readyWhen(r *spec.Readiness) (how string, seen bool) {
	switch {
	case r.Notify:
		return "it says READY=1 to the socket in NOTIFY_SOCKET (sd_notify)", true
	case r.FD != 0:
		return fmt.Sprintf("it writes a newline to descriptor %d", r.FD), true
	case r.Beat:
		return "its heartbeat file changes for the first time", true
	case r.File != "":
		return "it makes or changes " + r.File, true
	case r.Log != "":
		return fmt.Sprintf("a line of its output matches %q", r.Log), true
	case r.HTTP != nil:
		return r.HTTP.URL + " answers well", true
	case r.TCP != "":
		return r.TCP + " accepts connections", true
	}
	return fmt.Sprintf("%q ends with code 0", strings.Join(r.Exec, " ")), true
}

// watchdog is how often the service has to show that it does not hang, and when it
// has not.
func (s *Story) watchdog() string {
	var parts []string
	if s.spec != nil && s.spec.Watchdog != nil {
		text := fmt.Sprintf("From when it is ready it says WATCHDOG=1 (sd_notify) every %s at least, or it is ended as failed", words.Span(s.spec.Watchdog.D()))
		if dump := s.spec.Stop.Dump; dump != 0 {
			text += fmt.Sprintf("; %s is sent first, for it to write down what it is doing", dump)
		}
		parts = append(parts, text+".")
	}
	if st := s.status; st != nil && st.LastExit != nil && strings.Contains(st.LastExit.Reason, "WATCHDOG") {
		parts = append(parts, fmt.Sprintf("It has missed that last in the life that ended at %s: %s.", s.at(st.LastExit.At), st.LastExit.Reason))
	}
	return strings.Join(parts, " ")
}

// limit is how many restarts there were, and how many there may be.
func (s *Story) limit() string {
	if s.spec == nil || s.spec.Limit == nil {
		return ""
	}
	l := s.spec.Limit
	within := l.Within.D()
	then := "it is failed until somebody starts it"
	switch {
	case l.Then.Retry > 0:
		then = "it is failed for " + words.Span(l.Then.Retry.D()) + ", and then begins anew"
	case l.Then.Action == spec.ThenShutdown:
		then = "the colony ends"
	}
	count, oldest := 0, s.now
	if s.status != nil {
		for _, at := range s.status.Failures {
			if s.now.Sub(at) < within {
				count++
				if at.Before(oldest) {
					oldest = at
				}
			}
		}
	}
	if count > l.Restarts {
		return fmt.Sprintf("It was to be started again more than %s within %s, and so %s.", words.Counted(l.Restarts, "time"), words.Span(within), then)
	}
	text := fmt.Sprintf("%d of %d restarts within %s", count, l.Restarts, words.Span(within))
	if count > 0 {
		text += fmt.Sprintf("; the oldest is forgotten in %s", words.Ago(oldest.Add(within).Sub(s.now)))
	}
	return fmt.Sprintf("%s. With one more than %d %s.", text, l.Restarts, then)
}

// says is what the service tells of itself.
func (s *Story) says() string {
	if s.status == nil {
		return ""
	}
	var parts []string
	if s.status.StatusText != "" {
		parts = append(parts, fmt.Sprintf("%q.", s.status.StatusText))
	}
	if s.status.Reloading {
		parts = append(parts, "It reads its configuration anew (RELOADING=1).")
	}
	return strings.Join(parts, " ")
}

// retried says that a failed service is tried again by itself.
func (s *Story) retried() bool {
	return s.status != nil && s.status.State == spec.Failed && s.status.NextStart != nil
}

// blocked says that the service has failed because of a job that it comes after.
func (s *Story) blocked() bool {
	return s.status != nil && s.status.State == spec.Failed && len(s.status.WaitingFor) > 0
}
