package convert

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ncolony/ncolony-go/colony/spec"
)

var update = flag.Bool("update", false, "write the outputs of testdata/*.txtar anew")

// inputs are the files of an archive that are to be converted.
func inputs(a *txtar.Archive) (files []File) {
	for _, f := range a.Files {
		if name, ok := strings.CutPrefix(f.Name, "in/"); ok {
			files = append(files, File{"/in/" + name, f.Data})
		}
	}
	return files
}

// check holds what every result promises, and returns it as files.
func check(t *testing.T, r *Result) (out []txtar.File) {
	t.Helper()
	names := map[string]bool{}
	for _, s := range r.Services {
		if err := spec.CheckName(s.Name); err != nil || names[s.Name] {
			t.Errorf("name %q: %v, or a second time", s.Name, err)
		}
		names[s.Name] = true
		back, err := spec.Parse(s.Text)
		if err != nil {
			t.Errorf("%s is refused: %v\n%s", s.Name, err, s.Text)
			continue
		}
		if len(back.Warnings) > 0 {
			t.Errorf("%s has warnings: %q", s.Name, back.Warnings)
		}
		if again, err := back.Marshal(); err != nil || !bytes.Equal(again, s.Text) {
			t.Errorf("%s is another when it is written again: %v\n%s%s", s.Name, err, s.Text, again)
		}
		out = append(out, txtar.File{Name: "spec/" + s.Name, Data: s.Text})
	}
	for _, s := range r.Services {
		for _, name := range s.Spec.Needs {
			if !names[name] {
				t.Errorf("%s needs %s, which there is not", s.Name, name)
			}
		}
		for _, name := range append(append([]string{}, s.Spec.After...), s.Spec.Requires...) {
			if !names[name] || name == s.Name {
				t.Errorf("%s needs %s", s.Name, name)
			}
		}
	}
	var notes bytes.Buffer
	for _, n := range r.All() {
		if n.File == "" || n.Text == "" || n.Kind == "" || strings.Contains(n.Text+n.Key, "\x00") {
			t.Errorf("note %+q", n)
		}
		fmt.Fprintf(&notes, "%s [%s]\n", n, n.Service)
	}
	return append(out, txtar.File{Name: "notes", Data: notes.Bytes()})
}

// TestGolden converts testdata/FORMAT-*.txtar. The files below in/ go in; specs
// and notes come out.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 6 {
		t.Fatalf("%d archives, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			format, _, _ := strings.Cut(filepath.Base(path), "-")
			r, err := Convert(format, inputs(a))
			if err != nil {
				t.Fatal(err)
			}
			got := &txtar.Archive{Comment: a.Comment}
			for _, f := range a.Files {
				if strings.HasPrefix(f.Name, "in/") {
					got.Files = append(got.Files, f)
				}
			}
			got.Files = append(got.Files, check(t, r)...)
			if *update {
				if err := os.WriteFile(path, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(a)), string(txtar.Format(got))); diff != "" {
				t.Errorf("-want +got, mend it with go test ./ctl/convert -update:\n%s", diff)
			}
		})
	}
}
