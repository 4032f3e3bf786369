package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommandAt(t *testing.T) {
	root := newRoot()
	for args, want := range map[string]int{
		"":                                   -1,
		"serve":                              0,
		"serve --root x":                     0,
		"--root r serve":                     2,
		"--root=r serve -x":                  1,
		"--insecure serve":                   1,
		"--insecure --log-format text serve": 3,
		"-t 5 serve":                         2,
		"-t5 serve":                          1,
		"-":                                  0,
		"-- serve":                           -1,
		"--root r -- serve":                  -1,
		"--root -- serve":                    2, // the value is "--", for pflag too
		"--bogus serve":                      -1,
		"-x serve":                           -1,
		"--help serve":                       -1,
		"--root":                             -1,
	} {
		if got := commandAt(root, strings.Fields(args)); got != want {
			t.Errorf("%q: command at %d, want %d", args, got, want)
		}
	}
}

func TestIsCommand(t *testing.T) {
	root := newRoot()
	for name, want := range map[string]bool{
		"ctl": true, "heart": true, "heartcheck": true, "help": true, "completion": true, "__complete": true,
		"serve": false, "c": false, "": false,
	} {
		if got := isCommand(root, name); got != want {
			t.Errorf("isCommand(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestFindProgram(t *testing.T) {
	dir := t.TempDir()
	for file, mode := range map[string]os.FileMode{"ncolony-run": 0o755, "ncolony-data": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, file), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "ncolony-dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	t.Setenv("PATH", ".::/nonexistent")
	if got := findProgram("ncolony-run"); got != "" {
		t.Errorf("found %q by way of the working directory", got)
	}
	t.Setenv("PATH", "/nonexistent:"+dir)
	for name, want := range map[string]string{
		"ncolony-run": filepath.Join(dir, "ncolony-run"), "ncolony-data": "", "ncolony-dir": "", "ncolony-none": "",
		"../" + filepath.Base(dir) + "/ncolony-run": "",
	} {
		if got := findProgram(name); got != want {
			t.Errorf("findProgram(%q) = %q, want %q", name, got, want)
		}
	}
}
