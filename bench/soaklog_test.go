package bench

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// For a while (SOAK, 10s in make check, 60s in make soak-log) many services write
// as fast as they can, and more now and then, while the logger and the supervisor
// are killed, in any order. In the end the files of each have, byte for byte, what
// it wrote. Nobody has a copy of that: what a writer writes follows from its number.
func TestSoakLog(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		t.Skip("SOAK is not set: see make soak-log")
	}
	fast, slow := 50, 500
	if testing.Short() { // beside other tests
		fast, slow = 10, 100
	}
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	c := newColony(t)
	c.flags = nil
	writer := filepath.Join(c.root, "writer")
	if out, err := exec.Command("gcc", "-O2", "-static", "-o", writer, "testdata/writer.c").CombinedOutput(); err != nil {
		t.Skipf("no C compiler for the writers: %v %s", err, out)
	}
	writers := make([]string, fast+slow)
	for i := range writers {
		// A megabyte at full speed, again and again, is many times what a pipe
		// holds, and some gigabytes on the disk in a minute.
		writers[i] = fmt.Sprintf("slow%03d", i)
		burst, rest := "1", strconv.Itoa(100+rnd.IntN(200))
		if i < fast {
			writers[i] = fmt.Sprintf("fast%03d", i)
			burst, rest = "1048576", strconv.Itoa(500+rnd.IntN(1000))
		}
		c.add(writers[i], map[string]any{
			"args": []string{writer, strconv.Itoa(i), burst, rest}, "restart": "never", "stop": map[string]any{"grace": 60},
			"log": map[string]any{"size": "1M", "files": 10000, "compress": i%10 == 0},
		})
	}
	c.start()
	c.until("the logger works", func() bool { return c.loggerPID() != 0 })
	did := map[string]int{}
	killLogger := func() {
		// What /proc says is newer than the status, which may be of a life before.
		if pid := c.loggerPID(); pid != 0 && syscall.Kill(pid, syscall.SIGKILL) == nil {
			did["loggers killed"]++
		}
	}
	// Longer, if chance would have it that nothing is shown.
	little := func() bool { return did["loggers killed"] == 0 || did["supervisors killed"] == 0 }
	for end := time.Now().Add(length); time.Now().Before(end) || little(); time.Sleep(time.Duration(rnd.IntN(2000)) * time.Millisecond) {
		switch k := rnd.IntN(10); {
		case k < 5:
			killLogger()
		case k < 9: // both may be dead, as long as no writer ends
			if k < 7 {
				killLogger()
			}
			c.murder()
			if k%2 == 0 {
				killLogger()
			}
			time.Sleep(time.Duration(rnd.IntN(300)) * time.Millisecond)
			c.start()
			did["supervisors killed"]++
		default:
			c.upgrade()
			did["upgrades"]++
		}
	}
	for _, name := range writers {
		c.until(name+" runs", func() bool { // the last supervisor may still be starting it
			st, err := ctl.StatusOf(c.places, name)
			if err == nil && (st.Restarts != 0 || st.State == spec.Exited) {
				t.Fatalf("%s has not run on: %+v", name, st)
			}
			return err == nil && st.State == spec.Running
		})
	}
	c.until("files are put aside", func() bool {
		list, _ := filepath.Glob(filepath.Join(c.places.LogDir(), "fast*", "*.log*"))
		return len(list) >= fast+fast/2
	})
	// One that is dead when the last service has ended is not started once more.
	c.until("the logger works", func() bool { return c.loggerPID() != 0 })
	c.cmd.Process.Signal(syscall.SIGTERM)
	c.cmd.Wait()
	c.cmd = nil
	var sum int64
	files := 0
	for i, name := range writers {
		n, all, err := sameAsWritten(filepath.Join(c.places.LogDir(), name), uint64(i))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		sum += n
		files += all
	}
	t.Logf("%v with %d fast and %d slow writers: %v; %d MB in %d files are what was written", length, fast, slow, did, sum/1e6, files)
}

// loggerPID is the pid of @log, as the supervisor says and the kernel confirms; 0
// = there is none.
func (c *colony) loggerPID() int {
	st, err := ctl.StatusOf(c.places, "@log")
	if err != nil || st.PID == 0 || !ours(st) {
		return 0
	}
	return st.PID
}

// sameAsWritten compares the files of a stream with what its writer wrote: n
// bytes in so many files.
func sameAsWritten(dir string, seed uint64) (n int64, files int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, 0, err
	}
	paths := map[uint64]string{}
	for _, e := range entries {
		digits, end, _ := strings.Cut(e.Name(), ".")
		generation, err := strconv.ParseUint(digits, 10, 64)
		if err == nil && (end == "log" || end == "log.gz" && paths[generation] == "") {
			paths[generation] = filepath.Join(dir, e.Name())
		}
	}
	w := want{seed: seed}
	generations := make([]uint64, 0, len(paths))
	for g := range paths {
		generations = append(generations, g)
	}
	slices.Sort(generations)
	for _, g := range generations {
		if err := w.file(paths[g]); err != nil {
			return w.read, len(paths), fmt.Errorf("%s, after %d bytes: %w", filepath.Base(paths[g]), w.read, err)
		}
	}
	if !w.over {
		return w.read, len(paths), fmt.Errorf("the end is missing, after %d bytes and %d lines", w.read, w.lines)
	}
	return w.read, len(paths), nil
}

// want makes again what a writer of testdata/writer.c wrote, line by line.
type want struct {
	seed, lines uint64
	read        int64
	over        bool
	line        []byte
}

// file compares one file, which ends with a line.
func (w *want) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var from io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if from, err = gzip.NewReader(f); err != nil {
			return err
		}
	}
	in := bufio.NewReaderSize(from, 64<<10)
	for {
		got, err := in.ReadSlice('\n')
		if err == io.EOF && len(got) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the last line has no end: %.80q (%w)", got, err)
		}
		w.line = writtenLine(w.line[:0], w.seed, w.lines)
		switch {
		case w.over:
			return fmt.Errorf("there is more behind the end: %.80q", got)
		case bytes.Equal(got, w.line):
			w.lines++
		case string(got) == fmt.Sprintf("%d wrote %d lines\n", w.seed, w.lines):
			w.over = true
		default:
			return fmt.Errorf("line %d is %.80q, want %.80q", w.lines, got, w.line)
		}
		w.read += int64(len(got))
	}
}

const textSize = 8192

// writtenText is what the lines of all writers are cut from.
var writtenText = func() (text [textSize]byte) {
	for i := range text {
		text[i] = 33 + byte(mix(uint64(i))%94)
	}
	return text
}()

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// writtenLine is line i of a writer, as testdata/writer.c has it.
func writtenLine(b []byte, seed, i uint64) []byte {
	h := mix(seed<<40 ^ i)
	length := (h >> 8) % 300
	if h%256 == 0 {
		length = (h >> 8) % (textSize / 2)
	}
	b = append(strconv.AppendUint(b, seed, 10), ' ')
	b = append(strconv.AppendUint(b, i, 10), ' ')
	at := (h >> 32) % (textSize / 2)
	return append(append(b, writtenText[at:at+length]...), '\n')
}

// A comparison that finds nothing shows nothing: each kind of harm is found.
func TestSameAsWritten(t *testing.T) {
	var whole []byte
	for i := range uint64(1000) {
		whole = writtenLine(whole, 7, i)
	}
	cut := bytes.IndexByte(whole[len(whole)/2:], '\n') + len(whole)/2 + 1
	next := bytes.IndexByte(whole[cut:], '\n') + cut + 1
	end := "7 wrote 1000 lines\n"
	for what, parts := range map[string][]string{
		"":        {string(whole[:cut]), string(whole[cut:]) + end},
		"lost":    {string(whole[:cut]), string(whole[next:]) + end},
		"doubled": {string(whole[:next]), string(whole[cut:]) + end},
		"torn":    {string(whole[:cut-2]), string(whole[cut-2:]) + end},
		"changed": {string(whole[:cut]) + "x" + string(whole[cut+1:]) + end},
		"no end":  {string(whole)},
		"more":    {string(whole) + end + "x\n"},
	} {
		dir := t.TempDir()
		for i, part := range parts {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.log", 9+i)), []byte(part), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		n, files, err := sameAsWritten(dir, 7)
		if (err == nil) != (what == "") || files != len(parts) || err == nil && n != int64(len(whole)+len(end)) {
			t.Errorf("%q: %d bytes in %d files, %v", what, n, files, err)
		}
	}
	if _, _, err := sameAsWritten(filepath.Join(t.TempDir(), "none"), 7); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
