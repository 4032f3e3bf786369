package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what is shown as what is wanted, to be read over")

// What differs from run to run: directories, times, pids, what is measured.
var masks = []struct {
	is *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`(?m)^ncolony [/…].*  pid .*$`), "ncolony ROOT  pid N  up T  VERSION  HH:MM:SS"},
	{regexp.MustCompile(`(?m)^ncolony [/…].*  (no supervisor is running).*$`), "ncolony ROOT  $1...  HH:MM:SS"},
	{regexp.MustCompile(`after [\d.]+m?s|at once`), "after T"},
	{regexp.MustCompile(`\b(in|last) \d+[smhd](\d+[smh])?`), "$1 T"},
	{regexp.MustCompile(`pid \d+`), "pid N"},
}

// maskedColumns are those of the table whose cells differ, and how wide they are.
var maskedColumns = map[string]int{"PID": 7, "SINCE": 6, "CPU%": 5, "MEM": 5}

func masked(text string) string {
	lines := strings.Split(text, "\n")
	head := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, " NAME ") })
	for i := head + 1; head >= 0 && i < len(lines) && lines[i] != ""; i++ {
		row := []rune(lines[i])
		for title, width := range maskedColumns {
			if at := strings.Index(lines[head], title); at >= 0 {
				for x := at + len(title) - width; x < min(at+len(title), len(row)); x++ {
					row[x] = '~'
				}
			}
		}
		lines[i] = string(row)
	}
	text = strings.Join(lines, "\n")
	for _, m := range masks {
		text = m.is.ReplaceAllString(text, m.by)
	}
	return text
}

// Screens of 80 by 24, to be looked at in testdata/screens.
func TestScreens(t *testing.T) {
	s := aColony(t)
	w := open(t, s.root, 80, 24)
	look := func(name, until string) {
		t.Helper()
		got := masked(w.shows(until)) + "\n"
		path := filepath.Join("testdata/screens", name+".txt")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// It comes in pieces, and a window may be seen between two of them.
		for end := time.Now().Add(patience); got != string(want) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			got = masked(w.text()) + "\n"
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if n := strings.Count(got, "\n"); n != 24 {
			t.Errorf("%s: %d lines", name, n)
		}
	}
	w.shows(">broken")
	w.types("\x1b[B\x1b[B") // two down
	look("overview", ">doomed")
	w.types("!")
	look("wrong", "what is wrong")
	w.types("!/loo")
	look("filter", "1 row")
	w.types("\rr")
	look("question", "restart loop?")
	w.types("n")
	w.lacks("restart loop?")
	w.types("?")
	look("help", "Everywhere")
	w.escapes("filter: loo")
	w.escapes("@log")
	s.kill()
	look("stale", "no supervisor is running")
}
