package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ncolony/ncolony-go/internal/cli"
)

// extraCommands make commands that only some builds have.
var extraCommands []func() *cobra.Command

// newRoot builds the tree of the commands of both programs, as help, completion and
// manual pages want it. Only ctl is run here.
func newRoot() *cobra.Command {
	cobra.EnableCommandSorting = false // help lists them as people need them
	where := &placeFlags{}
	root := described(cli.Supervise)
	new(cli.SuperviseFlags).Register(root.Flags())
	heart := described(cli.Heart)
	new(cli.HeartFlags).Register(heart.Flags())
	root.SilenceErrors = true
	root.SilenceUsage = true
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usagef(cmd, "%w", plainFlagError(err)) })
	root.PersistentFlags().SortFlags = false
	where.Register(root.PersistentFlags())
	root.AddCommand(newCtl(where), heart, described(cli.Notify))
	for _, extra := range extraCommands {
		root.AddCommand(extra())
	}
	return root
}

// described is a command of the program ncolony, which runs it.
func described(c cli.Command) *cobra.Command {
	return &cobra.Command{Use: c.Use, Short: c.Short, Long: c.Long, Example: c.Example, DisableFlagsInUseLine: true, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("%s: it is not for ncolony-ctl", cmd.CommandPath())
		}}
}

// unknownCommand is the error about a name that parent has no command for.
func unknownCommand(parent *cobra.Command, name string) error {
	err := about(parent, "", &usageError{fmt.Errorf("unknown command %q", name)})
	if like := parent.SuggestionsFor(name); len(like) > 0 {
		return hinted(err, "did you mean '%s %s'?", parent.CommandPath(), like[0])
	}
	return hinted(err, "see '%s --help'", parent.CommandPath())
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
