// Command ncolony-schedule starts services when they are due, or runs a command
// repeatedly. It is a program of its own, and the supervisor's helper @schedule.
package main

import (
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/program"
	"github.com/ncolony/ncolony-go/schedule"
	"github.com/ncolony/ncolony-go/schedule/repeat"
)

// version is set by the build of a release: -ldflags "-X main.version=1.2.3".
var version string

func main() { os.Exit(program.Run(newSchedule(), os.Args[1:])) }

func newSchedule() *cobra.Command {
	var f program.Flags
	var frequency, timeout, grace spec.Duration
	var argv []string
	cmd := &cobra.Command{
		Use:   "schedule [flags]",
		Short: "Start services when they are due, or run a command repeatedly",
		Long: `Start services when the key "schedule" of their spec says so, until TERM or INT.
The supervisor runs this by itself, as @schedule, when a spec has that key, unless
it was started with --no-helpers.

With --arg it is something else, and has nothing to do with a colony: it runs a
command at once and then every --frequency, ends one that takes longer than
--timeout, and kills one that has not ended --grace later. All four are needed.
TERM and INT end the command that runs, too.`,
		Example: `  ncolony schedule --root /srv/colony
  ncolony schedule --frequency 10 --timeout 2 --grace 1 --arg /bin/echo --arg hello`,
		Version: program.Version(version),
		Args:    program.Arguments(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := f.Log()
			if err != nil {
				return err
			}
			repeated := []string{"frequency", "timeout", "grace", "arg"}
			given := slices.DeleteFunc(slices.Clone(repeated), func(name string) bool { return !cmd.Flags().Changed(name) })
			switch {
			case len(given) == 0:
				p, err := f.Places()
				if err != nil {
					return err
				}
				return schedule.Run(cmd.Context(), schedule.Options{
					Places: p,
					Send:   func(file string, m spec.Message) error { return ctl.SendAs(p, file, m) },
					Log:    log,
				})
			case len(given) < len(repeated):
				missing := slices.DeleteFunc(repeated, func(name string) bool { return slices.Contains(given, name) })
				return program.Usagef("flag --%s: is missing, for there is --%s", missing[0], given[0])
			case frequency == 0:
				return program.Usagef("flag --frequency: must be more than 0")
			case timeout == 0:
				return program.Usagef("flag --timeout: must be more than 0")
			case argv[0] == "":
				return program.Usagef("flag --arg: the first must name a program")
			}
			repeat.Run(cmd.Context(), repeat.Options{Argv: argv, Frequency: frequency.D(), Timeout: timeout.D(), Grace: grace.D(), Log: log})
			return nil
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.Var(&frequency, "frequency", "time from one start of the command to the next")
	fs.Var(&timeout, "timeout", "time after which the command is ended")
	fs.Var(&grace, "grace", "time from then on after which it is killed")
	fs.StringArrayVar(&argv, "arg", nil, "program and arguments of the command (repeatable)")
	for _, name := range []string{"frequency", "timeout", "grace"} {
		fs.Lookup(name).DefValue = "0" // there is no default
	}
	f.Register(fs)
	return cmd
}
