package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/docs/schema"
)

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [TYPE] [flags]",
		Short: "Print the JSON Schema of a kind of file",
		Long: `Print the JSON Schema (draft 2020-12) of a kind of file, for editors and for
programs that check what they read or write. Without TYPE, list the kinds.`,
		Example: `  ncolony ctl schema
  ncolony ctl schema spec > spec.schema.json`,
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return schemaNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return listSchemas(cmd)
			case 1:
			default:
				return usagef(cmd, "unexpected argument %q", args[1])
			}
			text, ok := schema.Get(args[0])
			if !ok {
				return usagef(cmd, "unknown type %q: known are %s", args[0], strings.Join(schema.Names, ", "))
			}
			_, err := cmd.OutOrStdout().Write(text)
			return err
		},
	}
}

func listSchemas(cmd *cobra.Command) error {
	var t table
	for _, name := range schema.Names {
		t.add(cell{text: name}, cell{text: schemaTitle(name)})
	}
	return t.write(cmd.OutOrStdout(), false)
}

// schemaNames are the types for a shell to complete, each with what it is.
func schemaNames() (names []cobra.Completion) {
	for _, name := range schema.Names {
		names = append(names, cobra.CompletionWithDesc(name, schemaTitle(name)))
	}
	return names
}

// schemaTitle says which files a schema is about.
func schemaTitle(name string) string {
	text, _ := schema.Get(name)
	var s struct {
		Title string `json:"title"`
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Sprintf("(%v)", err) // it is built in, so this is a bug
	}
	return s.Title
}
