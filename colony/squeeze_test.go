package colony

import (
	"bytes"
	"strings"
	"testing"
)

// What is squeezed comes back as it was, and a snapshot is a good deal shorter.
func TestSqueeze(t *testing.T) {
	w := newWorld(t, testPolicy)
	for range 3 {
		for _, name := range strings.Fields("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon") {
			w.see(name, `{"args":["/usr/bin/`+name+`","--verbose"]}`)
		}
		w.settle()
	}
	snapshot := w.m.encode()
	for _, text := range [][]byte{nil, []byte("x"), []byte("12345678"), bytes.Repeat([]byte("a"), 1000), bytes.Repeat([]byte("abcdefghi"), 99), snapshot} {
		small := squeeze(text)
		back, err := expand(small, len(text))
		if err != nil || !bytes.Equal(back, text) {
			t.Errorf("%d bytes come back as %d: %v", len(text), len(back), err)
		}
	}
	if n := len(squeeze(snapshot)); n > len(snapshot)/3 {
		t.Errorf("a snapshot of %d bytes has %d", len(snapshot), n)
	}
}

// FuzzSqueeze: everything comes back, and what is damaged is refused or read,
// but never a panic.
func FuzzSqueeze(f *testing.F) {
	f.Add([]byte("once and once and once and more"))
	f.Add([]byte{8, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 200, 1, 1, 0})
	f.Fuzz(func(t *testing.T, text []byte) {
		if back, err := expand(squeeze(text), len(text)); err != nil || !bytes.Equal(back, text) {
			t.Errorf("%q comes back as %q: %v", text, back, err)
		}
		expand(text, 1000)
	})
}
