package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ncolony/ncolony-go/internal/program"
)

// execPlugin becomes the program ncolony-NAME if args call for a command NAME
// that root has not. It returns nil when they call for one that root has, or for
// none.
func execPlugin(root *cobra.Command, args []string) error {
	at := commandAt(root, args)
	if at < 0 || isCommand(root, args[at]) {
		return nil
	}
	name := args[at]
	if program.Find(name) == "" && !slices.Contains(companions, name) {
		return unknownCommand(root, name)
	}
	// Flags before the name are for the program as much as those behind it.
	return program.Become(name, slices.Delete(slices.Clone(args), at, at+1))
}

// companions are the commands that are programs of their own.
var companions = []string{"forward", "import", "log", "probe", "schedule", "serve", "top"}

// commandAt is the place in args of the first that is neither a flag nor its
// value; -1 if there is none before "--", or if there is a flag that root does
// not know and shall complain about itself.
func commandAt(root *cobra.Command, args []string) int {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			return -1
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			return i
		case strings.HasPrefix(arg, "--"):
			name, _, hasValue := strings.Cut(arg[2:], "=")
			flag := lookup(root, name)
			if flag == nil {
				return -1
			}
			if !hasValue && flag.NoOptDefVal == "" {
				i++
			}
		default:
			takesNext, known := shorthands(root, arg[1:])
			if !known {
				return -1
			}
			if takesNext {
				i++
			}
		}
	}
	return -1
}

// shorthands reads a cluster of one-letter flags: whether the last of them
// takes the next argument as its value, and whether all are known.
func shorthands(root *cobra.Command, letters string) (takesNext, known bool) {
	for i := range letters {
		flag := root.Flags().ShorthandLookup(letters[i : i+1])
		if flag == nil {
			return false, false
		}
		if flag.NoOptDefVal == "" {
			return i == len(letters)-1, true // else the rest is its value
		}
	}
	return false, true
}

func lookup(root *cobra.Command, name string) *pflag.Flag {
	if flag := root.Flags().Lookup(name); flag != nil {
		return flag
	}
	return root.PersistentFlags().Lookup(name)
}

// isCommand includes the commands that cobra adds only when it runs.
func isCommand(root *cobra.Command, name string) bool {
	switch name {
	case "help", "completion", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd:
		return true
	}
	return slices.ContainsFunc(root.Commands(), func(c *cobra.Command) bool { return c.Name() == name || c.HasAlias(name) })
}

// unknownCommand is the error about a name that parent has no command for.
func unknownCommand(parent *cobra.Command, name string) error {
	err := about(parent, "", &usageError{fmt.Errorf("unknown command %q", name)})
	if like := parent.SuggestionsFor(name); len(like) > 0 {
		return hinted(err, "did you mean '%s %s'?", parent.CommandPath(), like[0])
	}
	if !parent.HasParent() {
		return hinted(err, "to supervise a command of your own write 'ncolony -- %s'; see also 'ncolony --help'", name)
	}
	return hinted(err, "see '%s --help'", parent.CommandPath())
}
