package main

import (
	"context"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/heart/check"
)

func newHeartcheck(where *placeFlags) *cobra.Command {
	var frequency spec.Duration
	var logFormat string
	cmd := &cobra.Command{
		Use:   "heartcheck [flags]",
		Short: "Restart services whose heartbeat file has stopped changing",
		Long: `Restart services whose heartbeat file has stopped changing, until TERM or INT.
The supervisor runs this by itself when a spec has the key "ncolony.beatcheck",
unless it was started with --no-helpers.`,
		Example: "  ncolony heartcheck --root /srv/colony --frequency 5",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if frequency == 0 && cmd.Flags().Changed("frequency") {
				return usagef(cmd, "flag --frequency: must be more than 0")
			}
			log, err := newLog(cmd, logFormat)
			if err != nil {
				return err
			}
			p, err := where.places()
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			send := func(m spec.Message) error {
				_, err := ctl.Send(p, m)
				return err
			}
			return about(cmd, "", check.Run(ctx, check.Options{Places: p, Frequency: frequency.D(), Send: send, Log: log}))
		},
	}
	cmd.Flags().Var(&frequency, "frequency", "longest time between two looks at a heart (default 10s)")
	cmd.Flags().Lookup("frequency").DefValue = "0" // the default is told above
	registerLogFormat(cmd.Flags(), &logFormat)
	return cmd
}
