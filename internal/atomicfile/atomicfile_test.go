package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The mode is what was asked for, whatever the umask; nothing stays beside the
// file; and what is no regular file stays.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for i, perm := range []os.FileMode{0o600, 0o640, 0o644, 0o666} {
		text := strings.Repeat("x", 1000*i)
		if err := Write(path, []byte(text), perm, i%2 == 0); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		fi, _ := os.Stat(path)
		if err != nil || string(b) != text || fi.Mode() != perm {
			t.Errorf("%d bytes with mode %v, %v; want %d with %v", len(b), fi.Mode(), err, len(text), perm)
		}
	}
	list, _ := os.ReadDir(dir)
	if len(list) != 1 {
		t.Errorf("left %v", list)
	}

	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, odd := range []string{fifo, dir} {
		if err := Write(odd, nil, 0o600, false); err == nil || err.Error() != "write "+odd+": not a regular file" {
			t.Errorf("write to %s: %v", odd, err)
		}
	}
	nowhere := filepath.Join(dir, "no", "file")
	if err := Write(nowhere, nil, 0o600, false); !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), Temp) {
		t.Errorf("write to %s: %v", nowhere, err)
	}
}
