package logs

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestFit(t *testing.T) {
	for name, tc := range map[string]struct {
		next    string
		room    int64
		empty   bool
		atStart bool
		n       int
		aside   bool
	}{
		"whole lines":                    {"a\nb\n", 10, false, true, 4, false},
		"a rest":                         {"a\nb", 10, false, true, 2, true},
		"too many":                       {"aa\nbb\ncc\n", 7, false, true, 6, true},
		"exactly":                        {"aa\nbb\n", 6, false, true, 6, false},
		"no line fits":                   {"aaaa\n", 3, false, true, 0, true},
		"no line fits, in a new file":    {"aaaa\n", 3, true, true, 3, true},
		"no end, at the start of a line": {"aa", 10, false, true, 0, true},
		"no end, in a new file":          {"aa", 10, true, true, 2, false},
		"no end, within a line":          {"aa", 10, false, false, 2, false},
		"no end and no room":             {"aaaa", 3, false, false, 3, true},
		"no room":                        {"a\n", 0, false, true, 0, true},
		"less than no room":              {"a\n", -5, false, false, 0, true},
	} {
		n, aside := fit([]byte(tc.next), tc.room, tc.empty, tc.atStart)
		if n != tc.n || aside != tc.aside {
			t.Errorf("%s: %d, %v; want %d, %v", name, n, aside, tc.n, tc.aside)
		}
	}
}

// Of what comes faster than the rate, whole lines go, and what is kept is what the
// rate allows.
func TestBucket(t *testing.T) {
	var b bucket
	line := []byte(strings.Repeat("x", 99) + "\n")
	kept, lost := 0, 0
	now := int64(1e18)
	for range 1000 { // a second, and a hundred times too much
		in := bytes.Repeat(line, 10)
		for len(in) > 0 {
			n, keep, cut := b.next(in, now, 10000)
			if n == 0 || cut || n%100 != 0 {
				t.Fatalf("%d, %v, %v", n, keep, cut)
			}
			if keep {
				kept += n
			} else {
				lost += n
			}
			in = in[n:]
		}
		now += int64(time.Millisecond)
	}
	if kept < 19000 || kept > 21000 || kept+lost != 1000000 {
		t.Errorf("kept %d of a second at 10000 a second and as much at once, lost %d", kept, lost)
	}
	// After a pause there is room for a second again, not more.
	now += int64(time.Hour)
	if n, keep, _ := b.next(bytes.Repeat(line, 500), now, 10000); !keep || n != 10000 {
		t.Errorf("after a pause %d, %v", n, keep)
	}
	// The clock is set back.
	if _, keep, _ := b.next(line, now-int64(time.Hour), 10000); keep {
		t.Error("kept for nothing")
	}
}

// A line without an end is cut, and its rest goes.
func TestBucketCut(t *testing.T) {
	b := bucket{}
	long := bytes.Repeat([]byte("x"), 10000)
	kept, cuts := 0, 0
	for range 100 {
		n, keep, cut := b.next(long, 1e18, 5000)
		if keep {
			kept += n
		}
		if cut {
			cuts++
		}
	}
	if cuts != 1 || kept < longestOverdraft || kept > longestOverdraft+20000 {
		t.Errorf("%d cuts, %d kept", cuts, kept)
	}
	if n, keep, _ := b.next([]byte("rest\nnext\n"), 1e18, 5000); keep || n != 5 {
		t.Errorf("%d, %v", n, keep)
	}
}

func TestSurplus(t *testing.T) {
	now := time.Unix(1700000000, 0)
	all := func(n int) (files []aged) {
		for i := range n {
			files = append(files, aged{part{uint64(i + 1), false}, now.Add(time.Duration(i-n) * time.Hour), 100})
		}
		return files
	}
	for name, tc := range map[string]struct {
		policy policy
		have   int
		gone   int
	}{
		"few":            {policy{files: 5, total: -1}, 3, 0},
		"too many":       {policy{files: 5, total: -1}, 8, 3},
		"none":           {policy{files: 0, total: -1}, 2, 2},
		"too old":        {policy{files: 9, total: -1, age: 150 * time.Minute}, 4, 2},
		"too large":      {policy{files: 9, total: 250}, 4, 2},
		"just so large":  {policy{files: 9, total: 300}, 4, 1},
		"nothing at all": {policy{files: 9, total: 0}, 4, 4},
		"all of it":      {policy{files: 3, total: 150, age: time.Minute}, 4, 4},
	} {
		if got := surplus(all(tc.have), &tc.policy, now); len(got) != tc.gone {
			t.Errorf("%s: %d go, want %d", name, len(got), tc.gone)
		}
	}
}
