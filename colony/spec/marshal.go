package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Marshal returns the text of a file that Parse reads as s: the known keys that
// are set, in the order of the Spec's fields, indented, with a newline at the
// end. Keys of other programs, which are only in Raw, are left out.
func (s *Spec) Marshal() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return nil, fmt.Errorf("marshal spec: %w", err)
	}
	return b.Bytes(), nil
}
