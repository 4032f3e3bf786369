package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/cli"
	"github.com/ncolony/ncolony-go/internal/places"
)

func newCtl(where *placeFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   cli.Ctl.Name,
		Short: cli.Ctl.Short,
		Long: `Add, remove, restart and look at services, by the same files that a person
or any other program may write and read.

Exit codes: 0 done, 1 failed or refused, 2 usage, 3 no such service,
4 timed out, 5 no supervisor, 6 a difference, for the verbs that compare.`,
		Example: `  ncolony ctl add web --cmd=python3 --arg=-m --arg=http.server
  ncolony ctl status`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(cmd, "a verb is missing")
			}
			return unknownCommand(cmd, args[0])
		},
		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(
		newAdd(where), newRemove(where), newScale(where), newEdit(where), newShow(where), newCheck(where), newImport(),
		newPlan(where), newApply(where), newDiff(where),
		newStatus(where), newExplain(where), newAnalyze(where), newEvents(where), newLogs(where), newWait(where),
		newRestart(where), newStart(where), newStop(where), newSignal(where), newReady(where), newSend(where),
		newRestartAll(where), newRestartGroup(where), newRescan(where), newUpgrade(where), newShutdown(where),
		newSchema(),
	)
	return cmd
}

// nameFlag is the flag --name, which every verb about services takes beside
// its arguments.
type nameFlag struct{ names []string }

func (f *nameFlag) register(cmd *cobra.Command, where *placeFlags) {
	cmd.Flags().StringArrayVar(&f.names, "name", nil, "name of the service, if it is no argument")
	completeNames(cmd, where)
}

// several returns at least one name.
func (f *nameFlag) several(cmd *cobra.Command, args []string) ([]string, error) {
	names := append(append([]string(nil), f.names...), args...)
	if len(names) == 0 {
		return nil, usagef(cmd, "the name of a service is missing")
	}
	return names, nil
}

// one returns exactly one name.
func (f *nameFlag) one(cmd *cobra.Command, args []string) (string, error) {
	names, err := f.several(cmd, args)
	if err == nil && len(names) > 1 {
		err = usagef(cmd, "one name is enough, here are %q", names)
	}
	if err != nil {
		return "", err
	}
	return names[0], nil
}

// waitFlags are the flags of every verb that changes something.
type waitFlags struct {
	wait, json bool
	timeout    spec.Duration
}

// changeCodes end the help of every verb that changes something.
const changeCodes = `

Exit codes: 0 done (without --wait: asked for), 1 failed or refused, 2 usage,
3 no such service, 4 timed out, 5 no supervisor to wait for.`

// defaultTimeout is how long a wait takes at most, unless told otherwise.
const defaultTimeout = time.Minute

func (f *waitFlags) register(cmd *cobra.Command, until string) {
	if cmd.Long == "" {
		cmd.Long = cmd.Short + "."
	}
	cmd.Long += changeCodes
	f.timeout = spec.Duration(defaultTimeout)
	cmd.Flags().BoolVar(&f.wait, "wait", false, "wait until "+until)
	cmd.Flags().Var(&f.timeout, "timeout", "how long to --wait, 0 = for ever")
	cmd.Flags().BoolVar(&f.json, "json", false, "with --wait, print the outcome as JSON")
}

func (f *waitFlags) check(cmd *cobra.Command) error {
	for _, flag := range []string{"timeout", "json"} {
		if !f.wait && cmd.Flags().Changed(flag) {
			return usagef(cmd, "flag --%s: needs --wait", flag)
		}
	}
	return nil
}

func (f *waitFlags) context() (context.Context, context.CancelFunc) {
	if f.timeout == 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), f.timeout.D())
}

// explain says of the end of a wait how long it took.
func (f *waitFlags) explain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &slow{"done", f.timeout, err}
	}
	return err
}

// slow is a deadline in words that help.
type slow struct {
	what  string // that did not come about: "done"
	after spec.Duration
	err   error
}

func (e *slow) Error() string { return fmt.Sprintf("not %s after %s", e.what, e.after) }
func (e *slow) Unwrap() error { return e.err }

// explain makes an error about files readable: whose they are, and what to do.
func explain(err error) error {
	if errors.Is(err, ctl.ErrClash) {
		return hinted(err, "remove one of the two files")
	}
	return places.Denied(err)
}

// note tells a person something that is no failure.
func note(cmd *cobra.Command, format string, args ...any) {
	fmt.Fprintf(cmd.ErrOrStderr(), "ncolony: note: "+format+"\n", args...)
}

// printJSON writes v for a program.
func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(v)
}
