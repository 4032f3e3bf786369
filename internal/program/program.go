// Package program is what the command lines of the programs have in common that
// are run as `ncolony NAME`, beside the supervisor's own: exit codes, errors, and
// the flags of helpers.
package program

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/cli"
	"github.com/ncolony/ncolony-go/internal/places"
)

// The exit codes, which are those of ncolony ctl.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Usagef returns an error that says that the command line makes no sense.
func Usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// Coded is an error with an exit code of its own.
type Coded struct {
	Err  error
	Code int
}

func (c *Coded) Error() string { return c.Err.Error() }
func (c *Coded) Unwrap() error { return c.Err }

// Run runs cmd, the root of a program, until TERM or INT, tells its error, and
// returns the exit code. The name of cmd is that by which ncolony knows it.
func Run(cmd *cobra.Command, args []string) int {
	name := cmd.Name()
	cmd.SilenceErrors, cmd.SilenceUsage, cmd.DisableFlagsInUseLine = true, true, true
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "ncolony " + name}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	cmd.SetArgs(args)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	out := cmd.ErrOrStderr()
	fmt.Fprintf(out, "ncolony: %s: %v\n", name, err)
	if _, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintf(out, "hint: see 'ncolony %s --help'\n", name)
		return exitUsage
	}
	if h, ok := errors.AsType[hinted](err); ok {
		fmt.Fprintf(out, "hint: %s\n", h.Hint())
	}
	if c, ok := errors.AsType[*Coded](err); ok {
		return c.Code
	}
	return exitFailed
}

// Version is the release that a build was told of, or else what the toolchain
// knows of the source.
func Version(release string) string {
	if info, ok := debug.ReadBuildInfo(); release == "" && ok {
		return info.Main.Version
	}
	return release
}

// Arguments wants n arguments, called so.
func Arguments(n int, called string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < n:
			return Usagef("argument %s is missing", called)
		case len(args) > n:
			return Usagef("unexpected argument %q", args[n])
		}
		return nil
	}
}

// Flags are those that the supervisor gives each of its helpers: the directories
// of a colony, and the format of the log.
type Flags struct {
	where     places.Flags
	logFormat string
}

// Register adds the flags to a set.
func (f *Flags) Register(fs *pflag.FlagSet) {
	f.where.Register(fs)
	cli.RegisterLogFormat(fs, &f.logFormat)
}

// Places are the directories that the flags name.
func (f *Flags) Places() (spec.Places, error) { return f.where.Find() }

// hinted is an error that knows a way out.
type hinted interface {
	error
	Hint() string
}

// Log returns a log on stderr in the format that was asked for.
func (f *Flags) Log() (*slog.Logger, error) {
	log, err := cli.NewLog(f.logFormat)
	if err != nil {
		return nil, Usagef("%w", err)
	}
	return log, nil
}

// Frequency is the flag by which most helpers are told how often to look at least.
type Frequency struct{ spec.Duration }

// Register adds the flag to a set, with its usage, which tells the default.
func (f *Frequency) Register(fs *pflag.FlagSet, usage string) {
	fs.Var(&f.Duration, "frequency", usage)
	fs.Lookup("frequency").DefValue = "0"
}

// Check refuses what was given and is nothing.
func (f *Frequency) Check(cmd *cobra.Command) error {
	if f.Duration == 0 && cmd.Flags().Changed("frequency") {
		return Usagef("flag --frequency: must be more than 0")
	}
	return nil
}
