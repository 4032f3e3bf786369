package ctl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Scale writes count as the "instances" of name, and leaves all else in its file
// as it is. It returns the file's new content. The error is ErrNoService, or what
// spec.Parse says of the file before or after, or from the file system.
func Scale(p Places, name string, count int) ([]byte, error) {
	content, _, err := Spec(p, name)
	if err != nil {
		return nil, err
	}
	if _, err := spec.Parse(content); err != nil { // else we would not find our way
		return nil, err
	}
	content, err = withInstances(content, count)
	if err != nil {
		return nil, err
	}
	return content, Add(p, name, content)
}

// withInstances puts a number into the text of a spec that is good.
func withInstances(content []byte, count int) ([]byte, error) {
	number := strconv.Itoa(count)
	in := json.NewDecoder(bytes.NewReader(content))
	depth, last := 0, 0 // last is where the last member of the object ends
	for key := true; ; {
		token, err := in.Token()
		if err == io.EOF {
			return nil, fmt.Errorf("scale: the file is no object")
		}
		if err != nil {
			return nil, err
		}
		switch delim, _ := token.(json.Delim); {
		case delim == '{' || delim == '[':
			depth++
			key = depth == 1
			continue
		case delim == '}' && depth == 1:
			return insert(content, last, number), nil
		case delim == '}' || delim == ']':
			depth--
		case depth == 1 && key && token == "instances":
			from := int(in.InputOffset())
			if _, err := in.Token(); err != nil {
				return nil, err
			}
			to := int(in.InputOffset())
			from = to - len(bytes.TrimLeft(content[from:to], ": \t\r\n"))
			return bytes.Join([][]byte{content[:from], content[to:]}, []byte(number)), nil
		}
		if depth == 1 {
			if !key {
				last = int(in.InputOffset())
			}
			key = !key
		}
	}
}

// insert adds the key behind the last member, which ends there, in the way in
// which the members are written.
func insert(content []byte, last int, number string) []byte {
	space := " "
	first := bytes.IndexByte(content, '{') + 1
	if lead := content[first : first+bytes.IndexByte(content[first:], '"')]; bytes.ContainsRune(lead, '\n') {
		space = string(lead)
	}
	member := "," + space + `"instances": ` + number
	return bytes.Join([][]byte{content[:last], content[last:]}, []byte(member))
}
