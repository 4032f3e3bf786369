// Command ncolony-heartcheck restarts services whose heart has stopped. It is a
// program of its own, and the supervisor's helper @heartcheck.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/heart/check"
	"github.com/ncolony/ncolony-go/internal/program"
)

// version is set by the build of a release: -ldflags "-X main.version=1.2.3".
var version string

func main() { os.Exit(program.Run(newHeartcheck(), os.Args[1:])) }

func newHeartcheck() *cobra.Command {
	var f program.Flags
	var frequency program.Frequency
	cmd := &cobra.Command{
		Use:   "heartcheck [flags]",
		Short: "Restart services whose heartbeat file has stopped changing",
		Long: `Restart services whose heartbeat file has stopped changing, until TERM or INT.
The supervisor runs this by itself, as @heartcheck, when a spec has the key
"ncolony.beatcheck", unless it was started with --no-helpers.`,
		Example: "  ncolony heartcheck --root /srv/colony --frequency 5",
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
			send := func(m spec.Message) error {
				_, err := ctl.Send(p, m)
				return err
			}
			return check.Run(cmd.Context(), check.Options{Places: p, Frequency: frequency.D(), Send: send, Log: log})
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	frequency.Register(fs, "longest time between two looks at a heart (default 10s)")
	f.Register(fs)
	return cmd
}
