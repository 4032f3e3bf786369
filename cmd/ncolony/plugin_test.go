package main

import (
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
