package spec

import (
	"slices"
	"testing"
)

// The keys that differ are those by which SameProcess goes: without one that
// restarts there is no restart, and the other way round.
func TestChanges(t *testing.T) {
	const base = `{"args": ["a", "b"], "env": {"X": "1", "Y": "2"}, "backoff": {"min": 1}, "x.y": [1.0, "é"]}`
	for _, test := range []struct {
		now  string
		want []string
	}{
		{base, nil},
		{"{\"x.y\":[1, \"\\u00e9\"],\n\"backoff\": {\"min\": 1.0}, \"env\": {\"Y\": \"2\", \"X\": \"1\"}, \"args\": [\"a\",\"b\"]}\n", nil},
		{`{"args": ["b", "a"], "env": {"X": "1", "Y": "2"}, "backoff": {"min": 1}, "x.y": [1, "é"]}`, []string{"args"}},
		{`{"args": ["a", "b"], "env": {"X": "1"}, "backoff": {"min": 2}, "x.y": [1, "é"], "stop": {}}`, []string{"backoff", "env", "stop"}},
		{`{"args": ["a", "b"], "env": {"X": "1", "Y": "2"}, "restart": "never"}`, []string{"backoff", "restart", "x.y"}},
		{`{"args": ["a", "b"], "env": {"X": "1", "Y": "2"}, "x.y": [1, "é"], "group": ["g"]}`, []string{"backoff", "group"}},
	} {
		a, err := Parse([]byte(base))
		if err != nil {
			t.Fatal(err)
		}
		b, err := Parse([]byte(test.now))
		if err != nil {
			t.Fatal(err)
		}
		got := Changes(a, b)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.now, got, test.want)
		}
		if back := Changes(b, a); !slices.Equal(back, got) {
			t.Errorf("%s: backwards %q", test.now, back)
		}
		restarts := slices.ContainsFunc(got, func(key string) bool { return !Live(key) })
		if restarts == SameProcess(a, b) {
			t.Errorf("%s: %q, but SameProcess says %v", test.now, got, SameProcess(a, b))
		}
	}
}
