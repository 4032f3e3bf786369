package metrics

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/logs"
)

// TestOutput: bytes are counted once, through growth, rotation and removal, and
// when the directory looks as it did.
func TestOutput(t *testing.T) {
	p := newPaper(t)
	dir := filepath.Join(p.places.LogDir(), "web")
	var m measured
	want := func(there bool, size, written int64) {
		t.Helper()
		// As it is when it was not changed lately.
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(dir, old, old); err != nil && there {
			t.Fatal(err)
		}
		for range 2 {
			is, err := m.measure(dir)
			if is != there || err != nil || m.size != size || m.written != written {
				t.Errorf("%v %v, size %d and %d written; want %v, %d, %d", is, err, m.size, m.written, there, size, written)
			}
		}
	}
	link := func(name string) {
		t.Helper()
		current := filepath.Join(dir, "current")
		os.Remove(current)
		if err := os.Symlink(name, current); err != nil {
			t.Fatal(err)
		}
	}
	want(false, 0, 0)
	p.write(dir+"/5.log", "12345")
	link("5.log")
	want(true, 5, 5)
	if m.version.Ino == 0 {
		t.Fatal("the directory is read each time")
	}
	p.grow(dir+"/5.log", "678")
	want(true, 8, 8)
	p.grow(dir+"/5.log", "9")
	p.write(dir+"/6.log", "ab")
	link("6.log")
	want(true, 11, 11)
	p.grow(dir+"/6.log", "c")
	want(true, 12, 12)
	if err := os.Remove(dir + "/5.log"); err != nil {
		t.Fatal(err)
	}
	want(true, 3, 12)
	p.write(dir+"/dropped", `{"lines": 2, "bytes": 70}`)
	want(true, 3, 12)
	if m.lost != (logs.Lost{Lines: 2, Bytes: 70}) {
		t.Errorf("%+v", m.lost)
	}
	p.write(dir+"/dropped", `{"lines": `)
	for range 2 {
		if _, err := m.measure(dir); err == nil {
			t.Error("a torn file is read")
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	want(false, 0, 12)
	p.write(dir+"/7.log", strings.Repeat("x", 8))
	link("7.log")
	want(true, 8, 20)
}

// grow appends to a file, whose directory does not change with that.
func (p *paper) grow(path, text string) {
	p.t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}
