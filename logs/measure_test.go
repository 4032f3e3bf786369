package logs

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/ncolony/ncolony-go/internal/fixture"
)

// TestMeasure: what is said to be kept is what was written, through rotation and
// compression.
func TestMeasure(t *testing.T) {
	t.Parallel()
	c := newColony(t)
	c.spec("web", `{"size": "64K", "files": 100}`)
	pipe := c.pipe("web")
	c.logger()
	const size = 1 << 20
	if err := c.writer(pipe, 1, size).Wait(); err != nil {
		t.Fatal(err)
	}
	want := int64(len(sample(1, size)))
	dir := c.dir("web")
	fixture.Eventually(t, "all is kept, and all but the last file is compressed", func() bool {
		kept, err := Measure(dir)
		if err != nil {
			t.Fatal(err)
		}
		var bytes int64
		small := true
		for i, k := range kept {
			bytes += k.Bytes
			if k.Aside != (i+1 < len(kept)) || i > 0 && k.Generation <= kept[i-1].Generation {
				t.Fatalf("%+v", kept)
			}
			small = small && k.Aside == (k.Size < k.Bytes)
		}
		return bytes == want && small && len(kept) > 10
	})
}

// TestMeasureNothing: no directory is no files, and a directory that cannot be
// read is an error.
func TestMeasureNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "web")
	if kept, err := Measure(dir); kept != nil || err != nil {
		t.Errorf("%v %v", kept, err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if kept, err := Measure(dir); err == nil {
		t.Errorf("a file that is no directory has %v", kept)
	}
}

// TestLost: sums only grow, and a file that is spoilt is an error for its reader
// and no obstacle to its writer.
func TestLost(t *testing.T) {
	dir := t.TempDir()
	want := func(want Lost) {
		t.Helper()
		if got, err := ReadLost(dir); got != want || err != nil {
			t.Errorf("%+v %v, want %+v", got, err, want)
		}
	}
	add := func(l Lost) {
		t.Helper()
		if err := addLost(dir, l); err != nil {
			t.Error(err)
		}
	}
	want(Lost{})
	add(Lost{1, 10})
	add(Lost{2, 20})
	want(Lost{3, 30})
	add(Lost{math.MaxInt64, 1})
	want(Lost{math.MaxInt64, 31})
	for _, text := range []string{"", `{"lines": 1, "by`, `{"lines": -1}`, "[]"} {
		if err := os.WriteFile(filepath.Join(dir, lostName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if l, err := ReadLost(dir); err == nil {
			t.Errorf("%q is read as %+v", text, l)
		}
		add(Lost{4, 40})
		want(Lost{4, 40})
	}
}
