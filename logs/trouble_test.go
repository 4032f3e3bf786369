package logs

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/internal/fixture"
)

var droppedLine = regexp.MustCompile(`^\[ncolony: (\d+) lines?, (\d+) bytes dropped: (.*)\]$`)

// balance checks that of what was written each line is there, or counted as
// dropped, in order; and returns how many were dropped and why.
func balance(t *testing.T, got, want []byte) (lost int, why string) {
	t.Helper()
	written := bytes.SplitAfter(want, []byte("\n"))
	written = written[:len(written)-1]
	lines, size, i := 0, 0, 0
	for line := range bytes.Lines(got) {
		if m := droppedLine.FindSubmatch(bytes.TrimSuffix(line, []byte("\n"))); m != nil {
			var n, b int
			fmt.Sscan(string(m[1]), &n)
			fmt.Sscan(string(m[2]), &b)
			lines, size, why = lines+n, size+b, string(m[3])
			continue
		}
		for i < len(written) && !bytes.Equal(line, written[i]) {
			lost++
			i++
		}
		if i == len(written) {
			// What is torn is the beginning of a line whose rest was dropped.
			t.Fatalf("line %.60q is not what was written, or not in its place", line)
		}
		i++
	}
	lost += len(written) - i
	if lines != lost {
		t.Errorf("%d lines are said to be dropped, and %d are", lines, lost)
	}
	if len(want) != size+len(got)-len(droppedText(got)) {
		t.Errorf("%d bytes are said to be dropped, and %d are", size, len(want)-len(got)+len(droppedText(got)))
	}
	return lost, why
}

func droppedText(got []byte) (text []byte) {
	for line := range bytes.Lines(got) {
		if droppedLine.Match(bytes.TrimSuffix(line, []byte("\n"))) {
			text = append(text, line...)
		}
	}
	return text
}

// What is more than the rate is dropped by the line, and counted; the service is
// not made slower.
func TestRate(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	c.spec("web", `{"rate": 50000}`)
	pipe := c.pipe("web")
	c.logger()
	want := sample(1, 4<<20)
	began := time.Now()
	if err := c.writer(pipe, 1, 4<<20).Wait(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(pipe, "the end")
	want = append(want, "the end\n"...)
	var got []byte
	fixture.Eventually(t, "all is accounted for", func() bool {
		got = content(t, c.dir("web"))
		size := 0
		for _, m := range regexp.MustCompile(`, (\d+) bytes dropped`).FindAllSubmatch(got, -1) {
			var b int
			fmt.Sscan(string(m[1]), &b)
			size += b
		}
		return size+len(got)-len(droppedText(got)) == len(want)
	})
	took := time.Since(began) // what was left in the pipe came later than the writer's end
	lost, why := balance(t, got, want)
	if why != "rate" || lost == 0 {
		t.Errorf("lost %d: %s", lost, why)
	}
	sum := Lost{int64(lost), int64(len(want) - len(got) + len(droppedText(got)))}
	fixture.Eventually(t, "the sum is that of all lines that tell of it", func() bool {
		l, err := ReadLost(c.dir("web"))
		return err == nil && l == sum
	})
	if most := 50000 * (2 + took.Seconds()); float64(len(got)) > most {
		t.Errorf("%d bytes kept in %v", len(got), took)
	}
}

// A line without an end is cut when it is far more than the rate allows, and what
// comes behind it begins a line.
func TestRateCut(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	c.spec("web", `{"rate": 100000}`)
	pipe := c.pipe("web")
	c.logger()
	const size = 1000000
	fmt.Fprintf(pipe, "first\n%s\n", strings.Repeat("x", size))
	dir := c.dir("web")
	fixture.Eventually(t, "the loss is told", func() bool { return bytes.Contains(content(t, dir), []byte("dropped: rate]\n")) })
	fixture.Eventually(t, "what comes later is kept", func() bool {
		fmt.Fprintln(pipe, "next")
		return bytes.HasSuffix(content(t, dir), []byte("next\n"))
	})
	got := read(t, dir)
	if len(got) < 4 || got[0] != "first" || strings.Trim(got[1], "x") != "" {
		t.Fatalf("%d lines: %.200q", len(got), got)
	}
	lines, lost := 0, 0 // told at once, unless we needed long to write it
	for _, line := range got[2:] {
		if m := droppedLine.FindStringSubmatch(line); m != nil && m[3] == "rate" {
			n, _ := strconv.Atoi(m[1])
			size, _ := strconv.Atoi(m[2])
			lines, lost = lines+n, lost+size
		}
	}
	if lines != 1 || lost+len(got[1]) != size+1 {
		t.Errorf("%d bytes are kept, and it says that %d in %d lines are not: %.200q", len(got[1]), lost, lines, got[2:])
	}
}

// full is what a service sees whose output cannot be kept: it waits for a moment,
// and goes on; what was dropped is counted when there is room again.
func full(t *testing.T, c *colony, dir string, room func()) {
	t.Helper()
	pipe := c.pipe("web")
	want := sample(9, 2<<20)
	began := time.Now()
	if err := c.writer(pipe, 9, 2<<20).Wait(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > long {
		t.Errorf("the service took %v", took)
	}
	room()
	fmt.Fprintln(pipe, "there is room")
	want = append(want, "there is room\n"...)
	fixture.Eventually(t, "it is kept again", func() bool { return bytes.HasSuffix(content(t, dir), []byte("there is room\n")) })
	got := content(t, dir)
	m := regexp.MustCompile(`(?m)^\[ncolony: (\d+) lines, (\d+) bytes dropped: (no space left on device|file too large)\]\n`).FindAllSubmatchIndex(got, -1)
	if len(m) != 1 {
		t.Fatalf("%d lines about what was dropped", len(m))
	}
	var lines, size int
	fmt.Sscan(string(got[m[0][2]:m[0][3]]), &lines)
	fmt.Sscan(string(got[m[0][4]:m[0][5]]), &size)
	before, after := got[:m[0][0]], got[m[0][1]:]
	if !bytes.HasSuffix(want, after) {
		t.Errorf("after the gap there is %.80q", after)
	}
	if !bytes.HasPrefix(want, before) {
		before = bytes.TrimSuffix(before, []byte("\n")) // the end of a line that was cut
	}
	if !bytes.HasPrefix(want, before) {
		t.Errorf("before the gap there is what was not written: %d bytes", len(before))
	}
	gap := want[len(before) : len(want)-len(after)]
	if len(gap) != size || bytes.Count(gap, []byte("\n")) != lines || size == 0 {
		t.Errorf("%d bytes in %d lines are missing; said are %d in %d", len(gap), bytes.Count(gap, []byte("\n")), size, lines)
	}
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	c.spec("web", `{}`)
	dir := c.dir("web")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=512k"); err != nil {
		t.Skip("cannot mount a small file system: ", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	stop := c.logger()
	full(t, c, dir, func() {
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=16m"); err != nil {
			t.Fatal(err)
		}
	})
	stop()
}

func TestFileTooLarge(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	c.spec("web", `{}`)
	logger := c.process("logger", nil)
	fixture.Eventually(t, "the logger is up", func() bool { return Running(c.places) })
	var was unix.Rlimit
	if err := unix.Prlimit(logger.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 300000, Max: unix.RLIM_INFINITY}, &was); err != nil {
		t.Skip("cannot limit the logger: ", err)
	}
	full(t, c, c.dir("web"), func() {
		if err := unix.Prlimit(logger.Process.Pid, unix.RLIMIT_FSIZE, &was, nil); err != nil {
			t.Fatal(err)
		}
	})
	logger.Process.Signal(syscall.SIGTERM)
	if err := logger.Wait(); err != nil {
		t.Error(err)
	}
}

// A change of the limits is taken live, and files beyond them go.
func TestRetention(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	c.spec("web", `{"size": 65536, "files": 2}`)
	pipe := c.pipe("web")
	c.logger()
	dir := c.dir("web")
	if err := c.writer(pipe, 1, 1<<20).Wait(); err != nil {
		t.Fatal(err)
	}
	fixture.Eventually(t, "two files are left, and compressed", func() bool {
		all, _ := parts(dir)
		return len(all) == 3 && all[0].gzip && all[1].gzip && !all[2].gzip
	})
	fixture.Eventually(t, "there is nothing else", func() bool { // pipe, current, and each file with its index
		names, _ := readNames(dir)
		return len(names) == 8
	})
	c.spec("web", `{"size": 4096, "files": 0}`)
	fixture.Eventually(t, "only one file is left", func() bool {
		fmt.Fprintln(pipe, strings.Repeat("y", 1000))
		all, _ := parts(dir)
		return len(all) == 1 && size(dir) <= 4096
	})
}
