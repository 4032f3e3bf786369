package top

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestFolded(t *testing.T) {
	for _, tc := range []struct {
		width      int
		text, want string
	}{
		{20, "short", "short"},
		{20, "", ""},
		{20, "a line that is wider than that", "a line that is wider\n  than that"},
		{20, "  a line that is wider than", "  a line that is\n    wider than"},
		{20, "you can  do it or leave it be", "you can  do it or\n          leave it\n          be"},
		{10, "abcdefghijklmnopqrstuvwxyz", "abcdefghij\n  klmnopqr\n  stuvwxyz"},
		{10, "äöüäöüäöüäöü", "äöüäöüäöüä\n  öü"},
	} {
		if diff := cmp.Diff(strings.Split(tc.want, "\n"), folded(tc.text, tc.width)); diff != "" {
			t.Errorf("%q at %d (-want +got):\n%s", tc.text, tc.width, diff)
		}
	}
}

// Whatever stands in a line, and however narrow the window, folding ends, fits and
// loses nothing but blanks.
func FuzzFolded(f *testing.F) {
	f.Add("you can  ncolony ctl --root /tmp/x restart web  end it and start it anew", 20)
	f.Add("          x y", 3)
	f.Add(strings.Repeat("\u00e4 ", 40), 7)
	f.Fuzz(func(t *testing.T, text string, width int) {
		if width < 2 || width > 500 || !utf8.ValidString(text) {
			return
		}
		lines := folded(text, width)
		for _, line := range lines {
			if utf8.RuneCountInString(line) > width {
				t.Errorf("%q is wider than %d", line, width)
			}
		}
		bare := func(s string) string { return strings.NewReplacer(" ", "", "\n", "").Replace(s) }
		if got, want := bare(strings.Join(lines, "")), bare(text); got != want {
			t.Errorf("%q became %q", want, got)
		}
	})
}

func TestPager(t *testing.T) {
	p := &pager{fits: 10, tail: true}
	for range 100 {
		p.lines = append(p.lines, "x")
	}
	p.key(end)
	for _, step := range []struct {
		key   key
		first int
		tail  bool
	}{{end, 90, true}, {up, 89, false}, {pageUp, 80, false}, {home, 0, false}, {up, 0, false}, {"j", 1, false}, {" ", 10, false}, {"G", 90, true}, {down, 90, true}} {
		if !p.key(step.key) || p.first != step.first || p.tail != step.tail {
			t.Errorf("after %s: first %d, tail %v; want %d, %v", step.key, p.first, p.tail, step.first, step.tail)
		}
	}
	if p.key("r") {
		t.Error("a key that moves nothing was taken")
	}
}

func TestReadable(t *testing.T) {
	for text, want := range map[string]string{
		"plain": "plain", "\x1b[1;31mred\x1b[0m": "red", "a\tb": "a    b", "\x1b]0;title\x07x": "x", "\xff\xfe!": "?!", "\x1b(Bx": "x",
	} {
		if got := readable([]byte(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := readable([]byte(strings.Repeat("x", mostShown+1))); len(got) != mostShown {
		t.Errorf("%d bytes of a long line, want %d", len(got), mostShown)
	}
}
