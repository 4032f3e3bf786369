package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/internal/fixture"
)

// put writes a stream by hand: lines at seconds.
func put(t *testing.T, dir string, generation uint64, lines map[int]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var text []byte
	x := indexHeader(generation, 0, neverTeed)
	for second := range 100 {
		if line, ok := lines[second]; ok {
			x = entry{timeEntry, int64(len(text)), time.Unix(1700000000+int64(second), 0).UnixNano()}.append(x)
			text = append(append(text, line...), '\n')
		}
	}
	if err := os.WriteFile(plainPath(dir, generation), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(indexPath(dir, generation), x, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Lines of several services and streams come in the order of their times, and
// only those that are asked for.
func TestRead(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	put(t, c.dir("web"), 1700000000, map[int]string{1: "a1", 4: "a4"})
	put(t, c.dir("web"), 1700000005, map[int]string{5: "a5", 9: "a9"})
	put(t, c.dir("web/stderr"), 1700000001, map[int]string{3: "e3", 6: "e6"})
	put(t, c.dir("db"), 1700000002, map[int]string{2: "b2", 4: "b4", 8: "b8"})
	compressNow(t, c.dir("web"), part{1700000000, false})
	at := func(s int) time.Time { return time.Unix(1700000000+int64(s), 0) }
	last := func(n int) *int { return &n }
	for name, tc := range map[string]struct {
		q    Query
		want string
	}{
		"all of one":          {Query{Names: []string{"web"}}, "a1 e3 a4 a5 e6 a9"},
		"all":                 {Query{Names: []string{"web", "db"}}, "a1 b2 e3 b4 a4 a5 e6 b8 a9"},
		"standard output":     {Query{Names: []string{"web"}, Stdout: true}, "a1 a4 a5 a9"},
		"standard error":      {Query{Names: []string{"web"}, Stderr: true}, "e3 e6"},
		"both, said so":       {Query{Names: []string{"web"}, Stdout: true, Stderr: true}, "a1 e3 a4 a5 e6 a9"},
		"since":               {Query{Names: []string{"web", "db"}, Since: at(5)}, "a5 e6 b8 a9"},
		"until":               {Query{Names: []string{"web", "db"}, Until: at(4)}, "a1 b2 e3 b4 a4"},
		"since and until":     {Query{Names: []string{"web", "db"}, Since: at(4), Until: at(6)}, "b4 a4 a5 e6"},
		"the last of several": {Query{Names: []string{"web", "db"}, Last: last(4)}, "a5 e6 b8 a9"},
		"the last of one":     {Query{Names: []string{"db"}, Last: last(2)}, "b4 b8"},
		"none":                {Query{Names: []string{"db"}, Last: last(0)}, ""},
		"the last until":      {Query{Names: []string{"web"}, Stdout: true, Last: last(2), Until: at(5)}, "a4 a5"},
		"the last since":      {Query{Names: []string{"db"}, Last: last(9), Since: at(3)}, "b4 b8"},
		"grep":                {Query{Names: []string{"web", "db"}, Grep: regexp.MustCompile("[14]$")}, "a1 b4 a4"},
		"the last of grep":    {Query{Names: []string{"web"}, Grep: regexp.MustCompile("^a"), Last: last(3)}, "a4 a5 a9"},
		"nobody":              {Query{Names: []string{"nobody"}}, ""},
		"before all":          {Query{Names: []string{"web"}, Until: at(0)}, ""},
	} {
		var got []string
		err := Read(t.Context(), c.places, tc.q, func(s Shown) error {
			if s.Stderr != strings.HasPrefix(string(s.Text), "e") || s.Time.Unix()-1700000000 != int64(s.Text[1]-'0') {
				t.Errorf("%s: %+v", name, s)
			}
			got = append(got, string(s.Text))
			return nil
		})
		if d := cmp.Diff(tc.want, strings.Join(got, " ")); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", name, err, d)
		}
	}
}

// A follower sees every line once, across the files that are begun, compressed
// and removed meanwhile.
func TestFollow(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	c.spec("web", `{"size": 16384, "files": 1000}`)
	pipe := c.pipe("web")
	c.logger()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var n atomic.Int64
	done := make(chan error, 1)
	go func() {
		done <- Read(ctx, c.places, Query{Names: []string{"web"}, Follow: true}, func(s Shown) error {
			if want := fmt.Sprint("line ", n.Load()); string(s.Text) != want && string(s.Text) != "no end" {
				return fmt.Errorf("got %q, want %q", s.Text, want)
			}
			n.Add(1)
			return nil
		})
	}()
	for i := range 10000 {
		fmt.Fprintln(pipe, "line", i)
		if i%1000 == 0 {
			fixture.Eventually(t, "the follower keeps up", func() bool { return n.Load() >= int64(i) })
		}
	}
	fmt.Fprint(pipe, "no end")
	fixture.Eventually(t, "all is seen", func() bool { return n.Load() == 10000 || len(done) > 0 })
	fixture.Eventually(t, "the rest is kept", func() bool { return strings.HasSuffix(string(content(t, c.dir("web"))), "no end") })
	cancel()
	if err := <-done; err != nil || n.Load() != 10001 {
		t.Errorf("%v after %d lines", err, n.Load())
	}
	if all, _ := parts(c.dir("web")); len(all) < 5 {
		t.Errorf("%d files", len(all))
	}
}

func TestLook(t *testing.T) {
	line := Line{Position{17, 4}, time.Unix(1700000000, 250e6), []byte("a \"b\" <\xff>"), true}
	if got := string(Look{Name: "web", Prefix: true}.Append(nil, line)); got != "[web] a \"b\" <\xff>\n" {
		t.Errorf("%q", got)
	}
	stamp := line.Time.Local().Format(timeLayout)
	if got := string(Look{Name: "web", Timestamps: true}.Append(nil, line)); got != stamp+" a \"b\" <\xff>\n" {
		t.Errorf("%q", got)
	}
	var o map[string]any
	got := Look{Name: "web", JSON: true, Stderr: true}.Append([]byte("x"), line)
	if err := json.Unmarshal(got[1:], &o); err != nil || got[len(got)-1] != '\n' {
		t.Fatal(err)
	}
	want := map[string]any{"time": "2023-11-14T22:13:20.25Z", "service": "web", "stream": "stderr", "line": "a \"b\" <\uFFFD>", "at": "17:4"}
	if d := cmp.Diff(want, o); d != "" {
		t.Error(d)
	}
	line.Whole = false
	if got := string(Look{}.Append(nil, line)); strings.HasSuffix(got, "\n") {
		t.Errorf("%q", got)
	}
}
