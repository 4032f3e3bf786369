package logs

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ncolony/ncolony-go/internal/fixture"
)

// Every byte of several services is kept, in files that end with a line and are
// no larger than they may be.
func TestMove(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	const each = 3 << 20
	names := []string{"a", "b", "c"}
	for i, name := range names {
		c.spec(name, `{"size": 262144, "files": 100, "compress": `+fmt.Sprint(i == 1)+`}`)
	}
	c.logger()
	for i, name := range names {
		c.writer(c.pipe(name), uint64(i), each)
	}
	for i, name := range names {
		dir, want := c.dir(name), sample(uint64(i), each)
		fixture.Eventually(t, name+" is kept", func() bool { return size(dir) >= int64(len(want)) })
		same(t, content(t, dir), want)
		all, _ := parts(dir)
		if len(all) < each/(256<<10) {
			t.Errorf("%s: %d files", name, len(all))
		}
		for _, p := range all {
			b, err := contentOf(dir, p)
			if err != nil {
				t.Fatal(err)
			}
			if len(b) > 256<<10 || b[len(b)-1] != '\n' {
				t.Errorf("%s: %d has %d bytes, the last is %q", name, p.generation, len(b), b[len(b)-1])
			}
		}
		if name == "b" {
			fixture.Eventually(t, "files are compressed", func() bool {
				all, _ := parts(dir)
				for _, p := range all[:len(all)-1] {
					if !p.gzip {
						return false
					}
				}
				return true
			})
			same(t, content(t, dir), want)
		}
	}
}

// A logger that is killed while services write as fast as they can loses,
// doubles and tears nothing.
func TestKilled(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	const each = 16 << 20
	c.spec("web", `{"size": "1M", "files": 1000, "compress": false}`)
	pipe := c.pipe("web")
	seed := uint64(7)
	writer := c.writer(pipe, seed, each)
	dir, want := c.dir("web"), sample(seed, each)
	kills := 0
	for seen := int64(-1); ; {
		logger := c.process("logger", nil)
		fixture.Eventually(t, "the logger works", func() bool { n := size(dir); return n > seen || n == int64(len(want)) })
		if seen = size(dir); seen == int64(len(want)) && kills >= 3 {
			logger.Process.Signal(syscall.SIGTERM)
			logger.Wait()
			break
		}
		logger.Process.Kill()
		logger.Wait()
		kills++
		if seen = size(dir); seen == int64(len(want)) && kills < 3 { // it was faster than we
			if err := writer.Wait(); err != nil {
				t.Fatal(err)
			}
			seed++
			writer = c.writer(pipe, seed, each)
			want = append(want, sample(seed, each)...)
		}
	}
	if err := writer.Wait(); err != nil {
		t.Error(err)
	}
	same(t, content(t, dir), want)
	t.Logf("%d kills", kills)
}

// What was written while no logger runs, and what the last service to have the
// pipe has left in it, is kept.
func TestLateLogger(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	c.spec("web", `{}`)
	pipe := c.pipe("web")
	fmt.Fprint(pipe, "before\n")
	c.logger()
	dir := c.dir("web")
	fixture.Eventually(t, "what was there is kept", func() bool { return string(content(t, dir)) == "before\n" })
	fmt.Fprint(pipe, "after, and no end")
	fixture.Eventually(t, "half a line is kept", func() bool { return string(content(t, dir)) == "before\nafter, and no end" })

	// The pipe goes, and another comes.
	os.Remove(pipe.Name())
	fmt.Fprint(pipe, "\nlast\n")
	pipe.Close()
	pipe = c.pipe("web")
	fmt.Fprint(pipe, "new\n")
	fixture.Eventually(t, "both pipes are read", func() bool {
		got := string(content(t, dir))
		return strings.Contains(got, "last\n") && strings.Contains(got, "new\n")
	})
}

// What somebody has deleted or emptied is begun anew, and positions only grow.
func TestDeleted(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	c.spec("web", `{}`)
	pipe := c.pipe("web")
	c.logger()
	dir := c.dir("web")
	line := func(text string) Position {
		t.Helper()
		fmt.Fprintln(pipe, text)
		fixture.Eventually(t, text+" is kept", func() bool { return strings.HasSuffix(string(content(t, dir)), text+"\n") })
		at, err := end(dir)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	at := line("one")
	for i, harm := range []func(){
		func() { os.Remove(filepath.Join(dir, current)) },
		func() { all, _ := parts(dir); os.Remove(all[len(all)-1].path(dir)) },
		func() { os.Truncate(filepath.Join(dir, current), 0) },
		func() { os.RemoveAll(dir) },
		func() { all, _ := parts(dir); os.Remove(indexPath(dir, all[0].generation)) },
	} {
		harm()
		next := line(fmt.Sprint("after ", i))
		if next.Compare(at) <= 0 {
			t.Errorf("after harm %d the position is %v, and was %v", i, next, at)
		}
		at = next
	}
	if b, err := os.ReadFile(filepath.Join(dir, current)); err != nil || !bytes.HasSuffix(b, []byte("after 4\n")) {
		t.Errorf("current has %q, %v", b, err)
	}
}

// A line that is longer than a file is cut where the file ends, and read as one.
func TestLongLine(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	c.spec("web", `{"size": 4096, "files": 100}`)
	pipe := c.pipe("web")
	c.logger()
	text := strings.Repeat("x", 10000)
	fmt.Fprintf(pipe, "first\n%s\nlast\n", text)
	dir := c.dir("web")
	fixture.Eventually(t, "all is kept", func() bool { return size(dir) == int64(len(text)+12) })
	got := read(t, dir)
	if len(got) != 3 || got[0] != "first" || got[1] != text || got[2] != "last" {
		t.Errorf("%d lines: %.100q", len(got), got)
	}
}

// read reads the lines of a stream.
func read(t testing.TB, dir string) (all []string) {
	t.Helper()
	l := newLines(dir, Position{})
	defer l.close()
	for {
		line, err := l.next()
		if err != nil {
			return all
		}
		all = append(all, string(line.Text))
	}
}

// Two loggers never write at once: the second waits.
func TestTwoLoggers(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	const size1 = 8 << 20
	c.spec("web", `{"size": "1G"}`)
	pipe := c.pipe("web")
	stop := c.logger()
	fixture.Eventually(t, "the first is up", func() bool { return Running(c.places) })
	var told fixture.Log
	c.logger(func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&told, nil)) })
	fixture.Eventually(t, "the second waits", func() bool { return strings.Contains(told.String(), "another logger keeps these logs") })
	c.writer(pipe, 3, size1)
	dir, want := c.dir("web"), sample(3, size1)
	fixture.Eventually(t, "the first works", func() bool { return size(dir) > size1/4 })
	stop()
	fixture.Eventually(t, "all is kept", func() bool { return size(dir) >= int64(len(want)) })
	same(t, content(t, dir), want)
}

// An index that is torn, spoilt or another's costs times, and no byte.
func TestTornIndex(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	c.spec("web", `{"size": 8192, "files": 100}`)
	pipe := c.pipe("web")
	dir := c.dir("web")
	want := ""
	for i, harm := range []func(path string){
		func(path string) { os.Truncate(path, headerSize+entrySize+5) },
		func(path string) { os.WriteFile(path, bytes.Repeat([]byte("x"), 200), 0o600) },
		func(path string) { os.Truncate(path, 10) },
		func(path string) { os.WriteFile(path, indexHeader(1, 0, 5), 0o600) },
		func(path string) { os.Remove(path); os.Mkdir(path, 0o700) },
	} {
		stop := c.logger()
		line := fmt.Sprintf("%d %s\n", i, strings.Repeat("x", 3000))
		fmt.Fprint(pipe, line)
		want += line
		fixture.Eventually(t, line[:1]+" is kept", func() bool { return string(content(t, dir)) == want })
		stop()
		all, _ := parts(dir)
		harm(indexPath(dir, all[len(all)-1].generation))
		if got := read(t, dir); strings.Join(got, "\n")+"\n" != want {
			t.Errorf("after harm %d: %d lines", i, len(got))
		}
	}
	c.logger()
	fmt.Fprintln(pipe, "last")
	fixture.Eventually(t, "it goes on without an index", func() bool { return string(content(t, dir)) == want+"last\n" })
}

// More streams than have their files open at once.
func TestManyStreams(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	const n = mostOpened + 200
	pipes := make([]*os.File, n)
	for i := range pipes {
		pipes[i] = c.pipe(fmt.Sprint("s", i))
	}
	c.logger()
	for round := range 3 {
		for i, p := range pipes {
			fmt.Fprintln(p, "line", i, round)
		}
	}
	for i := range pipes {
		want := ""
		for round := range 3 {
			want += fmt.Sprintln("line", i, round)
		}
		fixture.Eventually(t, "all is kept", func() bool { return string(content(t, c.dir(fmt.Sprint("s", i)))) == want })
	}
}
