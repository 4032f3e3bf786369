package main

import (
	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/internal/companion"
)

// newImport passes everything on to a program of its own: what reads the files
// of others, YAML among them, is not for the binary that is PID 1.
func newImport() *cobra.Command {
	return &cobra.Command{
		Use:   "import [--from supervisord|systemd|compose] FILE...",
		Short: "Write specs from the files of other supervisors",
		Long: `Write specs from what other supervisors read: the configuration of supervisord,
units of systemd, files of Docker Compose. It runs the program ncolony-import,
which has flags of its own: see 'ncolony ctl import --help'.

Exit codes: 0 written, 1 nothing was written, 2 usage.`,
		Example: `  ncolony ctl import /etc/supervisor/supervisord.conf
  ncolony ctl import --dry-run web.service postgresql@main.service`,
		DisableFlagParsing:    true,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return about(cmd, "", companion.Become("import", args))
		},
	}
}
