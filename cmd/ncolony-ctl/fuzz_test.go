package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzExtras: what --extras takes is one JSON object without a key twice, and
// nothing of it is lost.
func FuzzExtras(f *testing.F) {
	f.Add(`{"ncolony.beatcheck":{"period":0.1e1,"status":"/x"},"n":12345678901234567890}`)
	f.Add(`{"a":1,"a":2}`)
	f.Add(`{"a":[{"b":1,"b":1}]} {}`)
	f.Add(`{"\ud800":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		if !strings.HasPrefix(strings.TrimSpace(text), "{") {
			return // the name of a file
		}
		extras, err := readExtras(text)
		if err != nil {
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("%q is taken", text)
		}
		b, err := json.Marshal(extras)
		if err != nil {
			t.Fatal(err)
		}
		again, err := readExtras(string(b))
		if diff := cmp.Diff(extras, again); err != nil || diff != "" {
			t.Fatalf("%q became %s: %v\n%s", text, b, err, diff)
		}
	})
}
