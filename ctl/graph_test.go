package ctl

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// needing is the text of a spec that comes after others and requires others.
func needing(after, requires string) string {
	list := func(names string) string {
		if names == "" {
			return "[]"
		}
		return `["` + strings.ReplaceAll(names, " ", `", "`) + `"]`
	}
	return fmt.Sprintf(`{"args": ["a"], "after": %s, "requires": %s}`, list(after), list(requires))
}

func TestKnots(t *testing.T) {
	for _, tc := range []struct {
		what  string
		needs map[string]string
		want  []string
	}{
		{"none", map[string]string{"a": "b c", "b": "c", "c": ""}, nil},
		{"names of nobody make none", map[string]string{"a": "x", "b": "x a"}, nil},
		{"itself", map[string]string{"a": "a", "b": "a"}, []string{"cycle: a -> a"}},
		{"two", map[string]string{"x": "y", "y": "x", "z": "x"}, []string{"cycle: x -> y -> x"}},
		{"the way goes by what depends", map[string]string{"a": "c", "b": "a", "c": "b"}, []string{"cycle: a -> c -> b -> a"}},
		{"the shortest of a knot", map[string]string{"a": "b c", "b": "c", "c": "a"}, []string{"cycle: a -> c -> a"}},
		{"several", map[string]string{"a": "b", "b": "a", "c": "a d", "d": "c"}, []string{"cycle: a -> b -> a", "cycle: c -> d -> c"}},
	} {
		var g Graph
		for name, needs := range tc.needs {
			s, err := spec.Parse([]byte(needing(needs, "")))
			if err != nil {
				t.Fatal(err)
			}
			g.Put(name, name, s)
		}
		var got []string
		for _, k := range g.Knots() {
			got = append(got, k.String())
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.what, diff)
		}
	}
}

func TestReadGraph(t *testing.T) {
	dir := t.TempDir()
	if g, err := ReadGraph(filepath.Join(dir, "none")); err != nil || len(g.Names()) != 0 || g.Dependents("x") != nil {
		t.Errorf("a directory that is not there: %v, %v", g, err)
	}
	for file, content := range map[string]string{
		"web.json":  needing("db mq", "db"),
		"api":       needing("db", ""),
		"db":        "{",
		"twin":      good,
		"twin.json": good,
		"old.bak":   needing("db", ""),
		"sub/x":     needing("db", ""),
	} {
		write(t, filepath.Join(dir, file), content)
	}
	g, err := ReadGraph(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"api", "db", "twin", "web"}, g.Names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"api", "web"}, g.Dependents("db")); diff != "" {
		t.Errorf("dependents (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"db", "mq"}, g.Node("web").Needs()); diff != "" {
		t.Errorf("needs (-want +got):\n%s", diff)
	}
	if g.Node("db").Spec != nil || g.Node("twin").Spec != nil || g.Node("none").Needs() != nil {
		t.Error("a broken spec, two, or none is taken for one")
	}
}

// What a check of a directory says of dependencies, in the order of the files.
func TestReportOfDependencies(t *testing.T) {
	dir := t.TempDir()
	for file, content := range map[string]string{
		"api":       needing("db", "broken"),
		"self":      needing("self", ""),
		"x":         needing("y", ""),
		"y":         needing("x", ""),
		"z":         needing("x", ""),
		"broken":    "{",
		"twice":     needing("db", "db"),
		"web":       needing("api twin", ""),
		"twin":      good,
		"twin.json": good,
	} {
		write(t, filepath.Join(dir, file), content)
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
		`api: warning: requires: "broken" has no good spec`,
		`api: warning: after: there is no service "db"`,
		"broken:1:2: truncated: the text ends inside an object",
		"self: cycle: self -> self",
		`twice: warning: requires: there is no service "db"`,
		"twin.json: both twin and twin.json are there; remove one",
		`web: warning: after: "twin" has no good spec`,
		"x: cycle: x -> y -> x",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if r.Errors() != 4 || r.Warnings() != 4 {
		t.Errorf("%d errors, %d warnings", r.Errors(), r.Warnings())
	}
}
