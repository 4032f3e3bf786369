package rpc

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/creachadair/jrpc2"

	"github.com/ncolony/ncolony-go/serve/operations"
)

// Whatever is sent, the answer is a good one: JSON-RPC, and to ids that were sent.
func FuzzAnswer(f *testing.F) {
	for _, c := range specification {
		f.Add([]byte(c.send))
	}
	for _, c := range beside {
		f.Add([]byte(c.send))
	}
	for _, c := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"service.list","params":{"limit":1,"states":["running"]}}`,
		`{"jsonrpc":"2.0","id":1,"method":"event.read","params":[["web"],["started"],1,2]}`,
		`{"jsonrpc":"2.0","id":1,"method":"log.read","params":{"name":"web","since":"2026-01-31T12:00:00Z","grep":"(a|b)*"}}`,
		`[{"jsonrpc":"2.0","id":1,"method":"schema.get","params":["spec"]},{"jsonrpc":"2.0","method":"rpc.discover"}]`,
		`{"jsonrpc":"2.0","id":1,"method":"service.signal","params":{"name":"web","signal":"HUP","generation":1,"wait":"1s"}}`,
		"\xef\xbb\xbf{}", "\x00", `{"id":1,"id":2}`, `"\ud800"`, `{"jsonrpc":"2.0","id":"\ud800","method":"x"}`,
	} {
		f.Add([]byte(c))
	}
	_, colony := newColony(f)
	whole := New(colony, quiet())
	for _, m := range examples() {
		whole.methods[m.name] = m
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		out := whole.Answer(as(operations.Reader), text)
		var sent any
		valid := json.Unmarshal(text, &sent) == nil && utf8.Valid(text)
		if out == nil {
			if !valid {
				t.Fatal("no answer to what is no JSON")
			}
			return
		}
		if bytes.ContainsAny(out, "\n") || !utf8.Valid(out) {
			t.Fatalf("the answer is no line of text: %q", out)
		}
		batch, _ := sent.([]any)
		answers := []json.RawMessage{out}
		if out[0] == '[' {
			if err := json.Unmarshal(out, &answers); err != nil || len(answers) == 0 || len(answers) > len(batch) {
				t.Fatalf("%d answers to %d: %v", len(answers), len(batch), err)
			}
		}
		for _, one := range answers {
			var a struct {
				Version string          `json:"jsonrpc"`
				ID      json.RawMessage `json:"id"`
				Result  json.RawMessage `json:"result"`
				Error   *jrpc2.Error    `json:"error"`
			}
			d := json.NewDecoder(bytes.NewReader(one))
			d.DisallowUnknownFields()
			if err := d.Decode(&a); err != nil || a.Version != "2.0" || len(a.ID) == 0 || (a.Result == nil) == (a.Error == nil) {
				t.Fatalf("%v: %s", err, one)
			}
			if !valid && (a.Error == nil || a.Error.Code != jrpc2.ParseError && !strings.Contains(a.Error.Message, "at most")) {
				t.Fatalf("no JSON is answered with %s", one)
			}
			if a.Error != nil && a.Error.Code == jrpc2.ParseError && valid {
				t.Fatalf("JSON is called none: %s", one)
			}
			if a.Error != nil && (a.Error.Code == 0 || a.Error.Message == "") {
				t.Fatalf("an error that says nothing: %s", one)
			}
			// An id comes back as it was written.
			if id := string(a.ID); id != "null" && !bytes.Contains(text, a.ID) {
				t.Fatalf("answered to %s, which nobody sent", id)
			}
		}
	})
}

// Lines are what they are, however they come.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\r\n\n \nc"), 1)
	f.Add([]byte(strings.Repeat("x", 5000)+"\ny"), 4096)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		var want [][]byte
		for _, line := range bytes.Split(text, []byte("\n")) {
			if line = bytes.TrimSpace(line); len(line) > 0 {
				want = append(want, line)
			}
		}
		l := Lines(pieces{bytes.NewReader(text), max(1, size)}, nil)
		for _, line := range want {
			if got, err := l.Recv(); err != nil || !bytes.Equal(got, line) {
				t.Fatalf("got %q, %v, want %q", got, err, line)
			}
		}
		if got, err := l.Recv(); err != io.EOF {
			t.Fatalf("got %q, %v at the end", got, err)
		}
	})
}

// pieces reads a little at a time.
type pieces struct {
	in   io.Reader
	most int
}

func (p pieces) Read(b []byte) (int, error) { return p.in.Read(b[:min(len(b), p.most)]) }
