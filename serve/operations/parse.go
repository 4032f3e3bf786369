package operations

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// ParseMessage reads a message as it would stand in a file.
func ParseMessage(text []byte) (spec.Message, error) {
	m, err := spec.ParseMessage(text)
	if err != nil {
		return spec.Message{}, explain(err, "read", "message")
	}
	return *m, nil
}

// actionKeys are what can be said of a request whose type and service are known.
var actionKeys = []string{"signal", "generation", "pid", "reason"}

// ParseAction reads an object with what there is to say of a request about one
// service beside its type: signal, generation, pid, reason. No text is an empty
// object.
func ParseAction(kind spec.Type, name string, text []byte) (spec.Message, error) {
	said := map[string]any{}
	if len(bytes.TrimSpace(text)) > 0 {
		if err := decode(text, &said); err != nil {
			return spec.Message{}, &Error{Code: Invalid, Detail: "read body: " + err.Error(), Faults: []Fault{fault(text, err)}, Err: err}
		}
	}
	for key := range said {
		if !slices.Contains(actionKeys, key) {
			return spec.Message{}, refuse(Invalid, key, "%s: unknown key; there are %s", key, words(actionKeys))
		}
	}
	if said == nil { // null
		said = map[string]any{}
	}
	said["type"], said["name"] = kind, name
	whole, err := json.Marshal(said)
	if err != nil {
		return spec.Message{}, refuse(Invalid, "", "read body: %v", err)
	}
	m, err := spec.ParseMessage(whole)
	if err != nil {
		e := &Error{Code: Invalid, Faults: faults(err), Err: err}
		for i := range e.Faults { // their places are those of a text that nobody has seen
			e.Faults[i].Line, e.Faults[i].Column = 0, 0
		}
		e.Field = e.Faults[0].Field
		e.Detail = fmt.Sprintf("%s %q: %s", verb(kind), name, e.Faults[0].Message)
		return spec.Message{}, e
	}
	return *m, nil
}
