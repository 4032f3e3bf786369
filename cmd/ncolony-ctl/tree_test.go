package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

func TestTree(t *testing.T) {
	for _, tc := range []struct {
		what  string
		needs map[string][]string
		names string
		want  string
	}{
		{"roots alone, helpers last", map[string][]string{"b": nil, "@h": nil, "a": nil}, "", "a\nb\n@h"},
		{"in full at the deepest place", map[string][]string{"db": nil, "api": {"db"}, "web": {"api", "db"}, "mq": nil, "w": {"db", "mq"}}, "",
			"db\n├─ api\n│  └─ web\n├─ w\n└─ -> web\nmq\n└─ -> w"},
		{"a name of nobody", map[string][]string{"a": {"none"}}, "", "none\n└─ a"},
		{"a cycle", map[string][]string{"x": {"z"}, "y": {"x"}, "z": {"y"}, "a": {"x"}}, "", "y\n└─ z\n   └─ x\n      ├─ a\n      └─ -> y"},
		{"itself", map[string][]string{"x": {"x"}}, "", "x\n└─ -> x"},
		{"around one", map[string][]string{"db": nil, "api": {"db", "mq"}, "web": {"api"}, "mq": nil, "w": {"mq"}}, "api", "db\n└─ api\n   └─ web\nmq\n└─ -> api"},
		{"around one, whose place is another then", map[string][]string{"db": nil, "api": {"db", "mq"}, "mq": nil}, "mq", "mq\n└─ api"},
	} {
		needs := tc.needs
		for _, list := range tc.needs {
			for _, name := range list {
				if _, known := needs[name]; !known {
					needs[name] = nil
				}
			}
		}
		tree := newTree(needs)
		if tc.names != "" {
			tree = tree.around(strings.Fields(tc.names))
		}
		var got []string
		for _, b := range tree.branches() {
			if b.reference {
				b.indent += "-> "
			}
			got = append(got, b.indent+b.name)
		}
		if diff := cmp.Diff(strings.Split(tc.want, "\n"), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.what, diff)
		}
	}
}

func TestTreeTable(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var g ctl.Graph
	for name, text := range map[string]string{"web": `{"args": ["a"], "after": ["api"], "requires": ["db"]}`, "new": `{"args": ["a"]}`, "api": ""} {
		s, _ := spec.Parse([]byte(text))
		g.Put(name, name, s)
	}
	statuses := []spec.Status{
		{Name: "api", State: spec.Waiting, Since: now.Add(-time.Minute), WaitingFor: []string{"mq"}},
		{Name: "mq", State: spec.Starting, Since: now, PID: 7},
		{Name: "web", State: spec.Waiting, Since: now.Add(-time.Minute), WaitingFor: []string{"api", "db"}, Reason: `there is no service "db"`},
	}
	want := `NAME       STATE     PID  SINCE  NOTE
db         -         -    -      there is no such service
└─ -> web
mq         starting  7    0s
└─ api     waiting   -    1m0s   waits for mq
   └─ web  waiting   -    1m0s   waits for api, db; there is no service "db"
new        -         -    -      the supervisor has not seen it yet
`
	var out bytes.Buffer
	if err := treeTable(growTree(&g, statuses), &g, statuses, now, false).write(&out, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}
