package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/words"
)

func newWait(where *placeFlags) *cobra.Command {
	var names nameFlag
	f := waitForFlags{goal: goalFlag(ctl.GoalReady)}
	cmd := &cobra.Command{
		Use:   "wait NAME... [flags]",
		Short: "Wait until services are ready, run, have ended or are gone",
		Long: `Wait until services are

    ready    at work: with "ready" in the spec when that has come, else when running
    running  with a process, whether it is ready or not
    exited   ended or stopped, and not to start again by themselves
    gone     no service any more: neither spec nor process

A service that has a spec and is not known to the supervisor yet is waited for.
One that cannot get there by itself, because it is stopped, has ended or failed
for good, has no good spec or waits for such a one, is a failure at once. With
--now there is no waiting: the exit code says whether it is so, as a health check
needs it.

Exit codes: 0 it is so, 1 it is not, or will not be, 2 usage, 3 no such service,
4 timed out, 5 no supervisor.`,
		Example: `  ncolony ctl wait web db
  ncolony ctl wait migrate --for exited --timeout 10m
  ncolony ctl wait web --now`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			names, err := names.several(cmd, args)
			if err != nil {
				return err
			}
			if f.now && cmd.Flags().Changed("timeout") {
				return usagef(cmd, "flag --now: excludes --timeout")
			}
			p, err := where.Find()
			if err != nil {
				return err
			}
			return f.run(cmd, p, names)
		},
	}
	cmd.Flags().SortFlags = false
	names.register(cmd, where)
	cmd.Flags().Var(&f.goal, "for", "what to wait for: ready, running, exited or gone")
	f.timeout = spec.Duration(defaultTimeout)
	cmd.Flags().Var(&f.timeout, "timeout", "how long to wait, 0 = for ever")
	cmd.Flags().BoolVar(&f.now, "now", false, "do not wait, say whether it is so")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the statuses as JSON")
	completeFlag(cmd, "for", func() []string { return goalNames() })
	return cmd
}

type waitForFlags struct {
	goal goalFlag
	now  bool
	waitFlags
}

// goalFlag is a ctl.Goal as a flag.
type goalFlag ctl.Goal

func (g *goalFlag) String() string { return string(*g) }
func (g *goalFlag) Type() string   { return "state" }
func (g *goalFlag) Set(s string) error {
	if !slices.Contains(ctl.Goals, ctl.Goal(s)) {
		return fmt.Errorf("must be %s", words.Listed(goalNames(), "or"))
	}
	*g = goalFlag(s)
	return nil
}

func goalNames() (names []string) {
	for _, g := range ctl.Goals {
		names = append(names, string(g))
	}
	return names
}

// run waits for each of names in turn, within one timeout: what the first takes
// the others need not.
func (f *waitForFlags) run(cmd *cobra.Command, p spec.Places, names []string) error {
	if _, _, err := ctl.Alive(p); err != nil { // one that has only just begun has to clear away old statuses first
		return about(cmd, "", explain(err))
	}
	ctx, cancel := f.context()
	defer cancel()
	statuses := []spec.Status{}
	var errs []error
	for _, name := range f.services(p, names) {
		st, err := f.await(ctx, p, name)
		if st != nil {
			statuses = append(statuses, *st)
		}
		if err == nil && !f.json {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", name, f.outcome(st))
		}
		errs = append(errs, about(cmd, name, f.explainWait(p, name, st, err)))
		if errors.Is(err, ctl.ErrNoSupervisor) {
			break // nor is there one for the others
		}
	}
	if f.json {
		errs = append(errs, printJSON(cmd.OutOrStdout(), statuses))
	}
	return all(errs...)
}

// services are those that names stand for. Of a file with instances all have to
// be what is waited for; to be gone, the file has to be, too.
func (f *waitForFlags) services(p spec.Places, names []string) (all []string) {
	for _, name := range names {
		services := ctl.Services(p, name)
		all = append(all, services...)
		if ctl.Goal(f.goal) == ctl.GoalGone && services[0] != name {
			all = append(all, name)
		}
	}
	return all
}

func (f *waitForFlags) await(ctx context.Context, p spec.Places, name string) (*spec.Status, error) {
	if f.now {
		return ctl.Is(p, name, ctl.Goal(f.goal))
	}
	return ctl.WaitFor(ctx, p, name, ctl.Goal(f.goal))
}

// outcome is what to say of a service for which one has waited.
func (f *waitForFlags) outcome(st *spec.Status) string {
	switch {
	case st == nil:
		return "gone"
	case st.PID == 0 && st.LastExit != nil:
		return fmt.Sprintf("%s, it %s", st.State, words.Exit(st.LastExit))
	}
	return describeState(st)
}

// explainWait says of the end of a wait what the service is doing instead, and
// what one can do.
func (f *waitForFlags) explainWait(p spec.Places, name string, st *spec.Status, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, ctl.ErrNoSupervisor) {
		return explainNoSupervisor(p, err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		late := &slow{string(f.goal), f.timeout, err}
		if st == nil {
			return hinted(late, "the supervisor has not seen it; 'ncolony ctl rescan --wait' makes it look")
		}
		err = fmt.Errorf("%w: it is %s", late, describeState(st))
	} else if hopeless, none := errors.AsType[*ctl.Hopeless](err); none && hopeless.State != spec.Invalid {
		return hinted(err, "'ncolony ctl start %s' starts it", name)
	}
	if st != nil {
		return hinted(err, "see 'ncolony ctl explain %s'", name)
	}
	return explainNoService(explain(err))
}
