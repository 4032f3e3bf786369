package main

import (
	"errors"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

func newScale(where *placeFlags) *cobra.Command {
	var name nameFlag
	var w waitFlags
	cmd := &cobra.Command{
		Use:   "scale NAME NUMBER [flags]",
		Short: "Say how many instances of a service there are",
		Long: `Say how many instances of a service there are: write the number as
"instances" into its spec, and leave all else there as it is. The difference is
started or stopped, the highest numbers first; the others run on. A service that
had no instances is stopped, and NAME@1 and so on come instead.`,
		Example: `  ncolony ctl scale worker 5
  ncolony ctl scale worker 0 --wait`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(cmd, "a number is missing")
			}
			last := len(args) - 1
			name, err := name.one(cmd, args[:last])
			if err != nil {
				return err
			}
			count, err := strconv.Atoi(args[last])
			if err != nil || count < 0 || count > spec.MaxInstances {
				return usagef(cmd, "%q is no number from 0 to %d", args[last], spec.MaxInstances)
			}
			if err := w.check(cmd); err != nil {
				return err
			}
			p, err := where.Find()
			if err != nil {
				return err
			}
			before := ctl.Services(p, name)
			content, err := ctl.Scale(p, name, count)
			if err != nil {
				return about(cmd, name, explainNoService(explainSpec(err)))
			}
			if !w.wait {
				return nil
			}
			return all(about(cmd, name, w.added(cmd, p, name, content)), all(w.gone(cmd, p, superfluous(name, content, before))...))
		},
	}
	cmd.Flags().SortFlags = false
	name.register(cmd, where)
	w.register(cmd, "so many run, and no process of the others is left")
	return cmd
}

// superfluous are those of before that the new content of the file does not make any
// more. With none at all the file itself has a status.
func superfluous(name string, content []byte, before []string) (over []string) {
	now := []string{name}
	if s, err := spec.Parse(content); err == nil && s.Runs() {
		now = s.Services(name)
	}
	for _, service := range before {
		if !slices.Contains(now, service) {
			over = append(over, service)
		}
	}
	return over
}

// gone waits for services to be no more.
func (f *waitFlags) gone(cmd *cobra.Command, p spec.Places, services []string) (errs []error) {
	ctx, cancel := f.context()
	defer cancel()
	for _, service := range services {
		if err := ctl.WaitGone(ctx, p, service); err != nil && !errors.Is(err, ctl.ErrNoSupervisor) { // which was said
			errs = append(errs, about(cmd, service, f.explain(explain(err))))
		}
	}
	return errs
}
