package proc

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRecords(t *testing.T) {
	file := filepath.Join(t.TempDir(), "records")
	r, err := NewRecords(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	write := func(bytes []byte) {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Write(bytes); err != nil {
			t.Fatal(err)
		}
	}
	record := func(at int64, pid, kind uint32) []byte {
		b := binary.NativeEndian.AppendUint64(nil, uint64(at))
		return binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(b, pid), kind)
	}
	if list := r.Of(KindChild); len(list) != 0 {
		t.Errorf("an empty file has %v", list)
	}
	write(record(5, 7, KindChild))
	write(record(6, 8, KindLaunch))
	half := record(9, 10, KindChild)
	write(half[:5])
	if diff := cmp.Diff([]Record{{5, 7, KindChild}}, r.Of(KindChild)); diff != "" {
		t.Error(diff)
	}
	write(half[5:])
	list := r.Of(KindChild)
	if diff := cmp.Diff([]Record{{5, 7, KindChild}, {9, 10, KindChild}}, list); diff != "" {
		t.Error(diff)
	}
	if at := Latest(list); at != 9 {
		t.Errorf("the latest is at %d", at)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := r.Until(ctx, KindChild, 3); err == nil {
		t.Error("what does not come is no error")
	}
}

func TestOurselves(t *testing.T) {
	me := os.Getpid()
	if f := Stat(me); len(f) < 20 || !slices.Contains([]string{"R", "S"}, f[0]) {
		t.Errorf("our stat is %v", f)
	}
	if f := Stat(1 << 30); f != nil {
		t.Errorf("nobody's stat is %v", f)
	}
	u := Memory([]int{me})
	if u.PSS < 1<<20 || u.Threads < 2 || u.FDs < 3 {
		t.Errorf("we use %+v", u)
	}
	if u := Activity([]int{me}); u.CPU <= 0 || u.Wakeups <= 0 {
		t.Errorf("we have done %+v", u)
	}
	if slices.Contains(Descendants(), me) {
		t.Error("we descend from ourselves")
	}
	if diff := cmp.Diff([]int{1, 3}, Without([]int{1, 2, 3}, []int{2, 4})); diff != "" {
		t.Error(diff)
	}
}
