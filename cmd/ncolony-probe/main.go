// Command ncolony-probe checks whether services are well, over HTTP, TCP and by
// programs. It is a program of its own, and the supervisor's helper @probe, so
// that the binary that is PID 1 links no HTTP and no TLS.
package main

import (
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony"
	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/program"
	"github.com/ncolony/ncolony-go/probe"
)

// version is set by the build of a release: -ldflags "-X main.version=1.2.3".
var version string

// agent is how we call ourselves where we ask.
func agent() string { return "ncolony-probe/" + program.Version(version) }

// The first thread never forks, so that its children are those that the kernel has
// given us: what checks have left.
func init() { runtime.LockOSThread() }

func main() {
	colony.Shim(os.Args) // returns if we are none
	code := make(chan int)
	go func() { code <- program.Run(newProbe(), os.Args[1:]) }()
	os.Exit(<-code)
}

// noService says that there is nothing to be checked under that name.
func noService(err error) error { return &program.Coded{Err: err, Code: 3} }

func newProbe() *cobra.Command {
	var f program.Flags
	var o probe.Options
	var frequency program.Frequency
	cmd := &cobra.Command{
		Use:   "probe [flags]",
		Short: "Check services, and have those restarted that are not well",
		Long: `Check services over HTTP, TCP and by programs, as their specs ask for, until TERM
or INT: have those restarted that are not well, and tell when one is ready. The
supervisor runs this by itself, as @probe, when a spec has one of the keys
"ncolony.httpcheck", "ncolony.tcpcheck" and "ncolony.execcheck", or "ready" with
http, tcp or exec, unless it was started with --no-helpers.

What was found is in state/probe/NAME.json, and in 'ncolony ctl explain NAME'.`,
		Example: `  ncolony probe --root /srv/colony
  ncolony probe once web
  ncolony probe check http http://localhost:8080/healthz --status 200`,
		Version: agent(),
		Args:    program.Arguments(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := frequency.Check(cmd); err != nil {
				return err
			}
			for name, n := range map[string]int{"connections": o.Connections, "programs": o.Programs} {
				if n < 1 {
					return program.Usagef("flag --%s: must be at least 1", name)
				}
			}
			if o.Log, err = f.Log(); err != nil {
				return err
			}
			if o.Places, err = f.Places(); err != nil {
				return err
			}
			o.Frequency, o.Agent = frequency.D(), agent()
			o.Send = func(m spec.Message) error {
				_, err := ctl.Send(o.Places, m)
				return err
			}
			return probe.Run(cmd.Context(), o)
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	frequency.Register(fs, "longest time between two scans of the config directory (default 10s)")
	fs.IntVar(&o.Connections, "connections", 500, "checks over the network at once")
	fs.IntVar(&o.Programs, "programs", 20, "checks by programs at once")
	f.Register(fs)
	cmd.AddCommand(newOnce(), newCheck())
	return cmd
}
