// Command ncolony-log keeps what services write. It is a program of its own, and
// the supervisor's helper @log, so that the binary that is PID 1 has nothing in it
// that writes, rotates and compresses output. What is kept, ncolony itself shows.
package main

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/companion"
	"github.com/ncolony/ncolony-go/internal/program"
	"github.com/ncolony/ncolony-go/logs"
)

// version is set by the build of a release: -ldflags "-X main.version=1.2.3".
var version string

func main() {
	args := os.Args[1:]
	cmd := newLog()
	if forwards(args) {
		// Another program does that, which has flags of its own.
		cmd.DisableFlagParsing = true
		cmd.Args, cmd.RunE = nil, func(_ *cobra.Command, args []string) error { return companion.Become("forward", args) }
	}
	os.Exit(program.Run(cmd, args))
}

// forwards reports whether the flag --forward is among args.
func forwards(args []string) bool {
	return slices.ContainsFunc(args, func(arg string) bool { return arg == "--forward" || strings.HasPrefix(arg, "--forward=") })
}

func newLog() *cobra.Command {
	var f program.Flags
	var frequency program.Frequency
	cmd := &cobra.Command{
		Use:   "log [flags]",
		Short: "Keep in files what services write",
		Long: `Keep in files what services write whose spec has the key "log", until TERM or
INT. What is there, 'ncolony ctl logs' shows. The supervisor runs this by itself,
as @log, when a spec needs it, unless it was started with --no-helpers.

With --forward URL it is something else: it sends what is there, and what comes, to
where logs are collected. See 'ncolony forward --help'.`,
		Example: `  ncolony log --root /srv/colony
  ncolony log --forward syslog+tcp://logs.example.org`,
		Version: program.Version(version),
		Args:    program.Arguments(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := frequency.Check(cmd); err != nil {
				return err
			}
			log, err := f.Log()
			if err != nil {
				return err
			}
			p, err := f.Places()
			if err != nil {
				return err
			}
			return logs.Run(cmd.Context(), logs.Options{
				Places: p, Frequency: frequency.D(), Log: log,
				Send: func(m spec.Message) error {
					_, err := ctl.Send(p, m)
					return err
				},
			})
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	frequency.Register(fs, "longest time between two looks at all specs and statuses (default 10s)")
	f.Register(fs)
	return cmd
}
