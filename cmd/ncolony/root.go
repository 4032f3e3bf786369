package main

import (
	"github.com/spf13/cobra"
)

// extraCommands make commands that only some builds have.
var extraCommands []func() *cobra.Command

// newRoot builds the tree of commands. Only what the command line says runs.
func newRoot() *cobra.Command {
	cobra.EnableCommandSorting = false // help lists them as people need them
	where := &placeFlags{}
	root := newSupervise(where, &superviseFlags{})
	root.SilenceErrors = true
	root.SilenceUsage = true
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usagef(cmd, "%w", err) })
	root.PersistentFlags().SortFlags = false
	where.register(root.PersistentFlags())
	root.AddCommand(newCtl(where), newHeart(), newHeartcheck(where))
	for _, extra := range extraCommands {
		root.AddCommand(extra())
	}
	return root
}
