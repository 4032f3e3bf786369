package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/words"
)

func newCheck(where *placeFlags) *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use:   "check [DIR|FILE...] [flags]",
		Short: "Say what is wrong with specs, before they are put in place",
		Long: `Say what is wrong with specs: those of the config directory, of other
directories, or single files ("-" is standard input), named and read as the
supervisor would. Each problem is one line, FILE:LINE:COLUMN: text. It needs no
supervisor, and does not ask what depends on the machine: whether users and
programs exist.

Exit codes: 0 no problems (warnings are none, but with --strict), 1 problems,
2 usage.`,
		Example: `  ncolony ctl check
  ncolony ctl check deploy/config --strict
  generate-spec | ncolony ctl check -`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				p, err := where.Find()
				if err != nil {
					return err
				}
				args = []string{p.Config}
			}
			var r ctl.Report
			var errs []error
			for _, arg := range args {
				errs = append(errs, about(cmd, "", checkOne(&r, arg, cmd.InOrStdin())))
			}
			for _, f := range r.Findings {
				fmt.Fprintln(cmd.OutOrStdout(), words.OneLine(f.String()))
			}
			if err := all(errs...); err != nil && r.Specs == 0 {
				return err
			}
			return all(append(errs, about(cmd, "", verdict(cmd.OutOrStdout(), &r, strict)))...)
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "fail on warnings too")
	return cmd
}

// checkOne adds to r what is to be said of one argument.
func checkOne(r *ctl.Report, arg string, stdin io.Reader) error {
	if arg == "-" {
		content, err := io.ReadAll(io.LimitReader(stdin, spec.MaxSpecSize+1))
		if err == nil {
			r.Content("-", content)
		}
		return err
	}
	fi, err := os.Stat(arg)
	switch {
	case arg == "":
		return errors.New("the name of a file or directory is empty")
	case err == nil && fi.IsDir():
		return explain(r.Dir(arg))
	case err != nil:
		if _, linkErr := os.Readlink(arg); linkErr != nil {
			return explain(err)
		}
	}
	r.File(arg)
	return nil
}

// verdict sums r up: a word where all is well, an error where it is not.
func verdict(out io.Writer, r *ctl.Report, strict bool) error {
	found := words.Counted(r.Errors(), "problem")
	if r.Warnings() > 0 {
		found += ", " + words.Counted(r.Warnings(), "warning")
	}
	if r.Errors() > 0 || strict && r.Warnings() > 0 {
		return fmt.Errorf("%s in %s", found, words.Counted(r.Specs, "spec"))
	}
	_, err := fmt.Fprintf(out, "%s, %s\n", words.Counted(r.Specs, "spec"), found)
	return err
}
