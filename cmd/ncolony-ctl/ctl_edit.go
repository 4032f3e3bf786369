package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/terminal"
	"github.com/ncolony/ncolony-go/internal/words"
)

func newEdit(where *placeFlags) *cobra.Command {
	var name nameFlag
	var w waitFlags
	cmd := &cobra.Command{
		Use:   "edit NAME [flags]",
		Short: "Edit the spec of a service in your editor",
		Long: `Edit a copy of the spec of a service in $VISUAL, $EDITOR or vi. When the editor
ends the copy is checked, and only a good one takes the place of the spec, in one
step. A bad one can be edited again, or is left where it is, as is one whose
spec somebody else has changed meanwhile.`,
		Example: `  ncolony ctl edit web
  EDITOR='code --wait' ncolony ctl edit web --wait`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := name.one(cmd, args)
			if err != nil {
				return err
			}
			name, _ = spec.Instance(name)
			if err := w.check(cmd); err != nil {
				return err
			}
			p, err := where.Find()
			if err != nil {
				return err
			}
			before, path, err := ctl.Spec(p, name)
			if errors.Is(err, ctl.ErrNoService) {
				return hinted(about(cmd, name, err), "'ncolony ctl add %s -- CMD ARGS' makes it one", name)
			}
			if err != nil {
				return about(cmd, name, explain(err))
			}
			e := editing{cmd: cmd, places: p, name: name, path: path, before: before}
			after, err := e.run()
			switch {
			case err == nil && after == nil && w.json:
				return printJSON(cmd.OutOrStdout(), []spec.Status{})
			case err == nil && after == nil:
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "no changes")
				return err
			case err != nil || !w.wait:
				return about(cmd, name, err)
			}
			return about(cmd, name, w.added(cmd, p, name, after))
		},
	}
	cmd.Flags().SortFlags = false
	name.register(cmd, where)
	w.register(cmd, "the service runs with this spec")
	return cmd
}

// editing is one spec on its way through an editor.
type editing struct {
	cmd    *cobra.Command
	places spec.Places
	name   string
	path   string // of the spec
	before []byte // its content
	copy   string // path of what is edited
}

// run returns what the spec has become; nil if it stays as it was.
func (e *editing) run() (after []byte, err error) {
	if err := e.makeCopy(); err != nil {
		return nil, err
	}
	for {
		if err := edit(e.cmd, e.copy); err != nil {
			return nil, e.keep(err)
		}
		if after, err = os.ReadFile(e.copy); err != nil {
			return nil, err
		}
		if bytes.Equal(after, e.before) {
			os.Remove(e.copy)
			return nil, nil
		}
		var r ctl.Report
		r.Content(e.copy, after)
		for _, f := range r.Findings {
			fmt.Fprintln(e.cmd.ErrOrStderr(), words.OneLine(f.String()))
		}
		if r.Errors() == 0 {
			break
		}
		if !e.again() {
			return nil, e.keep(errors.New("the new spec is bad"))
		}
	}
	if now, _, err := ctl.Spec(e.places, e.name); err != nil || !bytes.Equal(now, e.before) {
		return nil, e.keep(fmt.Errorf("somebody else has changed %s meanwhile", e.path))
	}
	if err := ctl.Add(e.places, e.name, after); err != nil {
		return nil, e.keep(explain(err))
	}
	os.Remove(e.copy)
	return after, nil
}

// makeCopy writes the spec where its owner alone can read it, under a name by
// which an editor knows the language.
func (e *editing) makeCopy() error {
	f, err := os.CreateTemp("", "ncolony-"+e.name+"-*.json")
	if err != nil {
		return hinted(err, "name a directory for the copy in $TMPDIR")
	}
	e.copy = f.Name()
	_, err = f.Write(e.before)
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(e.copy)
	}
	return hinted(err, "name another directory for the copy in $TMPDIR")
}

// keep says where the work is that came to nothing; a copy that nobody has
// worked on goes.
func (e *editing) keep(err error) error {
	if now, readErr := os.ReadFile(e.copy); readErr == nil && bytes.Equal(now, e.before) {
		os.Remove(e.copy)
		return err
	}
	return hinted(err, "what you have written is in %s", e.copy)
}

// again asks whether to go on, if there is somebody to ask.
func (e *editing) again() bool {
	stdin, ok := e.cmd.InOrStdin().(*os.File)
	if !ok || !terminal.Is(stdin) {
		return false
	}
	fmt.Fprint(e.cmd.ErrOrStderr(), "edit again? [Y/n] ")
	switch answer, err := readLine(stdin); strings.ToLower(strings.TrimSpace(answer)) {
	case "", "y", "yes":
		return err == nil
	}
	return false
}

// readLine reads no further than the line, for what follows is the editor's.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := r.Read(b); err != nil {
			return string(line), err
		}
		if b[0] == '\n' {
			return string(line), nil
		}
		line = append(line, b[0])
	}
}

// edit runs the editor and waits for its end. What the terminal sends meanwhile
// is for the editor: Ctrl-C must not end us and leave it there.
func edit(cmd *cobra.Command, path string) error {
	editor := cmp.Or(strings.TrimSpace(os.Getenv("VISUAL")), strings.TrimSpace(os.Getenv("EDITOR")), "vi")
	c := editorCommand(editor, path)
	c.Stdin, c.Stdout, c.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	ignored := make(chan os.Signal, 1)
	signal.Notify(ignored, syscall.SIGINT, syscall.SIGQUIT)
	defer signal.Stop(ignored)
	err := c.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return hinted(fmt.Errorf("run the editor %q: %w", editor, exec.ErrNotFound), "name one in $EDITOR")
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 127 {
		return hinted(fmt.Errorf("run the editor %q: %w", editor, err), "is it there? name one in $EDITOR")
	}
	if err != nil {
		return fmt.Errorf("run the editor %q: %w", editor, err)
	}
	return nil
}

// editorCommand has a shell take the name apart, which may have arguments and
// quotes. Where there is no shell, spaces do.
func editorCommand(editor, path string) *exec.Cmd {
	if sh, err := exec.LookPath("sh"); err == nil {
		return exec.Command(sh, "-c", editor+` "$@"`, editor, path)
	}
	words := append(strings.Fields(editor), path)
	return exec.Command(words[0], words[1:]...)
}
