package logs

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/internal/fixture"
)

// of are the lines of one service, without its name.
func of(out, name string) string {
	var b strings.Builder
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, "["+name+"] "); ok {
			b.WriteString(rest)
		}
	}
	return b.String()
}

// Whole lines go to the supervisor's output, each behind the name of its service,
// in order, also while files are put aside; and a logger that ends and one that
// begins neither lose nor repeat one.
func TestTee(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	var out fixture.Log
	names := []string{"a", "b"}
	pipes := map[string]*os.File{}
	for _, name := range names {
		c.spec(name, `{"tee": true, "size": 65536, "files": 100}`)
		pipes[name] = c.pipe(name)
	}
	c.spec("quiet", `{}`)
	fmt.Fprintln(c.pipe("quiet"), "not a word of this")
	const each = 1 << 20
	var writers []*exec.Cmd
	for i, name := range names {
		writers = append(writers, c.writer(pipes[name], uint64(i), each))
	}
	for round := range 4 {
		stop := c.logger(func(o *Options) { o.Out = &out })
		fixture.Eventually(t, "lines go out", func() bool { return len(out.String()) > each/3*round })
		stop()
	}
	c.logger(func(o *Options) { o.Out = &out })
	for i, name := range names {
		want := sample(uint64(i), each)
		if err := writers[i].Wait(); err != nil { // else this would be in the midst of it
			t.Fatal(err)
		}
		fmt.Fprint(pipes[name], "no end")
		fixture.Eventually(t, "all lines of "+name, func() bool { return len(of(out.String(), name)) >= len(want) })
		same(t, []byte(of(out.String(), name)), want)
	}
	fmt.Fprint(pipes["a"], " yet\n")
	fixture.Eventually(t, "the end of a line", func() bool { return strings.HasSuffix(out.String(), "[a] no end yet\n") })
	if strings.Contains(out.String(), "quiet") {
		t.Error("what has no tee went out")
	}

	// Switched on, it begins with what comes then.
	c.spec("quiet", `{"tee": true, "format": "json"}`)
	quiet, err := os.OpenFile(c.dir("quiet")+"/pipe", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Close()
	fixture.Eventually(t, "it is on", func() bool {
		fmt.Fprintln(quiet, "now")
		return strings.Contains(out.String(), `"service":"quiet","line":"now"`)
	})
	if strings.Contains(out.String(), "not a word") {
		t.Error("what was written before went out")
	}
}

// An output that stands still stops neither services nor what is kept of them;
// later it goes on, says what it has not shown, and gets the latest.
func TestTeeStalled(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := newColony(t)
	c.spec("web", `{"tee": true}`)
	dir := c.dir("web")
	pipe := c.pipe("web")
	c.logger(func(o *Options) { o.Out, o.behind = w, 200*time.Millisecond })
	const size = 8 << 20
	if err := c.writer(pipe, 1, size).Wait(); err != nil {
		t.Fatal(err)
	}
	want := sample(1, size)
	fixture.Eventually(t, "all is kept", func() bool { return len(content(t, dir)) == len(want) })
	time.Sleep(300 * time.Millisecond) // as long as it may be behind
	fmt.Fprintln(pipe, "the latest")
	var out fixture.Log
	go io.Copy(&out, r)
	fixture.Eventually(t, "the latest goes out", func() bool { return strings.Contains(out.String(), "\n[web] the latest\n") })
	got := out.String()
	var missed int
	before, after, found := strings.Cut(got, "[web] [ncolony: ")
	if _, err := fmt.Sscanf(after, "%d bytes not shown: standard output is slow]", &missed); !found || err != nil {
		t.Fatalf("nothing is said: %v", err)
	}
	_, after, _ = strings.Cut(after, "\n")
	if n := len(of(before, "web")) + missed + len(of(after, "web")); n != len(want)+len("the latest\n") {
		t.Errorf("%d bytes are accounted for, of %d", n, len(want))
	}
	w.Close()
}
