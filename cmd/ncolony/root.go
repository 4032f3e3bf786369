package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usagef(cmd, "%w", plainFlagError(err)) })
	root.PersistentFlags().SortFlags = false
	where.Register(root.PersistentFlags())
	root.AddCommand(newCtl(where), newHeart(), newNotify(), newHeartcheck(where))
	for _, extra := range extraCommands {
		root.AddCommand(extra())
	}
	return root
}

// refuseUnknown makes a mistake of what cobra lets pass: a topic of help or a
// shell that there is not. It is for a root that is about to run, for cobra's own
// commands remember where its output goes.
func refuseUnknown(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = func(_ *cobra.Command, topic []string) error {
				at, rest, err := root.Find(topic)
				if err == nil && len(rest) > 0 && at.HasSubCommands() {
					err = unknownCommand(at, rest[0])
				}
				return err
			}
		case "completion":
			cmd.Args = cobra.ArbitraryArgs
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				if len(args) == 0 {
					return usagef(cmd, "the name of a shell is missing")
				}
				return unknownCommand(cmd, args[0])
			}
			for _, shell := range cmd.Commands() {
				shell.Args = noArguments
			}
		}
	}
}

// plainFlagError says of a bad number what it is, and not which function has
// refused it.
func plainFlagError(err error) error {
	bad, ok := errors.AsType[*pflag.InvalidValueError](err)
	if _, number := errors.AsType[*strconv.NumError](err); !ok || !number {
		return err
	}
	return fmt.Errorf("flag --%s: %q is not a whole number that fits", bad.GetFlag().Name, bad.GetValue())
}
