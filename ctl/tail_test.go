package ctl

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// TestTail: what is there already is passed over, and what comes is told once:
// across changes of file, in halves, and with a line that is none.
func TestTail(t *testing.T) {
	root := t.TempDir()
	p := Places{State: root}
	l := newLog(t, p)
	tail := NewTail(p)
	defer tail.Close()
	want := func(numbers []uint64) {
		t.Helper()
		var got []uint64
		if err := tail.Read(t.Context(), func(e spec.Event) { got = append(got, e.Seq) }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(numbers, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	l.event()
	l.event()
	want(nil)
	want(nil)
	l.event()
	want(seqs(3, 3))
	l.event()
	l.rotate(5)
	l.event()
	l.append(`{"seq":6,"type":"st`)
	want(seqs(4, 5))
	l.append("arted\"}\nno event\n{}\n")
	want(seqs(6, 6))
	l.seq = 6
	if err := os.Rename(p.EventsDir(), filepath.Join(root, "gone")); err != nil {
		t.Fatal(err)
	}
	want(nil)
	if err := os.Rename(filepath.Join(root, "gone"), p.EventsDir()); err != nil {
		t.Fatal(err)
	}
	l.event()
	want(seqs(7, 7))
}

// TestTailFirst: of a colony that has had no supervisor yet, all events are new.
func TestTailFirst(t *testing.T) {
	p := Places{State: t.TempDir()}
	tail := NewTail(p)
	defer tail.Close()
	n := 0
	count := func(spec.Event) { n++ }
	if err := tail.Read(t.Context(), count); err != nil {
		t.Fatal(err)
	}
	newLog(t, p).event()
	if err := tail.Read(t.Context(), count); err != nil || n != 1 {
		t.Errorf("%d events, %v", n, err)
	}
}
