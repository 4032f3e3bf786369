package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/words"
)

// planFlags are the flags of plan and apply.
type planFlags struct {
	prune, strict, json bool
}

func (f *planFlags) register(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&f.prune, "prune", false, "remove the services that are in the colony alone")
	cmd.Flags().BoolVar(&f.strict, "strict", false, "take warnings for errors")
	cmd.Flags().BoolVar(&f.json, "json", false, "print it as JSON")
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
}

// dir is the one argument.
func (f *planFlags) dir(cmd *cobra.Command, args []string) (string, error) {
	switch {
	case len(args) == 0:
		return "", usagef(cmd, "the name of a directory is missing")
	case len(args) > 1:
		return "", usagef(cmd, "one directory is enough, here are %q", args)
	case args[0] == "":
		return "", usagef(cmd, "the name of the directory is empty")
	}
	return args[0], nil
}

// plan makes a plan. The error has nothing to say about one that is bad; see
// verdict.
func (f *planFlags) plan(cmd *cobra.Command, p spec.Places, dir string) (*ctl.Plan, error) {
	plan, err := ctl.NewPlan(p, dir, f.prune)
	if errors.Is(err, ctl.ErrEmpty) {
		err = hinted(err, "'ncolony ctl remove NAME...' does that")
	}
	return plan, about(cmd, dir, explain(err))
}

// verdict says what is wrong with a plan; nil = it can be applied.
func (f *planFlags) verdict(cmd *cobra.Command, plan *ctl.Plan) error {
	if plan.Errors() == 0 && (!f.strict || plan.Warnings() == 0) {
		return nil
	}
	found := words.Counted(plan.Errors(), "problem")
	if plan.Warnings() > 0 {
		found += ", " + words.Counted(plan.Warnings(), "warning")
	}
	return about(cmd, plan.Dir, errors.New(found))
}

// tell prints what is wrong and odd.
func tell(w io.Writer, plan *ctl.Plan) {
	for _, finding := range plan.Findings {
		fmt.Fprintln(w, words.OneLine(finding.String()))
	}
}

func newPlan(where *placeFlags) *cobra.Command {
	var f planFlags
	var exitCode bool
	cmd := &cobra.Command{
		Use:   "plan DIR [flags]",
		Short: "Say what 'ctl apply DIR' would do",
		Long: `Say what it takes to make the specs in DIR those of the colony, in the order in
which it would be done, and what the supervisor would make of it. Nothing is
written, and no supervisor is needed.

Every file of DIR is checked, by itself and with all others: what is wrong is told
as FILE:LINE:COLUMN: text on standard error, and there is no plan then. Users,
groups and programs that this machine does not have are errors if a supervisor
would miss them at once, and else warnings.

Exit codes: 0 the plan is made, 1 something is wrong with DIR, 2 usage; with
--exit-code, 6 if there is something to do.`,
		Example: `  ncolony ctl plan deploy/config
  ncolony ctl plan deploy/config --prune --exit-code --strict
  ncolony ctl plan deploy/config --json | jq -r '.changes[] | select(.effect == "restarts").name'`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := f.dir(cmd, args)
			if err != nil {
				return err
			}
			p, err := where.Find()
			if err != nil {
				return err
			}
			plan, err := f.plan(cmd, p, dir)
			if err != nil {
				return err
			}
			if err := f.print(cmd, plan); err != nil {
				return err
			}
			if exitCode && len(plan.Changes) > 0 {
				return &codeError{exitChanges, nil}
			}
			return nil
		},
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&exitCode, "exit-code", false, "exit with 6 if there is something to do")
	return cmd
}

// print tells a plan. The error is its verdict.
func (f *planFlags) print(cmd *cobra.Command, plan *ctl.Plan) error {
	tell(cmd.ErrOrStderr(), plan)
	err := f.verdict(cmd, plan)
	if f.json {
		return all(err, printJSON(cmd.OutOrStdout(), plan))
	}
	if err != nil {
		return err
	}
	return printPlan(cmd.OutOrStdout(), plan)
}

// printPlan is a plan for people.
func printPlan(out io.Writer, plan *ctl.Plan) error {
	if len(plan.Changes) > 0 {
		if err := planTable(plan).write(out, wantsColour(out)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(out, planSummary(plan, " to ", actionsToDo))
	if err == nil && len(plan.Kept) > 0 {
		_, err = fmt.Fprintf(out, "in the colony alone, and kept (--prune removes them): %s\n", strings.Join(plan.Kept, ", "))
	}
	return err
}

func planTable(plan *ctl.Plan) *table {
	t := &table{}
	t.add(cell{"ACTION", bold}, cell{"NAME", bold}, cell{"KEYS", bold}, cell{"WHAT HAPPENS", bold})
	for i := range plan.Changes {
		c := &plan.Changes[i]
		keys := keyCell(c)
		if keys == "" {
			keys = "-"
		}
		t.add(cell{string(c.Action), actionColours[c.Action]}, cell{text: c.Name}, cell{text: keys}, cell{text: effectText(c)})
	}
	return t
}

var actionColours = map[ctl.Action]colour{ctl.ActionCreate: green, ctl.ActionRestart: yellow, ctl.ActionMend: yellow, ctl.ActionRemove: red, ctl.ActionFormat: faint}

// keyCell names the keys that change. Where some of them ask for a restart, the
// others are set apart.
func keyCell(c *ctl.Change) string { return words.OneLine(describeKeys(c.Keys)) }

// describeKeys names first the keys that only a new process takes over.
func describeKeys(keys []ctl.Key) string {
	var restart, live []string
	for _, key := range keys {
		if key.Live {
			live = append(live, shortKey(key.Key))
		} else {
			restart = append(restart, shortKey(key.Key))
		}
	}
	text := strings.Join(restart, ", ")
	switch {
	case len(restart) == 0:
		return strings.Join(live, ", ")
	case len(live) > 0:
		text += "; live: " + strings.Join(live, ", ")
	}
	return text
}

// shortKey is a key as a person can bear it: anybody's keys are kept.
func shortKey(key string) string { return words.Cut(key, 40) }

// effectText says what the supervisor makes of a change.
func effectText(c *ctl.Change) string {
	switch c.Effect {
	case ctl.Starts:
		if c.Action != ctl.ActionCreate && c.State != "" {
			return fmt.Sprintf("starts; it is %s", c.State)
		}
		return "starts"
	case ctl.Restarts:
		return "restarts" + words.WithPID(c.PID)
	case ctl.GoesOn:
		return "goes on" + words.WithPID(c.PID)
	case ctl.Stays:
		return "stays " + cmp.Or(string(c.State), "as it is")
	case ctl.Stops:
		return "is stopped" + words.WithPID(c.PID)
	case ctl.Forgotten:
		return "is forgotten; it has no process"
	}
	switch c.Action {
	case ctl.ActionCreate:
		return "starts with the next supervisor"
	case ctl.ActionRemove:
		return "is unknown to the next supervisor"
	}
	return "runs so with the next supervisor"
}

// planSummary counts: "2 to create", "2 created".
func planSummary(plan *ctl.Plan, between string, words map[ctl.Action]string) string {
	n := map[ctl.Action]int{}
	for _, c := range plan.Changes {
		n[c.Action]++
	}
	var parts []string
	for _, a := range []ctl.Action{ctl.ActionCreate, ctl.ActionRestart, ctl.ActionLive, ctl.ActionFormat, ctl.ActionMend, ctl.ActionRemove} {
		if n[a] > 0 {
			parts = append(parts, strconv.Itoa(n[a])+between+words[a])
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing to do"}
	}
	return strings.Join(append(parts, strconv.Itoa(len(plan.Unchanged))+" unchanged"), ", ")
}

var (
	actionsToDo = map[ctl.Action]string{ctl.ActionCreate: "create", ctl.ActionRestart: "change with a restart", ctl.ActionLive: "change live",
		ctl.ActionFormat: "write in another format", ctl.ActionMend: "mend", ctl.ActionRemove: "remove"}
	actionsDone = map[ctl.Action]string{ctl.ActionCreate: "created", ctl.ActionRestart: "changed with a restart", ctl.ActionLive: "changed live",
		ctl.ActionFormat: "written in another format", ctl.ActionMend: "mended", ctl.ActionRemove: "removed"}
)

// reviewed reads what plan --json has printed.
func reviewed(content []byte) (*ctl.Plan, error) {
	var plan ctl.Plan
	if err := json.Unmarshal(content, &plan); err != nil {
		return nil, fmt.Errorf("this is no output of 'ncolony ctl plan --json': %w", err)
	}
	return &plan, nil
}

// overtaken are the services of which a plan has another change in mind than the
// one that somebody has looked at.
func overtaken(old, now *ctl.Plan) (names []string) {
	changes := map[string]*ctl.Change{}
	for i := range old.Changes {
		changes[old.Changes[i].Name] = &old.Changes[i]
	}
	for i := range now.Changes {
		c := &now.Changes[i]
		if was := changes[c.Name]; was == nil || was.Before != c.Before || was.After != c.After {
			names = append(names, c.Name)
		}
		delete(changes, c.Name)
	}
	for name, c := range changes {
		// What is done already is well: a second apply goes on with the rest.
		done := slices.Contains(now.Unchanged, name) || c.Action == ctl.ActionRemove && !slices.Contains(now.Kept, name)
		if !done {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
