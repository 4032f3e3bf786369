// Command ncolony-import writes specs from what other supervisors read. It is
// reached as "ncolony ctl import" and as "ncolony import", and is a program of
// its own so that the binary that is PID 1 links no reader of YAML.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/internal/places"
)

var version = "dev"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// The exit codes, which are those of ncolony ctl.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError says that the command line makes no sense.
type usageError struct{ error }

// hint is an error that knows a way out.
type hint struct {
	error
	text string
}

func (h *hint) Unwrap() error { return h.error }
func (h *hint) Hint() string  { return h.text }

func run(args []string, in io.Reader, out, errOut io.Writer) int {
	cmd := newImport(in)
	cmd.SetArgs(args)
	cmd.SetOut(out)
	cmd.SetErr(errOut)
	err := cmd.Execute()
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(errOut, "ncolony: import: %v\n", err)
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		fmt.Fprintf(errOut, "hint: %s\n", h.Hint())
	}
	if _, usage := errors.AsType[*usageError](err); usage {
		fmt.Fprintln(errOut, "hint: see 'ncolony ctl import --help'")
		return exitUsage
	}
	return exitFailed
}

func newImport(in io.Reader) *cobra.Command {
	var where places.Flags
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import [flags] FILE...",
		Short: "Write specs from the files of other supervisors",
		Long: `Write specs from what other supervisors read, into the config directory of a
colony or into another directory. What could not be translated, or only nearly, is
told with its file and line: lost means that what a key asks for does not happen,
about that it happens a little differently, skipped that something was passed over.

  supervisord  a configuration; the files that it includes are read too
  systemd      units; a drop-in (web.service.d/x.conf) goes along with its unit,
               and db@main.service is read from db@.service if it is not there
  compose      compose files; - is standard input

All files belong together: their services may name each other.

Exit codes: 0 written, also with things to tell; 1 nothing was written, because a
file cannot be read, there is no service in it, a spec stands there already, or
something was to be told and --strict is given; 2 usage.`,
		Example: `  ncolony ctl import /etc/supervisor/supervisord.conf
  ncolony ctl import --dry-run nginx.service postgresql@main.service
  docker compose config | ncolony ctl import --from compose --to specs -`,
		Version:               version,
		SilenceErrors:         true,
		SilenceUsage:          true,
		DisableFlagsInUseLine: true,
		CompletionOptions:     cobra.CompletionOptions{DisableDefaultCmd: true},
		Annotations:           map[string]string{cobra.CommandDisplayNameAnnotation: "ncolony ctl import"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{errors.New("a file is missing")}
			}
			format, err := f.format(args)
			if err != nil {
				return err
			}
			result, err := read(format, args, in)
			if err != nil {
				return err
			}
			return f.write(cmd.OutOrStdout(), cmd.ErrOrStderr(), where, result)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&f.from, "from", "", "whose files they are: supervisord, systemd or compose (default: by their names)")
	fs.StringVar(&f.to, "to", "", "directory to write specs to (default: the config directory of the colony)")
	fs.BoolVar(&f.dryRun, "dry-run", false, "write nothing, print specs and notes as JSON")
	fs.BoolVar(&f.force, "force", false, "replace specs that are there")
	fs.BoolVar(&f.strict, "strict", false, "write nothing if there is anything to tell")
	where.Register(fs)
	return cmd
}
