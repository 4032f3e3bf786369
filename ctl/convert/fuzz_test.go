package convert

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// seed adds the inputs of the archives of a format.
func seed(f *testing.F, format string) {
	paths, _ := filepath.Glob("testdata/" + format + "-*.txtar")
	if len(paths) == 0 {
		f.Fatal("no archives")
	}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, in := range inputs(a) {
			f.Add(string(in.Text))
		}
	}
}

// converted checks all that holds for any text: specs are good, dependencies are
// there, notes say something, and a second time nothing is different.
func converted(t *testing.T, format string, files ...File) {
	r, err := Convert(format, files)
	if (r == nil) != (err != nil) {
		t.Fatalf("Convert = %v, %v", r, err)
	}
	if err != nil {
		return
	}
	out := check(t, r)
	again, err := Convert(format, files)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(out, check(t, again)); diff != "" {
		t.Fatalf("two readings differ: %s", diff)
	}
	if _, err := json.Marshal(r.All()); err != nil {
		t.Fatal(err)
	}
}

func FuzzSupervisord(f *testing.F) {
	seed(f, "supervisord")
	f.Fuzz(func(t *testing.T, text string) {
		file := File{"/in/supervisord.conf", []byte(text)}
		Includes(file)
		if strings.Contains(text, "numprocs") && len(text) > 4096 {
			t.Skip("a thousand copies of a long text take long")
		}
		converted(t, "supervisord", file)
	})
}

func FuzzSystemd(f *testing.F) {
	seed(f, "systemd")
	f.Fuzz(func(t *testing.T, text string) {
		converted(t, "systemd", File{"/in/web@a-b.service", []byte(text)}, File{"/in/db.service", []byte("[Unit]\nBefore=web@a-b.service\n[Service]\nExecStart=/bin/db")})
	})
}

func FuzzCompose(f *testing.F) {
	seed(f, "compose")
	f.Fuzz(func(t *testing.T, text string) {
		converted(t, "compose", File{"/in/compose.yaml", []byte(text)})
	})
}
