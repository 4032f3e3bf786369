package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/cli"
)

// The exit codes, beside those that a main service or a wrapped program passes on.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// failure is an error with an exit code and, if there is one, a way out.
type failure struct {
	err  error // nil = there is nothing to say
	code int
	hint string
}

func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit code %d", f.code)
	}
	return f.err.Error()
}
func (f *failure) Unwrap() error { return f.err }
func (f *failure) Hint() string  { return f.hint }

// usagef says that the command line makes no sense.
func usagef(cmd cli.Command, format string, args ...any) error {
	path := cli.Supervise.Name
	if cmd.Name != path {
		path += " " + cmd.Name
	}
	return &failure{about(cmd, fmt.Errorf(format, args...)), exitUsage, "see '" + path + " --help'"}
}

// about puts the name of a command before err; nil stays nil.
func about(cmd cli.Command, err error) error {
	if err == nil || cmd.Name == cli.Supervise.Name {
		return err
	}
	return fmt.Errorf("%s: %w", cmd.Name, err)
}

// unknown is the error about a command that there is not.
func unknown(name string) error {
	hint := fmt.Sprintf("to supervise a command of your own write 'ncolony -- %s'; see also 'ncolony --help'", name)
	if near := spec.Nearest(name, append([]string{cli.Ctl.Name, cli.Heart.Name, cli.Notify.Name, "help", "completion"}, companions...)); near != "" {
		hint = fmt.Sprintf("did you mean 'ncolony %s'?", near)
	}
	return &failure{fmt.Errorf("unknown command %q", name), exitUsage, hint}
}

// report writes err for a person, and returns the exit code that it stands for.
func report(w io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	f, ok := errors.AsType[*failure](err)
	if !ok || f.err != nil {
		fmt.Fprintf(w, "ncolony: %v\n", err)
	}
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok && h.Hint() != "" {
		fmt.Fprintf(w, "hint: %s\n", h.Hint())
	}
	if f != nil {
		return f.code
	}
	return exitFailed
}
