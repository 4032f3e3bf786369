package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ncolony/ncolony-go/internal/cli"
	"github.com/ncolony/ncolony-go/internal/companion"
)

// with reads the flags before the first argument that is none, and runs a command with
// its arguments, unless only its help was asked for.
func with(fs *pflag.FlagSet, cmd cli.Command, args []string, run func(args []string) error) error {
	fs.SetInterspersed(false)
	fs.Usage = func() {}
	switch err := fs.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		return help(fs, cmd)
	case err != nil:
		return usagef(cmd, "%w", err)
	}
	return run(fs.Args())
}

// help says what a command is for.
func help(fs *pflag.FlagSet, cmd cli.Command) error {
	var b strings.Builder
	use := cmd.Use
	if cmd.Name != cli.Supervise.Name {
		use = "ncolony " + use
	}
	fmt.Fprintf(&b, "%s\n\nUsage:\n  %s\n\nExamples:\n%s\n", cmd.Long, use, cmd.Example)
	if cmd.Name == cli.Supervise.Name {
		b.WriteString("\nCommands:\n")
		for _, c := range []cli.Command{cli.Ctl, cli.Heart, cli.Notify} {
			fmt.Fprintf(&b, "  %-8s %s\n", c.Name, c.Short)
		}
		fmt.Fprintf(&b, "  %-8s %s\n", "NAME", "One of the programs "+strings.Join(companions, ", ")+":\n           'ncolony NAME --help'")
	}
	if flags := fs.FlagUsages(); flags != "" {
		b.WriteString("\nFlags:\n" + flags)
	}
	_, err := os.Stdout.WriteString(b.String())
	return err
}

// runHelp is `ncolony help [NAME...]`.
func runHelp(topic []string) error {
	switch {
	case len(topic) == 0:
		return run([]string{"--help"})
	case topic[0] == cli.Heart.Name || topic[0] == cli.Notify.Name:
		return run([]string{topic[0], "--help"})
	case topic[0] != cli.Ctl.Name && companion.Find(topic[0]) != "":
		return companion.Become(topic[0], append(topic[1:], "--help"))
	}
	return companion.Become(cli.Ctl.Name, append([]string{"help"}, topic...)) // which knows what there is
}
