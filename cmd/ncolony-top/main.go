// Command ncolony-top shows a colony on a terminal, to be looked at and acted upon.
// It is a program of its own, so that the binary that is PID 1 has nothing in it
// that draws.
package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/internal/places"
	"github.com/ncolony/ncolony-go/internal/program"
	"github.com/ncolony/ncolony-go/internal/terminal"
	"github.com/ncolony/ncolony-go/top"
)

// version is set by the build of a release: -ldflags "-X main.version=1.2.3".
var version string

func main() { os.Exit(program.Run(newTop(), os.Args[1:])) }

func newTop() *cobra.Command {
	var where places.Flags
	cmd := &cobra.Command{
		Use:   "top [flags]",
		Short: "Show a colony on the terminal, and act on it",
		Long: `Show a colony on the terminal: what is wrong first, then all services. Keys sort
and filter them, show one in detail, follow its output, and restart, start or stop
it after a question; ? tells them all. It goes on while no supervisor runs, with
what the last one said. NO_COLOR turns colours off.

Exit codes: 0 ended by q or a signal, 1 the colony cannot be read or there is no
terminal, 2 usage.`,
		Example: "  ncolony top --root /srv/colony",
		Version: program.Version(version),
		Args:    program.Arguments(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := where.Find()
			if err != nil {
				return err
			}
			if !terminal.Is(os.Stdin) || !terminal.Is(os.Stdout) {
				return errNoTerminal{}
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP, syscall.SIGQUIT)
			defer stop()
			err = top.Run(ctx, top.Options{Places: p, Command: "ncolony ctl " + where.Again()})
			if ctx.Err() != nil { // then the terminal may be gone, too
				return nil
			}
			return places.Denied(err)
		},
	}
	cmd.Flags().SortFlags = false
	where.Register(cmd.Flags())
	return cmd
}

// errNoTerminal says that nobody could look.
type errNoTerminal struct{}

func (errNoTerminal) Error() string { return "standard input and output have to be a terminal" }
func (errNoTerminal) Hint() string {
	return "'ncolony ctl status --watch' tells what changes, line by line"
}
