package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

func newRemove(where *placeFlags) *cobra.Command {
	var names nameFlag
	var w waitFlags
	cmd := &cobra.Command{
		Use:                   "remove NAME... [flags]",
		Short:                 "Stop services and forget them: delete their specs",
		Example:               "  ncolony ctl remove web --wait",
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			names, err := names.several(cmd, args)
			if err != nil {
				return err
			}
			if err := w.check(cmd); err != nil {
				return err
			}
			p, err := where.Find()
			if err != nil {
				return err
			}
			var removed []string
			var errs []error
			for _, name := range names {
				if file, number := spec.Instance(name); number > 0 {
					err := errors.New("it is one of the instances of " + file)
					errs = append(errs, hinted(about(cmd, name, err), "'ncolony ctl scale %s N' says how many there are, from number 1 on", file))
				} else if err := ctl.Remove(p, name); err != nil {
					errs = append(errs, about(cmd, name, explainNoService(explain(err))))
				} else {
					removed = append(removed, name)
				}
			}
			if w.wait {
				errs = append(errs, w.removed(cmd, p, removed)...)
			}
			return all(errs...)
		},
	}
	cmd.Flags().SortFlags = false
	names.register(cmd, where)
	w.register(cmd, "the last process is gone")
	return cmd
}

// removed waits for each of names to be gone.
func (f *waitFlags) removed(cmd *cobra.Command, p spec.Places, names []string) (errs []error) {
	ctx, cancel := f.context()
	defer cancel()
	gone := []string{}
	for _, name := range names {
		switch err := ctl.WaitRemoved(ctx, p, name); {
		case errors.Is(err, ctl.ErrNoSupervisor):
			errs = append(errs, hinted(about(cmd, name, err), "the spec is removed; nobody can tell about the process"))
		case err != nil:
			errs = append(errs, about(cmd, name, f.explain(explain(err))))
		default:
			gone = append(gone, name)
			if !f.json {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: removed\n", name)
			}
		}
	}
	if f.json {
		errs = append(errs, printJSON(cmd.OutOrStdout(), gone))
	}
	return errs
}
