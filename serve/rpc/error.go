package rpc

import (
	"errors"
	"fmt"

	"github.com/creachadair/jrpc2"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// tooMany is a code that only a transport has.
const tooMany operations.Code = "too-many"

// numbers says of each code which number it has as an error. Those of the
// specification are taken where they mean the same.
var numbers = map[operations.Code]jrpc2.Code{
	operations.Invalid:      jrpc2.InvalidParams,
	operations.NotFound:     -32001,
	operations.Precondition: -32002,
	operations.TooLarge:     -32003,
	operations.Conflict:     -32004,
	operations.Timeout:      -32005,
	operations.NoSupervisor: -32006,
	operations.Forbidden:    -32007,
	tooMany:                 -32008,
	operations.Failed:       jrpc2.InternalError,
}

var errTooLong = &operations.Error{Code: operations.TooLarge, Detail: fmt.Sprintf("a message has at most %d bytes", maxMessage)}

// errorData is what an error of an operation has to say beside its message.
type errorData struct {
	Code    operations.Code    `json:"code"`
	Field   string             `json:"field,omitempty"`
	Faults  []operations.Fault `json:"faults,omitempty"`
	Request string             `json:"request,omitempty"`
	Result  *spec.Result       `json:"result,omitempty"`
}

// errorOf turns any error into what is answered.
func errorOf(err error) *jrpc2.Error {
	if known, ok := errors.AsType[*jrpc2.Error](err); ok {
		return known
	}
	e, ok := errors.AsType[*operations.Error](err)
	if !ok {
		e = &operations.Error{Code: operations.Failed, Detail: err.Error()}
	}
	data := errorData{Code: e.Code, Field: e.Field, Faults: e.Faults, Request: e.Request, Result: e.Result}
	if data.Field == "Idempotency-Key" { // as HTTP calls it
		data.Field = "key"
	}
	return &jrpc2.Error{Code: numbers[e.Code], Message: e.Detail, Data: marshal(data)}
}

// refuse makes an error about one parameter.
func refuse(field, format string, args ...any) error {
	return &operations.Error{Code: operations.Invalid, Field: field, Detail: field + ": " + fmt.Sprintf(format, args...)}
}
