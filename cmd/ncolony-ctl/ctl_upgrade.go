package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func newUpgrade(where *placeFlags) *cobra.Command {
	var reason string
	var w waitFlags
	cmd := &cobra.Command{
		Use:   "upgrade [PATH] [flags]",
		Short: "Have another program take the supervisor's place, and keep every service",
		Long: `Have another program take the supervisor's place, in the same process: every
service goes on, with its pid, and so do delays, stops and requests under way.
Without PATH it is the program that stands now where the supervisor's did.

The new program is first asked whether it can read the supervisor's state. One
that cannot, or that does not take over, changes nothing.

Exit codes: 0 done, 1 refused or failed, 2 usage, 4 timed out, 5 no supervisor.`,
		Example: `  ncolony ctl upgrade --wait
  ncolony ctl upgrade /opt/ncolony-2.0/ncolony --wait`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			m := spec.Message{Type: spec.Upgrade, Reason: reason}
			switch len(args) {
			case 0:
			case 1:
				path, err := filepath.Abs(args[0]) // the supervisor has another directory
				if err != nil {
					return about(cmd, args[0], err)
				}
				m.Path = path
			default:
				return usagef(cmd, "unexpected argument %q", args[1])
			}
			return w.request(cmd, where, m)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the events")
	w.register(cmd, "the new program supervises")
	return cmd
}
