package check

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// FuzzFiles: the checker understands a spec just as the supervisor does; one that
// it does not understand changes nothing, and no status is taken for a life that
// it does not tell of.
func FuzzFiles(f *testing.F) {
	f.Add([]byte(`{"args":["x"],"ncolony.beatcheck":{"period":5,"grace":3,"status":"/run/hearts"}}`), []byte(`{"name":"a","state":"running","pid":7,"generation":3}`))
	f.Add([]byte(`{"args":["x"],"ncolony.beatcheck":null}`), []byte(`{"state":"stopping","pid":7}`))
	f.Add([]byte(`{"args":["x"],"ncolony.beatcheck":{"period":1e-400,"grace":1e400,"status":"x"}}`), []byte(`null`))
	f.Add([]byte(``), []byte(`{"pid":-1,"state":"running"}`))
	f.Fuzz(func(t *testing.T, content, status []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "a")
		write := func(path string, b []byte) {
			if err := os.WriteFile(path+".new", b, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}
		heart := &spec.Beatcheck{Period: spec.Duration(sec), Grace: 2, Status: "/h"}
		write(path, []byte(`{"args":["x"],"ncolony.beatcheck":{"period":1,"grace":2,"status":"/h"}}`))
		s := newSpecs(dir)
		for range 2 {
			if err := s.Scan(func(string, error) {}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(heart, s.Files["a"].Spec.heart); diff != "" {
				t.Fatalf("the heart of %q is another:\n%s", content, diff)
			}
			write(path, content)
			if parsed, err := spec.Parse(content); err == nil {
				heart = parsed.Heart
			}
		}

		file := filepath.Join(dir, "status")
		write(file, status)
		var got helper.Status
		reported, err := got.Read(file, true)
		var want spec.Status
		if json.Unmarshal(status, &want) != nil {
			if err == nil || got.Up {
				t.Fatalf("%q is a status: %+v", status, got)
			}
			return
		}
		if err != nil || !reported || got.Up && want.PID == 0 || got.Life != (life{Generation: want.Generation, PID: want.PID}) {
			t.Fatalf("%q is %+v, %v", status, got, err)
		}
	})
}
