package places

import "testing"

func TestShellWord(t *testing.T) {
	for word, want := range map[string]string{"/srv/a-b": "/srv/a-b", "a b": "'a b'", "it's": `'it'\''s'`, "": "''", "$x": "'$x'"} {
		if got := shellWord(word); got != want {
			t.Errorf("Shell(%q) = %s, want %s", word, got, want)
		}
	}
}
