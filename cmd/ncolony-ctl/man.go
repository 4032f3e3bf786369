//go:build man

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// What writes man pages is no part of a supervisor, hence the build tag.
func init() { extraCommands = append(extraCommands, newMan) }

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write the manual pages of all commands into a directory",
		Example: "  SOURCE_DATE_EPOCH=0 ncolony man dist/man",
		Hidden:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef(cmd, "one directory is needed, here are %d", len(args))
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return about(cmd, "", err)
			}
			return about(cmd, "", writePages(cmd.Root(), args[0]))
		},
	}
}

// writePages writes the page of c and those of the commands below it.
func writePages(c *cobra.Command, dir string) error {
	for _, below := range c.Commands() {
		if below.IsAvailableCommand() && !below.IsAdditionalHelpTopicCommand() {
			if err := writePages(below, dir); err != nil {
				return err
			}
		}
	}
	header := &doc.GenManHeader{Section: "1", Source: "ncolony", Manual: "ncolony"}
	undated := time.Unix(0, 0).UTC()
	if os.Getenv("SOURCE_DATE_EPOCH") == "" {
		header.Date = &undated
	}
	c.DisableAutoGenTag = true
	var page bytes.Buffer
	if err := doc.GenMan(c, header, &page); err != nil {
		return err
	}
	text := page.Bytes()
	if header.Date == &undated { // the same source makes the same page
		text = bytes.Replace(text, []byte(`"`+undated.Format("Jan 2006")+`"`), []byte(`""`), 1)
	}
	name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
	return os.WriteFile(filepath.Join(dir, name), text, 0o644)
}
