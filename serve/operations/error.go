package operations

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// Code is why something was not done, in a word that programs go by. Transports
// have a number for each.
type Code string

const (
	NotFound     Code = "not-found"           // no such service, message, schema
	Precondition Code = "precondition-failed" // the spec is not the one that was expected
	Invalid      Code = "invalid"             // of what was sent; Field or Faults say what
	TooLarge     Code = "too-large"           // what was sent
	Conflict     Code = "conflict"            // the supervisor refused, or something is in the way
	Timeout      Code = "timeout"             // it may still happen; Request says which message to ask about
	NoSupervisor Code = "no-supervisor"       // nobody is there who could do it
	Forbidden    Code = "forbidden"           // to this caller
	Failed       Code = "failed"              // a disk or a right of ours; the caller can do nothing
)

// Codes lists them in the order of the documentation.
var Codes = []Code{NotFound, Precondition, Invalid, TooLarge, Conflict, Timeout, NoSupervisor, Forbidden, Failed}

// Error is why something was not done. Every error of a Colony is one.
type Error struct {
	Code    Code
	Detail  string       // for people, one sentence without its end
	Field   string       // the input that is wrong: a parameter, or a key of the spec ("stop.grace"); "" = none
	Faults  []Fault      // all that is wrong with a text that was sent
	Request string       // file name of the message that was sent
	Result  *spec.Result // what the supervisor made of it
	Err     error        // the cause, if it is another error
}

// Fault is one thing that is wrong with a text. Line and Column count from 1,
// Column in bytes; 0 = it has no place.
type Fault struct {
	Field   string `json:"field,omitempty"` // the key, as in "args[0]"
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Detail }
func (e *Error) Unwrap() error { return e.Err }

// refuse makes an Error about one input.
func refuse(code Code, field, format string, args ...any) *Error {
	return &Error{Code: code, Field: field, Detail: fmt.Sprintf(format, args...)}
}

// explain makes an Error of what package ctl returned when it was asked to do
// something ("restart") with name.
func explain(err error, verb, name string) error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	e := &Error{Code: Failed, Err: err, Detail: fmt.Sprintf("%s %q: %v", verb, name, err)}
	var bad *ctl.NameError
	var refused *ctl.Refused
	switch {
	case errors.As(err, &bad):
		e.Code, e.Field, e.Faults = Invalid, "name", []Fault{{Field: "name", Message: bad.Error()}}
	case errors.Is(err, ctl.ErrNoSupervisor):
		e.Code = NoSupervisor
	case errors.Is(err, ctl.ErrNoService):
		e.Code = NotFound
	case errors.As(err, &refused), errors.Is(err, ctl.ErrClash):
		e.Code = Conflict
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		e.Code, e.Detail = Timeout, fmt.Sprintf("%s %q: not done in time, and may still be", verb, name)
	case isProblem(err):
		e.Code, e.Faults = Invalid, faults(err)
		e.Field = e.Faults[0].Field
	}
	return e
}

func isProblem(err error) bool {
	_, one := errors.AsType[*spec.Problem](err)
	_, many := errors.AsType[*multierror.Error](err)
	return one || many
}

// faults takes an error of spec.Parse or spec.ParseMessage apart.
func faults(err error) (found []Fault) {
	all := []error{err}
	if many, ok := errors.AsType[*multierror.Error](err); ok && len(many.Errors) > 0 {
		all = many.Errors
	}
	for _, one := range all {
		f := Fault{Message: one.Error()}
		if p, ok := errors.AsType[*spec.Problem](one); ok {
			f = Fault{Line: p.Line, Column: p.Column, Message: p.Message}
		}
		// Messages begin with the key that they are about.
		if key, _, ok := strings.Cut(f.Message, ": "); ok && !strings.ContainsAny(key, " ") {
			f.Field = key
		}
		found = append(found, f)
	}
	return found
}
