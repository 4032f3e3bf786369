package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"testing"
	"time"
)

// A follower that was overtaken says so, and one that was not does not: whether
// or not the files say which came before.
func TestMissed(t *testing.T) {
	t.Parallel()
	at := func(g uint64, offset int64) Position { return Position{g, offset} }
	for what, tc := range map[string]struct {
		from             Position
		first, last      int  // files that are there at first
		remove           int  // the oldest, after the first line was read
		untold           bool // the files do not say which came before
		missFrom, missTo Position
		lines            string
	}{
		"from the oldest":         {Position{}, 1, 4, 0, false, Position{}, Position{}, "123"},
		"the oldest are gone":     {Position{}, 3, 5, 0, false, Position{}, Position{}, "34"},
		"in a file":               {at(101, 0), 1, 3, 0, false, Position{}, Position{}, "12"},
		"at its end":              {at(101, 2), 1, 3, 0, false, Position{}, Position{}, "2"},
		"behind the file before":  {at(102, 0), 2, 5, 0, false, Position{}, Position{}, "234"},
		"its file is gone":        {at(101, 2), 2, 4, 0, false, at(101, 2), at(102, 0), "23"},
		"some files are gone":     {at(101, 0), 3, 4, 0, false, at(101, 0), at(103, 0), "3"},
		"removed meanwhile":       {at(101, 0), 1, 6, 2, false, at(102, 0), at(103, 0), "1345"},
		"untold, nothing is gone": {at(101, 0), 1, 4, 0, true, Position{}, Position{}, "123"},
		"untold, one is gone":     {at(101, 2), 2, 4, 0, true, at(101, 2), at(102, 0), "23"},
		"untold, at an edge":      {at(102, 0), 3, 4, 0, true, at(102, 0), at(103, 0), "3"},
	} {
		dir := t.TempDir()
		for i := tc.first; i < tc.last; i++ {
			previous := uint64(100 + i - 1)
			if tc.untold {
				previous = 0
			}
			g := uint64(100 + i)
			os.WriteFile(plainPath(dir, g), fmt.Appendf(nil, "%d\n", i), 0o600)
			os.WriteFile(indexPath(dir, g), indexHeader(g, previous, neverTeed), 0o600)
		}
		f := Stream{dir: dir}.Follow(tc.from)
		defer f.Close()
		var got string
		var from, to Position
		for {
			line, err := f.Next()
			if a, b, ok := f.Missed(); ok {
				from, to = a, b
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			got += string(line.Text)
			for i := range tc.remove {
				os.Remove(plainPath(dir, uint64(101+i)))
				os.Remove(indexPath(dir, uint64(101+i)))
			}
			tc.remove = 0
		}
		if got != tc.lines || from != tc.missFrom || to != tc.missTo {
			t.Errorf("%s: read %q, missed %v to %v", what, got, from, to)
		}
	}
}

// A line of which the end is still to come can be had as it is; what comes then is
// the next.
func TestRest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	os.WriteFile(plainPath(dir, 7), []byte("one\nhal"), 0o600)
	f := Stream{dir: dir}.Follow(Position{})
	defer f.Close()
	if line, err := f.Next(); string(line.Text) != "one" || err != nil || f.At() != (Position{7, 4}) {
		t.Errorf("%q %v %v", line.Text, err, f.At())
	}
	if _, err := f.Next(); err != io.EOF {
		t.Error(err)
	}
	if line, ok := f.Rest(); !ok || string(line.Text) != "hal" || line.Whole || f.At() != (Position{7, 7}) {
		t.Errorf("%q %v %v", line.Text, ok, f.At())
	}
	if _, ok := f.Rest(); ok {
		t.Error("once more")
	}
	os.WriteFile(plainPath(dir, 7), []byte("one\nhalf\n"), 0o600)
	if line, err := f.Next(); string(line.Text) != "f" || err != nil || line.At != (Position{7, 7}) {
		t.Errorf("%q %v", line.Text, err)
	}
}

// A follower gives out no line before its end is there, also where it begins with
// the last few; one that ends gives out what there is. It says when it waits.
func TestFollowWaitsForEnds(t *testing.T) {
	for what, q := range map[string]Query{
		"one":             {Names: []string{"web"}},
		"the last of one": {Names: []string{"web"}, Last: new(int)},
		"several":         {Names: []string{"web", "db"}},
		"the last of all": {Names: []string{"web", "db"}, Last: new(int)},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := newColony(t)
			os.MkdirAll(c.dir("web"), 0o755)
			path := plainPath(c.dir("web"), 7)
			os.WriteFile(path, []byte("one\nha"), 0o600)
			if q.Last != nil {
				*q.Last = 3
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			got, paused := make(chan string, 10), make(chan bool, 1000)
			q.Follow, q.Pause = true, func() error { paused <- true; return nil }
			done := make(chan error, 1)
			go func() {
				done <- Read(ctx, c.places, q, func(s Shown) error { got <- string(s.Text); return nil })
			}()
			next := func(want string) {
				t.Helper()
				select {
				case text := <-got:
					if text != want {
						t.Errorf("got %q, want %q", text, want)
					}
				case <-time.After(long):
					t.Fatalf("%q does not come", want)
				}
			}
			pause := func() {
				t.Helper()
				select {
				case <-paused:
				case <-time.After(long):
					t.Fatal("nobody is told that it waits")
				}
			}
			next("one")
			pause()
			pause() // it has looked again
			select {
			case text := <-got:
				t.Fatalf("%q has no end", text)
			default:
			}
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(f, "lf\nrest")
			f.Close()
			next("half")
			cancel()
			next("rest")
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// What says that it waits, and what takes lines, may end it.
func TestFollowIsEnded(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	os.MkdirAll(c.dir("web"), 0o755)
	os.WriteFile(plainPath(c.dir("web"), 7), []byte("one\n"), 0o600)
	enough := errors.New("enough")
	one := 1
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	for what, q := range map[string]Query{"all": {}, "the last of several": {Last: &one, Grep: regexp.MustCompile("o")}} {
		q.Names, q.Follow = []string{"web"}, true
		if err := Read(ctx, c.places, q, func(Shown) error { return enough }); err != enough {
			t.Errorf("%s: %v", what, err)
		}
		q.Pause = func() error { return enough }
		if err := Read(ctx, c.places, q, func(Shown) error { return nil }); err != enough {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A file that is spoilt is told, and what is behind it is read; nobody asks to be
// told: it is an error.
func TestTrouble(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	dir := c.dir("web")
	put(t, dir, 1700000000, map[int]string{1: "one", 2: "two"})
	put(t, dir, 1700000005, map[int]string{5: "five"})
	compressNow(t, dir, part{1700000000, false})
	path := gzipPath(dir, 1700000000)
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, fi.Size()-10); err != nil {
		t.Fatal(err)
	}
	q := Query{Names: []string{"web"}}
	if err := Read(t.Context(), c.places, q, func(Shown) error { return nil }); err == nil {
		t.Error("no error")
	}
	told := 0
	q.Trouble = func(error) { told++ }
	last := ""
	if err := Read(t.Context(), c.places, q, func(s Shown) error { last = string(s.Text); return nil }); err != nil {
		t.Error(err)
	}
	if told != 1 || last != "five" {
		t.Errorf("told %d times, the last line is %q", told, last)
	}
}
