package spec

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is written is read as the same, and is a URL alone where that is all.
func TestReadyHTTP(t *testing.T) {
	for want, q := range map[string]HTTPQuestion{
		`"http://localhost/"`: {URL: "http://localhost/"},
		`{"url":"http://localhost/","headers":{"A":"b"},"status":[204]}`: {URL: "http://localhost/", Headers: map[string]string{"A": "b"}, Status: Codes{{204, 204}}},
		`{"url":"https://localhost/","insecure":true}`:                   {URL: "https://localhost/", Insecure: true},
	} {
		text, err := json.Marshal(ReadyHTTP{q})
		if err != nil || string(text) != want {
			t.Errorf("%s, %v; want %s", text, err, want)
		}
		var back ReadyHTTP
		if err := json.Unmarshal(text, &back); err != nil || cmp.Diff(q, back.HTTPQuestion) != "" {
			t.Errorf("%s: %v %s", text, err, cmp.Diff(q, back.HTTPQuestion))
		}
	}
}
