package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

func newSend(where *placeFlags) *cobra.Command {
	var name nameFlag
	var wait bool
	timeout := spec.Duration(defaultTimeout)
	cmd := &cobra.Command{
		Use:   "send NAME [TEXT...] [flags]",
		Short: "Write to the standard input of a service",
		Long: `Write to the standard input of a service whose spec has "stdin": "fifo": the
words of TEXT as a line, or, without TEXT or with "-", what comes from our own
standard input. No supervisor is needed for that.

It is done when all is in the pipe. What the service has not read when it ends is
lost.

Exit codes: 0 done, 1 it does not run, or has no such standard input, 2 usage,
3 no such service, 4 timed out, 5 no supervisor to wait for.`,
		Example: `  ncolony ctl send minecraft say hello
  ncolony ctl send worker --wait <jobs.txt`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("name") && len(args) > 0 {
				name.names, args = args[:1], args[1:]
			}
			name, err := name.one(cmd, nil)
			if err != nil {
				return err
			}
			p, err := where.Find()
			if err != nil {
				return err
			}
			return about(cmd, name, send(cmd, p, name, args, wait, timeout))
		},
	}
	cmd.Flags().SortFlags = false
	name.register(cmd, where)
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the service runs")
	cmd.Flags().Var(&timeout, "timeout", "how long to --wait, and to wait for a service that does not read, 0 = for ever")
	names := cmd.ValidArgsFunction
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 || cmd.Flags().Changed("name") {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return names(cmd, args, toComplete)
	}
	return cmd
}

// send writes a line of words, or our own input, to a service.
func send(cmd *cobra.Command, p spec.Places, name string, words []string, wait bool, timeout spec.Duration) error {
	ctx, cancel := (&waitFlags{timeout: timeout}).context()
	defer cancel()
	in, err := ctl.OpenStdin(ctx, p, name, wait)
	if err == nil {
		defer in.Close()
		in.Timeout = timeout.D()
		var from io.Reader = strings.NewReader(strings.Join(words, " ") + "\n")
		if len(words) == 0 || len(words) == 1 && words[0] == "-" {
			from = cmd.InOrStdin()
		}
		_, err = io.Copy(in, from)
	}
	switch {
	case errors.Is(err, ctl.ErrNoFIFO):
		return hinted(err, `add it: ncolony ctl edit %s`, strings.SplitN(name, "@", 2)[0])
	case errors.Is(err, ctl.ErrNotRunning) && !wait && in == nil:
		return hinted(err, "start it (ncolony ctl start %s), or wait for it (--wait)", name)
	case errors.Is(err, context.DeadlineExceeded) && in == nil:
		return &slow{"running", timeout, err}
	case errors.Is(err, context.DeadlineExceeded):
		return &slow{"read by the service", timeout, err}
	}
	return explain(err)
}
