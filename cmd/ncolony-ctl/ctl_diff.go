package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/words"
)

func newDiff(where *placeFlags) *cobra.Command {
	var name nameFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff NAME [flags]",
		Short: "Say how the spec of a service differs from what its process was started with",
		Long: `Say how the spec of a service, as it stands in its file, differs from the one
that its process was started with, or its last one: what has changed, in the
format of diff -u, and what that means for the process.

Who may not read the supervisor's own files cannot ask.

Exit codes: 0 there is no difference, 6 there is one, 1 failed, 2 usage, 3 no such
service.`,
		Example: `  ncolony ctl diff web
  ncolony ctl diff web --json | jq -r .kind`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := name.one(cmd, args)
			if err != nil {
				return err
			}
			p, err := where.Find()
			if err != nil {
				return err
			}
			d, err := ctl.Diff(p, name)
			if errors.Is(err, ctl.ErrNoLife) {
				err = hinted(err, "'ncolony ctl explain %s' says why", name)
			}
			if err != nil {
				return about(cmd, name, explainNoService(explain(err)))
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), d)
			} else {
				for line := range strings.Lines(d.Diff) {
					fmt.Fprintln(cmd.OutOrStdout(), printable(strings.TrimSuffix(line, "\n")))
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", name, words.OneLine(describeDifference(d)))
			}
			if err == nil && d.Kind != ctl.Same {
				err = &codeError{exitChanges, nil}
			}
			return err
		},
	}
	name.register(cmd, where)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return cmd
}

// printable is oneLine, but keeps tabs.
func printable(line string) string {
	parts := strings.Split(line, "\t")
	for i := range parts {
		parts[i] = words.OneLine(parts[i])
	}
	return strings.Join(parts, "\t")
}

// describeDifference says what a difference means.
func describeDifference(d *ctl.Difference) string {
	keys := describeKeys(d.Keys)
	switch {
	case d.Kind == ctl.Same && d.Running:
		return "no difference: it runs as its spec says"
	case d.Kind == ctl.Same:
		return "no difference: it has last run as its spec says"
	case d.Kind == ctl.Formatted:
		return "only the format differs, which changes nothing"
	case d.Kind == ctl.Broken && d.Running:
		return "the file is no good spec, and what runs goes on: " + d.Problem
	case d.Kind == ctl.Broken:
		return "the file is no good spec: " + d.Problem
	case d.Kind == ctl.Removed && d.Running:
		return "there is no spec any more; the process is being ended"
	case d.Kind == ctl.Removed:
		return "there is no spec any more"
	case !d.Running:
		return "its next process has this (" + keys + ")"
	case d.Kind == ctl.LiveKeys:
		return "taken over while it runs: " + keys
	}
	return "restarts it" + words.WithPID(d.PID) + ": " + keys
}
