package main

import (
	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

func newShow(where *placeFlags) *cobra.Command {
	var name nameFlag
	cmd := &cobra.Command{
		Use:   "show NAME [flags]",
		Short: "Print the spec of a service, as it stands in its file",
		Long: `Print the spec of a service, as it stands in its file, good or not. It needs no
supervisor.

Exit codes: 0 printed, 1 cannot be read, 2 usage, 3 no such service.`,
		Example: `  ncolony ctl show web
  ncolony ctl show web | jq .args`,
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
			file, _ := spec.Instance(name)
			content, _, err := ctl.Spec(p, file)
			if err != nil {
				return about(cmd, name, explainNoService(explain(err)))
			}
			_, err = cmd.OutOrStdout().Write(content)
			return err
		},
	}
	name.register(cmd, where)
	return cmd
}
