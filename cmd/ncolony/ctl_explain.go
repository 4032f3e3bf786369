package main

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

func newExplain(where *placeFlags) *cobra.Command {
	var name nameFlag
	cmd := &cobra.Command{
		Use:   "explain NAME [flags]",
		Short: "Say in words what a service is doing, why, and what comes next",
		Long: `Say in words what a service is doing and why, what comes next, what is wrong
with its spec, by which policy it is kept, and what you can do. Without a
supervisor it is about what the last one said, and the exit code is 5.

Exit codes: 0 explained, 1 cannot be read, 3 no such service, 5 no supervisor.`,
		Example:               "  ncolony ctl explain web",
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := name.one(cmd, args)
			if err != nil {
				return err
			}
			p, err := where.places()
			if err != nil {
				return err
			}
			alive, err := settled(p)
			if err != nil {
				return about(cmd, name, explain(err))
			}
			if err := ctl.Known(p, name); err != nil {
				return about(cmd, name, explainNoService(explain(err)))
			}
			s, err := gather(p, name, alive)
			if err != nil {
				return about(cmd, name, explain(err))
			}
			s.ctl = "ncolony ctl " + where.again()
			if _, err := cmd.OutOrStdout().Write([]byte(s.tell())); err != nil {
				return err
			}
			if !alive {
				return noSupervisor(cmd, p)
			}
			return nil
		},
	}
	name.register(cmd, where)
	return cmd
}

// again are the flags by which the same colony is found once more, with a space
// behind them; "" if none was given.
func (f *placeFlags) again() (flags string) {
	for _, flag := range []struct{ name, value string }{
		{"root", f.Root}, {"config", f.Config}, {"messages", f.Messages}, {"state", f.State},
	} {
		if flag.value != "" {
			flags += "--" + flag.name + " " + shellWord(flag.value) + " "
		}
	}
	return flags
}

// shellWord is s as a shell takes it for one word.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._+-@:,=", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// recent is how many events an explanation ends with.
const recent = 5

// gather collects what there is to know of a service.
func gather(p spec.Places, name string, alive bool) (*story, error) {
	s := &story{name: name, now: time.Now(), alive: alive, helper: strings.HasPrefix(name, "@"), look: neighbours(p)}
	var err error
	if s.status, err = ctl.StatusOf(p, name); err != nil && !errors.Is(err, ctl.ErrNoService) {
		return nil, err
	}
	if c, err := colonyOf(p); err == nil && c != nil {
		s.draining = c.Draining
	}
	if s.stop, err = ctl.StopNote(p, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.stopUnknown = explain(err)
	}
	if !s.helper {
		s.readSpec(p)
	}
	last := recent
	err = ctl.Events(context.Background(), p, ctl.EventOptions{Names: []string{name}, Last: &last}, func(e spec.Event, _ []byte) error {
		s.events = append(s.events, e)
		return nil
	})
	if err != nil {
		s.eventsUnknown = explain(err)
	}
	return s, nil
}

// readSpec looks at the file, good or not.
func (s *story) readSpec(p spec.Places) {
	content, path, err := ctl.Spec(p, s.name)
	s.path = path
	if err != nil {
		s.specErr = explain(err)
		return
	}
	var r ctl.Report
	r.Content(path, content)
	for _, f := range r.Findings {
		if !f.Warning {
			s.problems = append(s.problems, f.String())
		}
	}
	s.spec, s.specErr = spec.Parse(content)
}
