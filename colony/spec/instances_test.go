package spec

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestServices(t *testing.T) {
	for text, want := range map[string][]string{
		`{"args":["x"]}`:                 {"web"},
		`{"args":["x"],"instances":0}`:   {},
		`{"args":["x"],"instances":1}`:   {"web@1"},
		`{"args":["x"],"instances":3.0}`: {"web@1", "web@2", "web@3"},
	} {
		s := mustParse(t, text)
		if diff := cmp.Diff(want, s.Services("web")); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		if s.Runs() != (len(want) > 0) {
			t.Errorf("%s: Runs = %v", text, s.Runs())
		}
	}
}

func TestInstance(t *testing.T) {
	for name, want := range map[string]struct {
		file   string
		number int
	}{
		"web":         {"web", 0},
		"web@1":       {"web", 1},
		"web@1000":    {"web", 1000},
		"web@1001":    {"web@1001", 0},
		"web@0":       {"web@0", 0},
		"web@01":      {"web@01", 0},
		"web@+1":      {"web@+1", 0},
		"web@":        {"web@", 0},
		"web@x":       {"web@x", 0},
		"a@b@2":       {"a@b", 2},
		"@heartcheck": {"@heartcheck", 0},
		"@1":          {"@1", 0},
		"":            {"", 0},
	} {
		file, number := Instance(name)
		if file != want.file || number != want.number {
			t.Errorf("Instance(%q) = %q, %d; want %q, %d", name, file, number, want.file, want.number)
		}
		if number > 0 && InstanceName(file, number) != name {
			t.Errorf("InstanceName(%q, %d) is not %q", file, number, name)
		}
	}
}

// TestOnlyScaled: the number alone, and how the file is written.
func TestOnlyScaled(t *testing.T) {
	base := mustParse(t, `{"args":["x"],"instances":2,"group":["g"]}`)
	for text, want := range map[string]bool{
		`{"args":["x"],"instances":3,"group":["g"]}`:                   true,
		` {"group":["g"], "args":["x"],"instances":2e0}`:               true,
		`{"$schema":"x","args":["x"],"instances":0,"group":["g"]}`:     true,
		`{"args":["x"],"instances":3,"group":["h"]}`:                   false,
		`{"args":["y"],"instances":3,"group":["g"]}`:                   false,
		`{"args":["x"],"group":["g"]}`:                                 false,
		`{"args":["x"],"instances":3,"group":["g"],"restart":"never"}`: false,
	} {
		other := mustParse(t, text)
		if got := OnlyScaled(base, other); got != want {
			t.Errorf("%s: OnlyScaled = %v", text, got)
		}
	}
	if !SameProcess(base, mustParse(t, `{"args":["x"]}`)) {
		t.Error("the number of instances is part of the identity")
	}
	if !Live("instances") {
		t.Error("it is not taken live")
	}
}

func TestLongestInstanceName(t *testing.T) {
	name := fmt.Sprintf("%0*d", MaxNameLength, 1)
	if CheckName(name) != nil {
		t.Fatal("no name")
	}
	if file, number := Instance(InstanceName(name, MaxInstances)); file != name || number != MaxInstances {
		t.Errorf("%q, %d", file, number)
	}
}
