package story

import (
	"fmt"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
)

// health is what the service is asked, and how it has answered.
func (s *Story) health() string {
	if s.spec == nil {
		return ""
	}
	var parts []string
	say := func(name, what string, c *spec.Checks) {
		bad := spec.DefaultMaxBad
		if c.MaxBad != nil {
			bad = *c.MaxBad
		}
		text := fmt.Sprintf("Every %s %s, for which it has %s; it is restarted when that fails", words.Span(c.Period.D()), what, words.Span(c.Limit()))
		if bad > 0 {
			text += fmt.Sprintf(" %d times in a row", bad+1)
		}
		parts = append(parts, text+"."+s.found(name))
	}
	if c := s.spec.HTTPCheck; c != nil {
		say("http", c.URL+" has to answer", &c.Checks)
	}
	if c := s.spec.TCPCheck; c != nil {
		say("tcp", c.Address+" has to accept a connection", &c.Checks)
	}
	if c := s.spec.ExecCheck; c != nil {
		say("exec", fmt.Sprintf("%q has to end with code 0", strings.Join(c.Args, " ")), &c.Checks)
	}
	if len(parts) > 0 && s.alive && s.status != nil && s.status.PID != 0 && !s.status.Watched.Probe {
		parts = append(parts, "But nobody looks at that now.")
	}
	return strings.Join(parts, " ")
}

// found is how a check of the present life went last; "" = none was made.
func (s *Story) found(name string) string {
	if s.status == nil || s.status.PID == 0 {
		return ""
	}
	p, ok := s.status.Probes[name]
	switch {
	case !ok || p.Generation != s.status.Generation:
		return ""
	case p.OK:
		return fmt.Sprintf(" That was well at %s, and has been since %s.", s.at(p.At), p.Since.Local().Format(time.TimeOnly))
	}
	return fmt.Sprintf(" That has failed %s, the last at %s: %s.", words.Counted(p.Bad, "time"), s.at(p.At), p.Error)
}
