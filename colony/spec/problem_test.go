package spec

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAsProblem(t *testing.T) {
	_, one := Parse([]byte("{}"))
	_, many := Parse([]byte("{\"args\": [1],\n \"main\": 2, \"uid\": 1, \"user\": 2}"))
	tests := []struct {
		err  error
		want *Problem
	}{
		{nil, nil},
		{one, &Problem{1, 1, "args: missing"}},
		{many, &Problem{1, 11, "args[0]: must be a string, not a number; " +
			"line 2 column 10: main: must be a boolean, not a number; line 2 column 23: uid: excludes user, give one of the two"}},
		{fmt.Errorf("read spec %q: %w", "web", one), &Problem{1, 1, "args: missing"}},
		{&Problem{3, 4, "x"}, &Problem{3, 4, "x"}},
		{errors.New("permission denied"), &Problem{0, 0, "permission denied"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, AsProblem(tt.err)); diff != "" {
			t.Error(diff)
		}
	}
	// The order is that of the text, not that of the checks.
	if want := "line 1 column 11: args[0]: must be a string, not a number; line 2"; many.Error()[:len(want)] != want {
		t.Error(many)
	}
}

func TestNearest(t *testing.T) {
	for s, want := range map[string]string{
		"Args": "args", "arg": "args", "agrs": "args", "UID": "uid", "enviroment": "", "env_inherits": "env_inherit",
		"envInherit": "env_inherit", "sucess_codes": "success_codes", "groupes": "groups", "restrat": "restart", "x": "",
		"": "", "limits": "limit", "working_directory": "", "schema": "$schema", "ncolony.beatchek": "ncolony.beatcheck",
	} {
		if got := Nearest(s, topKeys); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", s, got, want)
		}
	}
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"ab", "ba", 1}, {"kitten", "sitting", 3}, {"abc", "abc", 0}, {"abcd", "acbd", 1}} {
		if got := distance(tt.a, tt.b, 9); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestExitString(t *testing.T) {
	for _, tt := range []struct {
		exit Exit
		want string
	}{
		{Exit{Code: ptr(0)}, "exit 0"},
		{Exit{Code: ptr(3)}, "exit 3"},
		{Exit{Signal: "TERM"}, "signal TERM"},
		{Exit{Signal: "SEGV", Core: true}, "signal SEGV (core dumped)"},
		{Exit{Signal: "KILL", OOM: true}, "signal KILL (out of memory)"},
		{Exit{SpawnError: "chdir: no such directory"}, "could not start: chdir: no such directory"},
		{Exit{Unknown: true}, "unknown"},
		{Exit{}, "unknown"},
	} {
		if got := tt.exit.String(); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.exit, got, tt.want)
		}
	}
}
