package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/words"
)

func newStatus(where *placeFlags) *cobra.Command {
	var names nameFlag
	var asJSON, watch, asTree bool
	cmd := &cobra.Command{
		Use:   "status [NAME...] [flags]",
		Short: "Show what services are doing",
		Long: `Show what services are doing: all, or the named ones. The name of a file with
"instances" means all of them, as in every command. With --json it is one
array, also for one name. Without a supervisor it is what the last one said,
marked as stale, and the exit code is 5.

With --watch it is kept up to date: on a terminal in place, until Ctrl-C or q;
elsewhere as one more line for each service whose state changes (with --json,
for each status that does, a line of JSON). It goes on while no supervisor runs.

With --tree each service stands under what it depends on, as the files of the
config directory say; one with several dependencies once in full, and as
"-> NAME" under the others. With names it is what they depend on and what depends
on them.

Exit codes: 0 shown, 1 cannot be read, 3 no such service, 5 no supervisor.`,
		Example: `  ncolony ctl status
  ncolony ctl status web --json
  ncolony ctl status --watch
  ncolony ctl status --tree`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := where.Find()
			if err != nil {
				return err
			}
			names := append(names.names, args...)
			if watch && asTree {
				return usagef(cmd, "flag --tree: excludes --watch")
			}
			if asTree && !asJSON {
				return showTree(cmd, p, names)
			}
			if watch {
				return watchStatus(cmd, p, names, asJSON)
			}
			return showStatus(cmd, p, names, asJSON)
		},
	}
	cmd.Flags().SortFlags = false
	names.register(cmd, where)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&asTree, "tree", false, "show who depends on whom")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "keep it up to date")
	return cmd
}

// showStatus prints what is known, then says what is not.
func showStatus(cmd *cobra.Command, p spec.Places, names []string, asJSON bool) error {
	_, alive, err := ctl.Alive(p)
	if err != nil {
		return about(cmd, "", explain(err))
	}
	var errs []error
	if !alive {
		errs = append(errs, noSupervisor(cmd, p))
	}
	statuses, statusErrs := statusesOf(p, names)
	for _, e := range statusErrs {
		// Whom nobody supervises has no status, which is said already.
		if alive || !errors.Is(e.err, ctl.ErrNoService) {
			errs = append(errs, about(cmd, e.name, explainMissing(p, e)))
		}
	}
	out := cmd.OutOrStdout()
	if asJSON {
		errs = append(errs, printJSON(out, statuses))
		return all(errs...)
	}
	if len(statuses) == 0 && len(errs) == 0 {
		fmt.Fprintln(out, "no services")
	}
	if len(statuses) > 0 {
		t := statusTable(statuses, time.Now(), !alive)
		errs = append(errs, t.write(out, wantsColour(out)))
	}
	if len(names) == 0 {
		c, err := colonyOf(p)
		errs = append(errs, about(cmd, "", err))
		for _, line := range words.ColonyNotes(c, alive) {
			fmt.Fprintln(out, line)
		}
	}
	return all(errs...)
}

// showTree prints who depends on whom, then says what is not known.
func showTree(cmd *cobra.Command, p spec.Places, names []string) error {
	_, alive, err := ctl.Alive(p)
	if err != nil {
		return about(cmd, "", explain(err))
	}
	var errs []error
	if !alive {
		errs = append(errs, noSupervisor(cmd, p))
	}
	g, err := ctl.ReadGraph(p.Config)
	if err != nil {
		return about(cmd, "", explain(err))
	}
	statuses, statusErrs := statusesOf(p, nil)
	for _, e := range statusErrs {
		errs = append(errs, about(cmd, e.name, e.err))
	}
	t := growTree(g, statuses)
	var known []string
	for _, name := range names {
		if _, ok := t.needs[name]; ok {
			known = append(known, name)
		} else {
			errs = append(errs, about(cmd, name, explainNoService(ctl.ErrNoService)))
		}
	}
	if len(names) > 0 {
		t = t.around(known)
	}
	out := cmd.OutOrStdout()
	switch {
	case len(names) > 0 && len(known) == 0:
	case len(t.needs) == 0:
		fmt.Fprintln(out, "no services")
	default:
		errs = append(errs, treeTable(t, g, statuses, time.Now(), !alive).write(out, wantsColour(out)))
	}
	return all(errs...)
}

// nameError is why there is no status of a service; the name is empty if it is
// about all.
type nameError struct {
	name string
	err  error
}

func statusesOf(p spec.Places, names []string) (statuses []spec.Status, errs []nameError) {
	statuses = []spec.Status{} // never null in JSON
	if len(names) == 0 {
		found, err := ctl.Status(p)
		if err != nil {
			errs = append(errs, nameError{"", explain(err)})
		}
		return append(statuses, found...), errs
	}
	for _, name := range names {
		found, err := ctl.Status(p, name)
		if err != nil {
			errs = append(errs, nameError{name, explain(bareName(err))})
		}
		statuses = append(statuses, found...)
	}
	return statuses, errs
}

// bareName takes the name off an error that is told behind the name.
func bareName(err error) error {
	if errors.Is(err, ctl.ErrNoService) {
		return ctl.ErrNoService
	}
	return err
}

// explainMissing tells a service without a status yet from one without a spec.
func explainMissing(p spec.Places, e nameError) error {
	if errors.Is(e.err, ctl.ErrNoService) && e.name != "" && ctl.Known(p, e.name) == nil {
		return hinted(errors.New("the supervisor has not seen it yet"), "'ncolony ctl rescan --wait' makes it look")
	}
	return explainNoService(e.err)
}

// noSupervisor is the error of a status that nobody keeps up to date.
func noSupervisor(cmd *cobra.Command, p spec.Places) error {
	return about(cmd, "", explainNoSupervisor(p, ctl.ErrNoSupervisor))
}

// explainNoSupervisor adds to err where none is, and what there was.
func explainNoSupervisor(p spec.Places, err error) error {
	if _, statErr := os.Stat(p.State); statErr != nil {
		return hinted(err, "there is no %s: is that the colony's directory? (a supervisor that cannot write it says nothing here)", p.State)
	}
	if c, cErr := ctl.Colony(p); cErr == nil && !c.Clean {
		return hinted(err, "the last one, pid %d, has not ended in order", c.PID)
	}
	return hinted(err, "nobody supervises %s", words.Colony(p))
}

// colonyOf is ctl.Colony, or nil where no supervisor has ever said anything.
func colonyOf(p spec.Places) (*spec.ColonyStatus, error) {
	c, err := ctl.Colony(p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return c, explain(err)
}
