package spec

import (
	"strings"
	"testing"
)

func TestPlace(t *testing.T) {
	text := newText([]byte("ab\n\ncä\n"))
	for at, want := range [][2]int{{1, 1}, {1, 2}, {1, 3}, {2, 1}, {3, 1}, {3, 2}, {3, 3}, {3, 4}, {4, 1}} {
		if line, column := text.place(at); line != want[0] || column != want[1] {
			t.Errorf("place(%d) = %d, %d; want %v", at, line, column, want)
		}
	}
}

// TestAnyStructureIsRead puts every shape of JSON through the tree.
func TestAnyStructureIsRead(t *testing.T) {
	s := mustParse(t, ` { "args" : [ "a\"b\\" ] , "x.a":[ ],"x.b":{ },"x.c":[[],{},[{}]],"x.d":{"":{"":-0.0e-7}} , "x.e":"," , "x.f":":" } `)
	if s.Args[0] != `a"b\` || len(s.Warnings) != 0 {
		t.Errorf("%q %q", s.Args, s.Warnings)
	}
}

// TestProblemAfterStrings: brackets, commas and colons inside strings must not
// move the places of what follows.
func TestProblemAfterStrings(t *testing.T) {
	text := `{"x.a": "]},:{[\"\\", "x.b" : [ "," , ":" ] ,` + "\n  " + `"args" : 1 }`
	_, err := Parse([]byte(text))
	if p := AsProblem(err); p.Line != 2 || p.Column != 12 {
		t.Errorf("%v", p)
	}
}

// TestHugeNumbers must neither hang nor take memory.
func TestHugeNumbers(t *testing.T) {
	digits := strings.Repeat("9", 50000)
	for _, n := range []string{"1e999999999", "1e-999999999", "1e1048576", digits, "0." + digits, "1e" + digits, "-" + digits} {
		mustParse(t, `{"args":["x"],"a.b":`+n+`}`)
		for _, key := range []string{"uid", "gid", "success_codes"} {
			value := n
			if key == "success_codes" {
				value = "[" + n + "]"
			}
			if _, err := Parse([]byte(`{"args":["x"],"` + key + `":` + value + `}`)); err == nil {
				t.Errorf("%s: %.20s is taken", key, n)
			} else if len(err.Error()) > 60000 {
				t.Errorf("%s: an error of %d bytes", key, len(err.Error()))
			}
		}
		Parse([]byte(`{"args":["x"],"stop":{"grace":` + n + `},"backoff":{"factor":` + n + `}}`))
	}
}
