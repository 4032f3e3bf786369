package main

import (
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// registerLogFormat adds the flag --log-format. Helpers take it too, for their
// log ends up in the supervisor's.
func registerLogFormat(fs *pflag.FlagSet, format *string) {
	fs.StringVar(format, "log-format", "text", "format of the log on stderr: text or json")
}

// newLog returns a log on stderr in the given format.
func newLog(cmd *cobra.Command, format string) (*slog.Logger, error) {
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(os.Stderr, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, nil)), nil
	}
	return nil, usagef(cmd, "flag --log-format: %q is neither text nor json", format)
}
