package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/story"
	"github.com/ncolony/ncolony-go/internal/words"
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
			p, err := where.Find()
			if err != nil {
				return err
			}
			_, alive, err := ctl.Alive(p)
			if err != nil {
				return about(cmd, name, explain(err))
			}
			if err := ctl.Known(p, name); err != nil {
				return about(cmd, name, explainNoService(explain(err)))
			}
			if services := ctl.Services(p, name); services[0] != name {
				return explainAll(cmd, where, p, name, services, alive)
			}
			s, err := story.Gather(p, name, alive, "ncolony ctl "+where.Again())
			if err != nil {
				return about(cmd, name, explain(err))
			}
			if _, err := cmd.OutOrStdout().Write([]byte(s.Tell(textWidth))); err != nil {
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

// textWidth is how wide lines are at most that are wrapped, on a terminal or not.
const textWidth = 80

// explainAll tells of each instance of a file in a sentence or two.
func explainAll(cmd *cobra.Command, where *placeFlags, p spec.Places, name string, services []string, alive bool) error {
	out := cmd.OutOrStdout()
	again := "ncolony ctl " + where.Again()
	fmt.Fprintln(out, words.Wrapped(fmt.Sprintf("%s has %s.", name, words.Counted(len(services), "instance")), "", "", textWidth))
	for i, service := range services {
		s, err := story.Gather(p, service, alive, again)
		if err != nil {
			return about(cmd, service, explain(err))
		}
		if bad := s.BadSpec(); i == 0 && bad != "" {
			fmt.Fprintln(out, words.Wrapped(bad, "", "", textWidth))
		}
		fmt.Fprintln(out, words.Wrapped(s.InShort(), "  ", "    ", textWidth))
	}
	fmt.Fprintf(out, "\nmore of one:  %sexplain %s\n", again, services[0])
	if !alive {
		return noSupervisor(cmd, p)
	}
	return nil
}
