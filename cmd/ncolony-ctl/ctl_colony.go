package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// newColonyWide makes a command that asks one thing of the colony as a whole.
func newColonyWide(where *placeFlags, cmd *cobra.Command, ask spec.Type, until string) *cobra.Command {
	var reason string
	var w waitFlags
	cmd.DisableFlagsInUseLine = true
	cmd.Args = noArguments
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.request(cmd, where, spec.Message{Type: ask, Reason: reason})
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the events")
	w.register(cmd, until)
	return cmd
}

func newRestartAll(where *placeFlags) *cobra.Command {
	return newColonyWide(where, &cobra.Command{
		Use:     "restart-all [flags]",
		Short:   "Restart every service that is not stopped",
		Example: "  ncolony ctl restart-all --wait",
	}, spec.RestartAll, "the new processes run")
}

func newRescan(where *placeFlags) *cobra.Command {
	return newColonyWide(where, &cobra.Command{
		Use:     "rescan [flags]",
		Short:   "Have the directories read now, and believe that what is not there shall not run",
		Example: "  ncolony ctl rescan --wait",
	}, spec.Rescan, "they have been read")
}

func newRestartGroup(where *placeFlags) *cobra.Command {
	var name nameFlag
	var group, reason string
	var w waitFlags
	cmd := &cobra.Command{
		Use:                   "restart-group GROUP [flags]",
		Short:                 "Restart every service of a restart group that is not stopped",
		Example:               "  ncolony ctl restart-group web --wait",
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("group") {
				args = append(args, group)
			}
			args = append(args, name.names...)
			if len(args) != 1 {
				return usagef(cmd, "the name of one group is needed, here are %d", len(args))
			}
			return w.request(cmd, where, spec.Message{Type: spec.RestartGroup, Group: args[0], Reason: reason})
		},
	}
	cmd.Flags().SortFlags = false
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return restartGroups(where), cobra.ShellCompDirectiveNoFileComp
	}
	cmd.Flags().StringVar(&group, "group", "", "name of the group, if it is no argument")
	cmd.Flags().StringArrayVar(&name.names, "name", nil, "the same as --group")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the events")
	for _, flag := range []string{"group", "name"} {
		completeFlag(cmd, flag, func() []string { return restartGroups(where) })
	}
	w.register(cmd, "the new processes run")
	return cmd
}

func newShutdown(where *placeFlags) *cobra.Command {
	var reason string
	var w waitFlags
	cmd := &cobra.Command{
		Use:                   "shutdown [flags]",
		Short:                 "Stop every service, then the supervisor",
		Example:               "  ncolony ctl shutdown --wait",
		DisableFlagsInUseLine: true,
		Args:                  noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := w.check(cmd); err != nil {
				return err
			}
			p, err := where.Find()
			if err != nil {
				return err
			}
			pid, alive, aliveErr := ctl.Alive(p)
			if w.wait && aliveErr != nil {
				return about(cmd, "", explain(aliveErr))
			}
			file, err := ctl.Send(p, spec.Message{Type: spec.Shutdown, Reason: reason})
			if err != nil {
				return about(cmd, "", explain(err))
			}
			if !alive {
				return w.queued(cmd, "", p, aliveErr)
			}
			if !w.wait {
				return nil
			}
			ctx, cancel := w.context()
			defer cancel()
			err = ctl.WaitEnded(ctx, p, pid, file)
			if err == nil && !w.json {
				fmt.Fprintln(cmd.OutOrStdout(), "the supervisor has ended")
			}
			if w.json {
				_, still, _ := ctl.Alive(p)
				err = errors.Join(err, printJSON(cmd.OutOrStdout(), map[string]bool{"alive": still}))
			}
			return about(cmd, "", w.explain(explain(err)))
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the events")
	w.register(cmd, "the supervisor has ended")
	return cmd
}

// noArguments is cobra's NoArgs as a usage error.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef(cmd, "unexpected argument %q", args[0])
	}
	return nil
}
