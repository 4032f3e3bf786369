package ctl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func TestReport(t *testing.T) {
	dir := t.TempDir()
	for file, content := range map[string]string{
		"web":         good,
		"bad":         "{\n\"args\": 1}",
		"odd":         `{"args": ["a"], "Args": 1}`,
		"twin":        good,
		"twin.json":   good,
		"web.bak":     "{",
		".hidden":     "{",
		"db.bak.json": good,
		"large":       strings.Repeat(" ", spec.MaxSpecSize+1),
		"a/b":         "{",
	} {
		write(t, filepath.Join(dir, file), content)
	}
	if err := os.Symlink(filepath.Join(dir, "a"), filepath.Join(dir, "linked")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "lost")); err != nil {
		t.Fatal(err)
	}
	var r Report
	if err := r.Dir(dir); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range r.Findings {
		got = append(got, strings.TrimPrefix(f.String(), dir+"/"))
	}
	want := []string{
		"bad:2:9: args: must be a list, not a number",
		`db.bak.json: name "db.bak": ends in ".bak", files of such names are ignored`,
		"large:1:102401: too large: more than 100 KiB",
		"lost: dangling symbolic link to nowhere",
		`odd: warning: unknown key "Args": did you mean "args"?`,
		"twin.json: both twin and twin.json are there; remove one",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if r.Specs != 7 || r.Errors() != 5 || r.Warnings() != 1 {
		t.Errorf("%d specs, %d errors, %d warnings", r.Specs, r.Errors(), r.Warnings())
	}
	if err := r.Dir(filepath.Join(dir, "none")); err == nil {
		t.Error("a directory that is not there was read")
	}
}
