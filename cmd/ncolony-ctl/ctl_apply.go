package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/words"
)

// applyFlags are the flags of apply.
type applyFlags struct {
	planFlags
	waitFlags
	dryRun bool
	plan   string // file of a plan that was looked at
}

func newApply(where *placeFlags) *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use:   "apply DIR [flags]",
		Short: "Make the specs in a directory those of the colony",
		Long: `Make the specs in DIR those of the colony. Everything is checked before anything
is written, as by 'ctl plan'; then each file that changes is replaced in one step,
what others depend on first and what is removed last. Files that do not change are
not touched. Services that are in the colony alone are kept, but with --prune.

A spec that somebody else changes meanwhile is not overwritten. If not all can be
written, what is written and what is not is told, and the same command goes on
with the rest. With --plan only what was printed by 'ctl plan --json' before is
done: if something else has changed since, nothing is.

Exit codes: 0 done (without --wait: written), 1 failed, or something is wrong with
DIR, 2 usage, 4 timed out, 5 no supervisor to wait for.`,
		Example: `  ncolony ctl apply deploy/config --wait
  ncolony ctl apply deploy/config --prune --dry-run
  ncolony ctl plan deploy/config --json >plan.json && ncolony ctl apply deploy/config --plan plan.json`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := f.dir(cmd, args)
			if err != nil {
				return err
			}
			if !f.wait && cmd.Flags().Changed("timeout") {
				return usagef(cmd, "flag --timeout: needs --wait")
			}
			if f.wait && f.dryRun {
				return usagef(cmd, "flag --wait: excludes --dry-run")
			}
			p, err := where.Find()
			if err != nil {
				return err
			}
			return f.apply(cmd, p, dir)
		},
	}
	f.planFlags.register(cmd)
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "write nothing, and print the plan")
	cmd.Flags().StringVar(&f.plan, "plan", "", "do only what stands in this file, which 'ctl plan --json' has printed")
	cmd.Flags().BoolVar(&f.wait, "wait", false, "wait until what has changed is as it should be")
	f.timeout = spec.Duration(defaultTimeout)
	cmd.Flags().Var(&f.timeout, "timeout", "how long to --wait for all together, 0 = for ever")
	return cmd
}

// applied is what apply --json prints.
type applied struct {
	*ctl.Plan
	Applied  int           `json:"applied"`  // so many of the changes are made, the first ones
	Error    string        `json:"error"`    // why the others are not
	Statuses []spec.Status `json:"statuses"` // with --wait, of what was changed
}

func (f *applyFlags) apply(cmd *cobra.Command, p spec.Places, dir string) error {
	plan, err := f.planFlags.plan(cmd, p, dir)
	if err != nil {
		return err
	}
	if f.dryRun {
		return f.print(cmd, plan)
	}
	tell(cmd.ErrOrStderr(), plan)
	out := applied{Plan: plan, Statuses: []spec.Status{}}
	err = f.verdict(cmd, plan)
	if err == nil {
		err = about(cmd, dir, f.compare(plan))
	}
	if err == nil {
		out.Applied, err = f.write(cmd, p, plan)
	}
	if err != nil {
		out.Error = err.Error()
	}
	errs := []error{err}
	if f.wait && (err == nil || out.Applied > 0) {
		errs = append(errs, f.await(cmd, p, plan.Changes[:out.Applied], &out)...)
	}
	if f.planFlags.json {
		errs = append(errs, printJSON(cmd.OutOrStdout(), out))
	}
	return all(errs...)
}

// compare holds a plan against one that somebody has looked at, if there is one.
func (f *applyFlags) compare(plan *ctl.Plan) error {
	if f.plan == "" {
		return nil
	}
	content, err := os.ReadFile(f.plan)
	if err != nil {
		return err
	}
	old, err := reviewed(content)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.plan, err)
	}
	if names := overtaken(old, plan); len(names) > 0 {
		return hinted(fmt.Errorf("since %s was made something has changed about %s; nothing is written", f.plan, words.SomeOf(names)), "look at a new plan")
	}
	return nil
}

// write makes the changes, and says how many are made.
func (f *applyFlags) write(cmd *cobra.Command, p spec.Places, plan *ctl.Plan) (done int, err error) {
	if len(plan.Changes) > 0 {
		err = plan.Apply(p)
		done = len(plan.Changes)
	}
	failed, partly := errors.AsType[*ctl.ApplyError](err)
	switch {
	case partly:
		done = failed.Done
	case err != nil:
		done = 0
	}
	if !f.planFlags.json {
		tellDone(cmd.OutOrStdout(), plan, done, err)
	}
	switch {
	case partly && done == 0:
		return 0, hinted(about(cmd, failed.Name, fmt.Errorf("%w; nothing is written", explain(failed.Err))), "%s", wayOut(failed.Err))
	case partly:
		var rest []string
		for _, c := range plan.Changes[done:] {
			rest = append(rest, c.Name)
		}
		return done, hinted(about(cmd, failed.Name, fmt.Errorf("%w; not written: %s", explain(failed.Err), strings.Join(rest, ", "))), "%s", wayOut(failed.Err))
	}
	return done, about(cmd, plan.Dir, explain(err))
}

// wayOut is what to do about changes that are not made.
func wayOut(err error) string {
	if errors.Is(err, ctl.ErrChanged) {
		return "look at a new plan; it starts from what is there now"
	}
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](explain(err)); ok {
		return h.Hint()
	}
	return "the same command, once that is mended, goes on with the rest"
}

// tellDone prints what was done.
func tellDone(out io.Writer, plan *ctl.Plan, done int, err error) {
	for _, c := range plan.Changes[:done] {
		text := string(c.Action)
		if keys := keyCell(&c); keys != "" {
			text += " (" + keys + ")"
		}
		fmt.Fprintf(out, "%s: %s: %s\n", c.Name, text, effectText(&c))
	}
	if err == nil {
		fmt.Fprintln(out, planSummary(plan, " ", actionsDone))
		if len(plan.Kept) > 0 {
			fmt.Fprintf(out, "in the colony alone, and kept (--prune removes them): %s\n", strings.Join(plan.Kept, ", "))
		}
	}
}

// await waits for each of the changes to be in force, within one timeout.
func (f *applyFlags) await(cmd *cobra.Command, p spec.Places, changes []ctl.Change, out *applied) (errs []error) {
	if _, alive, err := ctl.Alive(p); err != nil || !alive {
		if err == nil {
			err = hinted(ctl.ErrNoSupervisor, "the specs are written and will be found by the next supervisor")
		}
		return []error{about(cmd, "", explain(err))}
	}
	ctx, cancel := f.context()
	defer cancel()
	for i := range changes {
		c := &changes[i]
		st, text, err := f.settle(ctx, p, c)
		if st != nil {
			out.Statuses = append(out.Statuses, *st)
		}
		if err == nil && !f.planFlags.json {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", c.Name, text)
		}
		errs = append(errs, about(cmd, c.Name, err))
		if errors.Is(err, ctl.ErrNoSupervisor) {
			break // nor is there one for the others
		}
	}
	return errs
}

// settle waits for one change to be in force, and says what has come of it.
func (f *applyFlags) settle(ctx context.Context, p spec.Places, c *ctl.Change) (st *spec.Status, text string, err error) {
	if c.Action == ctl.ActionRemove {
		return nil, "removed", f.waitFlags.explain(explain(ctl.WaitRemoved(ctx, p, c.Name)))
	}
	st, err = ctl.WaitAdded(ctx, p, c.Name, c.Content())
	refused, isRefused := errors.AsType[*ctl.Refused](err)
	switch {
	case err == nil:
		return st, describeState(st), nil
	case isRefused && refused.State == c.State && c.Effect == ctl.Stays && st.SpecSHA256 == c.After:
		return st, "stays " + describeState(st), nil
	case isRefused:
		return st, "", hinted(err, "see 'ncolony ctl explain %s'", c.Name)
	case errors.Is(err, ctl.ErrNoSupervisor):
		return st, "", hinted(err, "the specs are written and will be found by the next supervisor")
	case errors.Is(err, context.DeadlineExceeded):
		late := error(&slow{"done", f.timeout, err})
		if st != nil {
			late = hinted(fmt.Errorf("%w: it is %s", late, describeState(st)), "see 'ncolony ctl explain %s'", c.Name)
		}
		return st, "", late
	}
	return st, "", explain(err)
}
