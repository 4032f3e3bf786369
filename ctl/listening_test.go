package ctl

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOnePlace: two services that listen at one place are odd in a directory that
// is checked, and wrong in one that is to be applied.
func TestOnePlace(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a": `{"args": ["a"], "listen": ["127.0.0.1:8080", "unix:///run/a.sock"]}`,
		"b": `{"args": ["b"], "listen": ["0.0.0.0:8080"]}`,
		"c": `{"args": ["c"], "listen": ["127.0.0.1:8081"]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var r Report
	if err := r.Dir(dir); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range r.Findings {
		if !f.Warning {
			t.Errorf("%+v is no warning", f)
		}
		got = append(got, filepath.Base(f.Path)+" "+f.Problem.Message)
	}
	if diff := cmp.Diff([]string{"b listen: a is at 127.0.0.1:8080 already"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
