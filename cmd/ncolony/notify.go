package main

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/heart"
)

func newNotify() *cobra.Command {
	return &cobra.Command{
		Use:   "notify KEY=VALUE...",
		Short: "Tell the supervisor something about the service this runs in",
		Long: `Tell the supervisor something about the service this runs in, as sd_notify(3)
does: READY=1, STATUS=text, WATCHDOG=1, STOPPING=1, RELOADING=1 and others. It is
for shell scripts whose spec has "ready": {"notify": true} or "watchdog".`,
		Example: `  ncolony notify READY=1 "STATUS=12 jobs in the queue"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(cmd, "nothing to tell: KEY=VALUE is missing")
			}
			for _, arg := range args {
				if key, _, ok := strings.Cut(arg, "="); !ok || key == "" {
					return usagef(cmd, "argument %q: must be KEY=VALUE", arg)
				}
				if strings.Contains(arg, "\n") {
					return usagef(cmd, "argument %q: must be one line", arg)
				}
			}
			if os.Getenv("NOTIFY_SOCKET") == "" {
				return hinted(about(cmd, "", errors.New("NOTIFY_SOCKET is not set")), `it is for services whose spec has "ready": {"notify": true} or "watchdog"`)
			}
			return about(cmd, "", heart.Notify(args...))
		},
	}
}
