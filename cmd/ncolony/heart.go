package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/heart/wrap"
)

func newHeart() *cobra.Command {
	var check, logFormat string
	var timeout spec.Duration
	cmd := &cobra.Command{
		Use:   "heart [flags] -- CMD ARGS...",
		Short: "Run a program and beat on its behalf",
		Long: `Run a program and touch its heartbeat file while it lives and, with --check,
while that command succeeds. The file and how often to touch it are those of the
spec's key "ncolony.beatcheck", so this belongs into the args of a spec.`,
		Example:               `  ncolony heart --check 'curl -fsS http://127.0.0.1:8000/' -- python3 -m http.server`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.ArgsLenAtDash() > 0 || cmd.ArgsLenAtDash() < 0 && len(args) > 0 {
				return usagef(cmd, "argument %q: the program goes behind --", args[0])
			}
			if len(args) == 0 {
				return usagef(cmd, "the program is missing: -- CMD ARGS")
			}
			log, err := newLog(cmd, logFormat)
			if err != nil {
				return err
			}
			code, err := wrap.Run(context.Background(), wrap.Options{Argv: args, Check: check, Timeout: timeout.D(), Log: log})
			if code == exitDone && err == nil {
				return nil
			}
			return &codeError{code, about(cmd, "", err)}
		},
	}
	cmd.Flags().StringVar(&check, "check", "", "shell command that succeeds while the program is well")
	cmd.Flags().Var(&timeout, "timeout", "how long the check may take (default: the period)")
	cmd.Flags().Lookup("timeout").DefValue = "0" // the default is told above
	registerLogFormat(cmd.Flags(), &logFormat)
	return cmd
}
