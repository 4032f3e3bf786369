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

// parse reads the flags before the first argument that is none, and returns the
// arguments.
func parse(fs *pflag.FlagSet, cmd cli.Command, args []string) ([]string, error) {
	fs.SetInterspersed(false)
	fs.Usage = func() {}
	if err := fs.Parse(args); err != nil && !errors.Is(err, pflag.ErrHelp) {
		return nil, usagef(cmd, "%w", err)
	} else if err != nil {
		return nil, err
	}
	return fs.Args(), nil
}

// help says what a command is for. Of the companions ctl, the first, is told by itself.
func help(fs *pflag.FlagSet, cmd cli.Command) error {
	var b strings.Builder
	use := cmd.Use
	if cmd.Name != cli.Supervise.Name {
		use = "ncolony " + use
	}
	fmt.Fprintf(&b, "%s\n\nUsage:\n  %s\n\nExamples:\n%s\n", cmd.Long, use, cmd.Example)
	if cmd.Name == cli.Supervise.Name {
		b.WriteString("\nCommands:\n")
		for _, c := range []cli.Command{{Name: "ctl", Short: "Add, remove, restart and look at services"}, cli.Heart, cli.Notify} {
			fmt.Fprintf(&b, "  %-8s %s\n", c.Name, c.Short)
		}
		fmt.Fprintf(&b, "  %-8s %s\n", "NAME", "One of the programs "+strings.Join(companions[1:], ", ")+":\n           'ncolony NAME --help'")
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
	case topic[0] != "ctl" && companion.Find(topic[0]) != "":
		return companion.Become(topic[0], append(topic[1:], "--help"))
	}
	return companion.Become("ctl", append([]string{"help"}, topic...)) // which knows what there is
}
