package procstat

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const tail = "S 1 40 41 0 -1 4194304 0 0 0 0 120 30 7 7 20 0 1 0 9000 1000000 256 18446744073709551615"
	p, ok := Parse([]byte("42 (a) b (c)) " + tail))
	if want := (Process{Session: 41, CPU: 150, Begun: 9000, Pages: 256}); !ok || p != want {
		t.Errorf("%+v %v, want %+v", p, ok, want)
	}
	for _, bad := range []string{"", "42", "42 (x", "42 (x)", "42 (x) S 1 2", "42 (x) " + strings.Replace(tail, "120", "many", 1)} {
		if p, ok := Parse([]byte(bad)); ok {
			t.Errorf("%q is %+v", bad, p)
		}
	}
	for state, dead := range map[string]bool{"S": false, "R": false, "Z": true, "X": true} {
		if p, ok := Parse([]byte("42 (x) " + strings.Replace(tail, "S", state, 1))); !ok || p.Dead != dead {
			t.Errorf("in state %s it is %+v %v", state, p, ok)
		}
	}
}
