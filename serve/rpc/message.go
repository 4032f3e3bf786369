package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/creachadair/jrpc2"

	"github.com/ncolony/ncolony-go/serve/operations"
)

var null = json.RawMessage("null")

// request is one request of a message.
type request struct {
	id           json.RawMessage // null if it has none that can be read
	method       string
	params       json.RawMessage // nil = none
	notification bool            // nobody waits for an answer
}

// split takes a message apart into its requests, as far as it may be one.
func split(text []byte) (requests []json.RawMessage, batch bool, err error) {
	if len(text) > maxMessage {
		return nil, false, errTooLong
	}
	if !utf8.Valid(text) { // encoding/json lets it pass, and an id would go back so
		return nil, false, jrpc2.Errorf(jrpc2.ParseError, "parse error: not UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(text, &whole); err != nil {
		at := ""
		if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = fmt.Sprintf(" at byte %d", bad.Offset)
		}
		return nil, false, jrpc2.Errorf(jrpc2.ParseError, "parse error%s: %v", at, err)
	}
	if whole[0] != '[' {
		return []json.RawMessage{whole}, false, nil
	}
	d := json.NewDecoder(bytes.NewReader(whole))
	d.Token()
	for d.More() {
		var one json.RawMessage
		if err := d.Decode(&one); err != nil {
			return nil, true, jrpc2.Errorf(jrpc2.ParseError, "parse error: %v", err)
		}
		// Each costs far more than it has bytes: they are counted before they are read.
		if len(requests) == maxBatch {
			return nil, true, &operations.Error{Code: operations.TooLarge, Detail: fmt.Sprintf("a batch has at most %d requests", maxBatch)}
		}
		requests = append(requests, one)
	}
	if len(requests) == 0 {
		return nil, true, jrpc2.Errorf(jrpc2.InvalidRequest, "invalid request: an empty batch")
	}
	return requests, true, nil
}

// parse reads one request. With an error, only the id of it is good.
func parse(text json.RawMessage) (request, error) {
	r := request{id: null}
	if text[0] != '{' {
		return r, jrpc2.Errorf(jrpc2.InvalidRequest, "invalid request: not an object")
	}
	all, err := jrpc2.ParseRequests(text)
	if err != nil {
		return r, err
	}
	p := all[0]
	if p.ID != "" {
		r.id = json.RawMessage(p.ID)
	}
	switch {
	case p.Error != nil: // the library calls some of them parse errors, and the specification does not
		return r, jrpc2.Errorf(jrpc2.InvalidRequest, "invalid request: %s", p.Error.Message)
	case p.Method == "":
		return r, jrpc2.Errorf(jrpc2.InvalidRequest, "invalid request: no method")
	}
	r.method, r.params = p.Method, p.Params
	if p.ID == "" {
		// The library takes null for none. The specification says that who sends it
		// waits for an answer.
		var has map[string]json.RawMessage
		if err := json.Unmarshal(text, &has); err != nil {
			return r, err
		}
		r.notification = has["id"] == nil
	}
	return r, nil
}

// answer writes the answer to a request: a result, or an error. A result may be large:
// it is JSON already, and is not read once more for that.
func answer(id, result json.RawMessage, err error) json.RawMessage {
	member := "result"
	if err != nil {
		member, result = "error", marshal(errorOf(err))
	}
	return slices.Concat([]byte(`{"jsonrpc":"2.0","id":`), id, []byte(`,"`+member+`":`), result, []byte("}"))
}

// marshal is for what can always be written.
func marshal(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("write answer: %v", err))
	}
	return text
}

// failed answers a message of which no request can be read.
func failed(err error) []byte { return answer(null, nil, err) }

// joined is the answer to a batch; nil if none of its requests has one.
func joined(answers []json.RawMessage) []byte {
	var out bytes.Buffer
	for _, a := range answers {
		if a == nil {
			continue
		}
		if out.Len() == 0 {
			out.WriteByte('[')
		} else {
			out.WriteByte(',')
		}
		out.Write(a)
	}
	if out.Len() == 0 {
		return nil
	}
	out.WriteByte(']')
	return out.Bytes()
}
