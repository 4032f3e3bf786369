package rpc

import (
	"encoding/json"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// Parameters of methods that operations has no type for. Those that may be left out
// have omitempty or omitzero; "schema" names the schema of one that is any JSON.
type (
	none  struct{}
	named struct {
		Name string `json:"name"`
	}
	typed struct {
		Type string `json:"type"`
	}
	asked struct {
		Request string `json:"request"` // file name of a message
	}
	limited struct {
		Limit int `json:"limit,omitempty"`
	}
	logged struct {
		Name string `json:"name"`
		operations.LogQuery
	}
	added struct {
		Name string          `json:"name"`
		Spec json.RawMessage `json:"spec" schema:"spec"` // or its text, in a string
		waited
	}
	replaced struct {
		Name string          `json:"name"`
		Spec json.RawMessage `json:"spec" schema:"spec"`
		expected
		waited
	}
	patched struct {
		Name  string          `json:"name"`
		Patch json.RawMessage `json:"patch"`
		expected
		waited
	}
	removed struct {
		Name string `json:"name"`
		expected
		waited
	}
	acted struct {
		Name string `json:"name"`
		aimed
	}
	signalled struct {
		Name   string          `json:"name"`
		Signal json.RawMessage `json:"signal"` // name or number
		aimed
	}
	sent struct {
		Message json.RawMessage `json:"message" schema:"message"`
		Key     string          `json:"key,omitempty"`
		waited
	}
)

// Results of methods that operations has no type for.
type (
	specText struct {
		Text string `json:"text"`
		Hash string `json:"spec_sha256"`
	}
	messageList struct {
		Messages []operations.Sent `json:"messages"`
	}
	schemaList struct {
		Types []string `json:"types"`
	}
)

// expected is what the spec has to be for something to be done.
type expected struct {
	Hash string `json:"spec_sha256,omitempty"`
}

// condition is that of a hash; without one, what is otherwise wanted.
func (e expected) condition(otherwise ...string) operations.Condition {
	if e.Hash != "" {
		otherwise = []string{e.Hash}
	}
	return operations.Condition{Match: otherwise}
}

// waited is for how long to wait for what was asked for to come true.
type waited struct {
	Wait spec.Duration `json:"wait,omitzero"`
}

func (w waited) waits() time.Duration { return w.Wait.D() }

// aimed is what else can be said of a request about one service.
type aimed struct {
	Generation *uint64        `json:"generation,omitempty"`
	PID        *int           `json:"pid,omitempty"`
	Reason     string         `json:"reason,omitempty"`
	Key        string         `json:"key,omitempty"`
	Wait       *spec.Duration `json:"wait,omitempty"` // operations.DefaultWait if it is not said
}

func (a aimed) waits() time.Duration {
	if a.Wait == nil {
		return operations.DefaultWait
	}
	return a.Wait.D()
}

// request makes a request of it, held to what a message has to be.
func (a aimed) request(kind spec.Type, name string, signal json.RawMessage) (operations.Request, error) {
	said, err := json.Marshal(struct {
		Signal     json.RawMessage `json:"signal,omitempty"`
		Generation *uint64         `json:"generation,omitempty"`
		PID        *int            `json:"pid,omitempty"`
		Reason     string          `json:"reason,omitempty"`
	}{signal, a.Generation, a.PID, a.Reason})
	if err != nil {
		return operations.Request{}, err
	}
	if err := checkKey(a.Key); err != nil {
		return operations.Request{}, err
	}
	m, err := operations.ParseAction(kind, name, said)
	return operations.Request{Message: m, Key: a.Key, Wait: a.waits()}, err
}

// maxKey is how many bytes a key has at most.
const maxKey = 255

func checkKey(key string) error {
	if len(key) > maxKey {
		return refuse("key", "has more than %d bytes", maxKey)
	}
	return nil
}

// specOf is a spec as it was sent: as JSON, or as text in a string, which may be none.
func specOf(sent json.RawMessage) []byte {
	var s string
	if json.Unmarshal(sent, &s) == nil && sent[0] == '"' {
		return []byte(s)
	}
	return sent
}
