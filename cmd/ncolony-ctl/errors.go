package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/ctl"
)

// The exit codes, beside those that a main service or a wrapped program passes
// on.
const (
	exitDone         = 0
	exitFailed       = 1 // or refused
	exitUsage        = 2
	exitNoService    = 3
	exitTimeout      = 4
	exitNoSupervisor = 5
	exitChanges      = 6 // what was compared differs; only where one asks that
)

// usageError says that the command line makes no sense.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usagef returns a usageError about cmd, with the hint where to read on.
func usagef(cmd *cobra.Command, format string, args ...any) error {
	err := &usageError{fmt.Errorf(format, args...)}
	return hinted(about(cmd, "", err), "see '%s --help'", cmd.CommandPath())
}

// codeError carries an exit code that is not an error's but a program's.
type codeError struct {
	code int
	err  error // nil = there is nothing to say
}

func (e *codeError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}
func (e *codeError) Unwrap() error { return e.err }

// hint is an error that knows a way out. Errors of other packages may have one
// too, by a method Hint.
type hint struct {
	err  error
	text string
}

func (h *hint) Error() string { return h.err.Error() }
func (h *hint) Unwrap() error { return h.err }
func (h *hint) Hint() string  { return h.text }

// hinted adds a way out to err; nil stays nil.
func hinted(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hint{err, fmt.Sprintf(format, args...)}
}

// about puts the verb of cmd, and the object if there is one, before err; nil
// stays nil.
func about(cmd *cobra.Command, object string, err error) error {
	_, named := errors.AsType[*ctl.NameError](err) // it says the object itself
	switch {
	case err == nil:
		return nil
	case !cmd.HasParent():
		return err
	case object == "" || named:
		return fmt.Errorf("%s: %w", cmd.Name(), err)
	}
	return fmt.Errorf("%s %q: %w", cmd.Name(), object, err)
}

// several are the failures of one command, each of which is reported.
type several []error

func (s several) Error() string   { return errors.Join(s...).Error() }
func (s several) Unwrap() []error { return s }

// all returns errs without its nils as one error.
func all(errs ...error) error {
	var s several
	for _, err := range errs {
		if err != nil {
			s = append(s, err)
		}
	}
	switch len(s) {
	case 0:
		return nil
	case 1:
		return s[0]
	}
	return s
}

// report writes err for a person, and returns the exit code that it stands for:
// of several errors, that of the first.
func report(w io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	if s, ok := err.(several); ok {
		for _, each := range s {
			report(w, each)
		}
		return exitCode(s[0])
	}
	if ce, ok := errors.AsType[*codeError](err); !ok || ce.err != nil {
		fmt.Fprintf(w, "ncolony: %v\n", err)
	}
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok && h.Hint() != "" {
		fmt.Fprintf(w, "hint: %s\n", h.Hint())
	}
	return exitCode(err)
}

func exitCode(err error) int {
	if ce, ok := errors.AsType[*codeError](err); ok {
		return ce.code
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*ctl.NameError](err); ok {
		return exitUsage
	}
	switch {
	case errors.Is(err, ctl.ErrNoService):
		return exitNoService
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	case errors.Is(err, ctl.ErrNoSupervisor):
		return exitNoSupervisor
	}
	return exitFailed
}
