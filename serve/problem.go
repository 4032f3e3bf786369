package serve

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// Codes of problems that only a transport has, beside those of the operations.
const (
	unauthorized     operations.Code = "unauthorized"
	methodNotAllowed operations.Code = "method-not-allowed"
	unsupported      operations.Code = "unsupported-media-type"
	tooMany          operations.Code = "too-many"
)

// kinds says of each code which status it has and what it is called.
var kinds = map[operations.Code]struct {
	status int
	title  string
}{
	operations.Invalid:      {http.StatusBadRequest, "What was sent is wrong"},
	operations.NotFound:     {http.StatusNotFound, "There is no such thing"},
	operations.Precondition: {http.StatusPreconditionFailed, "It is not as was expected"},
	operations.TooLarge:     {http.StatusRequestEntityTooLarge, "Too much was sent"},
	operations.Conflict:     {http.StatusConflict, "It was refused"},
	operations.Timeout:      {http.StatusGatewayTimeout, "It was not done in time"},
	operations.NoSupervisor: {http.StatusServiceUnavailable, "No supervisor is running"},
	operations.Forbidden:    {http.StatusForbidden, "The caller may not do that"},
	operations.Failed:       {http.StatusInternalServerError, "It cannot be done here"},
	unauthorized:            {http.StatusUnauthorized, "A token is needed"},
	methodNotAllowed:        {http.StatusMethodNotAllowed, "The method is not for this"},
	unsupported:             {http.StatusUnsupportedMediaType, "The type of the body is not for this"},
	tooMany:                 {http.StatusServiceUnavailable, "There are too many already"},
}

// Problem is an error as it is answered (RFC 9457).
type Problem struct {
	Type    string             `json:"type"`
	Title   string             `json:"title"`
	Status  int                `json:"status"`
	Detail  string             `json:"detail"`
	Code    operations.Code    `json:"code"`
	Field   string             `json:"field,omitempty"`
	Faults  []operations.Fault `json:"faults,omitempty"`
	Request string             `json:"request,omitempty"`
	Result  *spec.Result       `json:"result,omitempty"`
}

// problemOf turns any error into what is answered.
func problemOf(err error) *Problem {
	e, ok := errors.AsType[*operations.Error](err)
	if !ok {
		e = &operations.Error{Code: operations.Failed, Detail: err.Error()}
	}
	kind := kinds[e.Code]
	p := &Problem{Type: "about:blank", Title: kind.title, Status: kind.status, Detail: e.Detail, Code: e.Code,
		Field: e.Field, Faults: e.Faults, Request: e.Request, Result: e.Result}
	if e.Code == operations.Invalid && len(e.Faults) > 0 {
		p.Status = http.StatusUnprocessableEntity
	}
	return p
}

// fail answers with an error.
func fail(w http.ResponseWriter, err error) {
	p := problemOf(err)
	h := w.Header()
	switch p.Code {
	case unauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="ncolony"`)
	case tooMany:
		h.Set("Retry-After", "5")
	}
	h.Del("ETag")
	writeJSON(w, p.Status, "application/problem+json", p)
}

// problem makes an error that only a transport has.
func problem(code operations.Code, field, detail string) error {
	return &operations.Error{Code: code, Field: field, Detail: detail}
}

// answer answers with a value.
func answer(w http.ResponseWriter, status int, v any) {
	writeJSON(w, status, "application/json", v)
}

func writeJSON(w http.ResponseWriter, status int, kind string, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeText(w, status, kind, append(text, '\n'))
}

func writeText(w http.ResponseWriter, status int, kind string, text []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(text) // who is gone does not hear it
}
