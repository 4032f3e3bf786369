package ctl

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// FuzzEvents: however the supervisor's writes are cut, a reader who looks in
// between gets every whole line once and in order, and no half of one.
func FuzzEvents(f *testing.F) {
	f.Add([]byte(`{"seq":1,"type":"x"}`+"\n"+`{"seq":2,"ty`), []byte{3, 30})
	f.Add([]byte("\n\n{}\x00\n"), []byte{1, 1, 1})
	f.Add(bytes.Repeat([]byte(`{"seq":1,"type":"x"}`+"\n"), 20), []byte{200})
	f.Fuzz(func(t *testing.T, content, cuts []byte) {
		p := Places{State: t.TempDir()}
		if err := os.MkdirAll(p.EventsDir(), 0o755); err != nil {
			t.Fatal(err)
		}
		file, err := os.Create(filepath.Join(p.EventsDir(), "current.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		j := journal{dir: p.EventsDir()}
		defer j.close()
		var got [][]byte
		take := func(line []byte) error { got = append(got, slices.Clone(line)); return nil }
		for rest := content; ; {
			n := len(rest)
			if len(cuts) > 0 {
				n, cuts = min(n, int(cuts[0])), cuts[1:]
			}
			if _, err := file.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			if err := j.read(t.Context(), take); err != nil {
				t.Fatal(err)
			}
			if rest = rest[n:]; len(rest) == 0 {
				break
			}
		}
		whole := bytes.Split(content, []byte("\n"))
		whole = whole[:len(whole)-1]
		if !slices.EqualFunc(got, whole, bytes.Equal) {
			t.Fatalf("lines %q of %q", got, content)
		}
		n := 0
		err = Events(context.Background(), p, EventOptions{}, func(e spec.Event, line []byte) error {
			if n++; e.Type == "" || !bytes.Contains(content, line) {
				t.Fatalf("event %+v of %q", e, line)
			}
			return nil
		})
		if err != nil || n > len(whole) {
			t.Fatalf("%d events of %d lines, %v", n, len(whole), err)
		}
	})
}
