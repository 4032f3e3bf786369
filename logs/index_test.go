package logs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// What is appended is read back; what is torn, overwritten or foreign spoils
// nothing else.
func TestIndex(t *testing.T) {
	const generation = 1700000000
	b := indexHeader(generation, 0, 77)
	for _, e := range []entry{{timeEntry, 0, 5}, {timeEntry, 100, 7}, {linesEntry, 0, 0}, {memberEntry, 0, 0}, {timeEntry, 200, 6}, {endEntry, 300, 40}} {
		b = e.append(b)
	}
	times := []entry{{timeEntry, 0, 5}, {timeEntry, 100, 7}, {timeEntry, 200, 6}}
	spoilt := func(at int) []byte {
		c := bytes.Clone(b)
		c[at] ^= 1
		return c
	}
	for name, tc := range map[string]struct {
		data  []byte
		whole bool
		times []entry
	}{
		"good":           {b, true, times},
		"torn":           {b[:len(b)-5], true, times},
		"a bad entry":    {spoilt(headerSize + entrySize + 3), true, []entry{times[0], times[2]}},
		"a bad value":    {spoilt(headerSize + entrySize + 15), true, []entry{times[0], times[2]}},
		"zeros":          {append(bytes.Clone(b), make([]byte, 64)...), true, times},
		"back":           {entry{timeEntry, 50, 9}.append(bytes.Clone(b)), true, times},
		"again":          {entry{timeEntry, 200, 9}.append(bytes.Clone(b)), true, []entry{times[0], times[1], {timeEntry, 200, 9}}},
		"no magic":       {spoilt(0), false, nil},
		"another file's": {spoilt(20), false, nil},
		"empty":          {nil, false, nil},
		"half a header":  {b[:30], false, nil},
	} {
		x := decodeIndex(generation, tc.data)
		want := tc.times
		if !tc.whole {
			want = []entry{{timeEntry, 0, generation * int64(time.Second)}}
		}
		if d := cmp.Diff(want, x.times, cmp.AllowUnexported(entry{})); d != "" || x.whole != tc.whole {
			t.Errorf("%s: whole %v, times differ (-want +got):\n%s", name, x.whole, d)
		}
		if tc.whole && (x.end.value == 40) != (name != "torn") {
			t.Errorf("%s: end %v", name, x.end)
		}
		if tc.whole && x.teed != 77 {
			t.Errorf("%s: teed %d", name, x.teed)
		}
	}
}

// FuzzIndex: whatever is in an index, reading it ends, is ordered, and finds
// places within reason.
func FuzzIndex(f *testing.F) {
	b := indexHeader(1, 0, neverTeed)
	f.Add(b, int64(5))
	f.Add(entry{memberEntry, 1 << 20, 99}.append(entry{timeEntry, 7, 8}.append(b)), int64(1<<20))
	f.Fuzz(func(t *testing.T, data []byte, at int64) {
		x := decodeIndex(1, data)
		for _, all := range [][]entry{x.times, x.lines, x.members} {
			for i, e := range all {
				if e.offset < 0 || e.offset > maxOffset || e.value < 0 || i > 0 && e.offset <= all[i-1].offset {
					t.Fatalf("entry %d of %v", i, all)
				}
			}
			if e, ok := before(all, at); ok && e.offset > at {
				t.Fatalf("%v is before %d", e, at)
			}
		}
		if len(x.times) == 0 || x.teed < neverTeed || x.read > int64(len(data)) {
			t.Fatalf("%+v", x)
		}
		x.timeOf(at)
		x.since(time.Unix(0, at))
		x.until(time.Unix(0, at))
	})
}

func TestPosition(t *testing.T) {
	p := Position{1700000000, 42}
	q, err := ParsePosition(p.String())
	if err != nil || p != q {
		t.Errorf("%v, %v", q, err)
	}
	for _, bad := range []string{"", "1", "1:", ":1", "1:-1", "a:1", "1:2:3"} {
		if q, err := ParsePosition(bad); err == nil {
			t.Errorf("%q is %v", bad, q)
		}
	}
	for _, name := range []string{"current", "pipe", "17.index.x", "017.log", "17.gz", ".17.log", "-1.log", "99999999999999999999.log"} {
		if g, _, ok := generationOf(name); ok {
			t.Errorf("%q is %d", name, g)
		}
	}
}

// stored makes a stream of lines by hand, of which each file is as old as it
// says; every line has a second of its own.
func stored(t testing.TB, dir string, perFile ...int) (all []string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	at := time.Unix(1700000000, 0)
	for i, n := range perFile {
		generation := uint64(at.Unix())
		var b []byte
		x := indexHeader(generation, 0, neverTeed)
		for j := range n {
			x = entry{timeEntry, int64(len(b)), at.UnixNano()}.append(x)
			at = at.Add(time.Second)
			line := fmt.Sprintf("%d %d %x", i, j, make([]byte, r.IntN(100)))
			all = append(all, line)
			b = append(append(b, line...), '\n')
		}
		if err := os.WriteFile(plainPath(dir, generation), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(indexPath(dir, generation), x, 0o600); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			at = at.Add(time.Second)
		}
	}
	return all
}

// The last lines, and those since and until a time, are found in plain and
// compressed files, with an index and without.
func TestFind(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, dir string, p part){
		"plain":    func(*testing.T, string, part) {},
		"gzip":     compressNow,
		"no index": func(t *testing.T, dir string, p part) { os.Remove(indexPath(dir, p.generation)) },
		"gzip, no index": func(t *testing.T, dir string, p part) {
			compressNow(t, dir, p)
			os.Remove(indexPath(dir, p.generation))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			all := stored(t, dir, 3, 30000, 0, 5, 1)
			files, _ := parts(dir)
			for _, p := range files[:len(files)-1] {
				change(t, dir, p)
			}
			for _, n := range []int{0, 1, 2, 6, 7, 20000, 30005, 30006, 30009, 40000} {
				at, err := end(dir)
				if err != nil {
					t.Fatal(err)
				}
				from, err := last(dir, n, at)
				if err != nil {
					t.Fatal(err)
				}
				got, want := readFrom(dir, from), all[max(0, len(all)-n):]
				if d := cmp.Diff(len(want), len(got)); d != "" || len(got) > 0 && got[0] != want[0] {
					t.Errorf("the last %d are %d, and begin with %.20q", n, len(got), got)
				}
			}
			if name == "no index" || name == "gzip, no index" {
				return // nobody knows the times
			}
			for _, n := range []int{0, 2, 3, 4, 29000, 30002, 30003, 30008} {
				when := time.Unix(1700000000+int64(n), 0)
				if n >= 30003 {
					when = when.Add(time.Second) // the empty file's
				}
				from, err := since(dir, when)
				if err != nil {
					t.Fatal(err)
				}
				if got := readFrom(dir, from); len(got) != len(all)-n || got[0] != all[n] {
					t.Errorf("since %d: %d lines, want %d", n, len(got), len(all)-n)
				}
				var got []string
				if err := Tail(dir, 3, when, func(l Line) { got = append(got, string(l.Text)) }); err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(all[max(0, n-2):n+1], got); d != "" {
					t.Errorf("3 lines until %d:\n%s", n, d)
				}
			}
		})
	}
}

func readFrom(dir string, at Position) (all []string) {
	l := newLines(dir, at)
	defer l.close()
	for {
		line, err := l.next()
		if err != nil {
			return all
		}
		all = append(all, string(line.Text))
	}
}

func compressNow(t *testing.T, dir string, p part) {
	t.Helper()
	if err := new(sealer).compress(t.Context(), dir, p.generation); err != nil {
		t.Fatal(err)
	}
}

// The last lines of a gigabyte are read without reading the gigabyte.
func TestFindFast(t *testing.T) {
	dir := t.TempDir()
	stored(t, dir, 10)
	f, err := os.OpenFile(plainPath(dir, 1700000000), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(64 << 30); err != nil { // a hole: to read it takes a minute
		t.Skip("no large files here: ", err)
	}
	if _, err := f.WriteAt([]byte("\none\ntwo\n"), 64<<30); err != nil {
		t.Fatal(err)
	}
	before := processorTime()
	at, _ := end(dir)
	from, err := last(dir, 2, at)
	if got := readFrom(dir, from); err != nil || len(got) != 2 || got[0] != "one" {
		t.Errorf("%q, %v", got, err)
	}
	if took := processorTime() - before; took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

// processorTime is what we have used: unlike the time that passes, it does not
// depend on what else the machine does.
func processorTime() time.Duration {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
