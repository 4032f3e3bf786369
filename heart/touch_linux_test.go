package heart

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// Write permission is enough to beat somebody else's file; and nothing less is.
func TestBeatForeignFile(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to own a file as one user and beat it as another")
	}
	dir, err := os.MkdirTemp("", "heart")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "beat")
	if err := os.WriteFile(path, []byte("kept"), 0o644); err != nil {
		t.Fatal(err)
	}
	h := &Heart{status: path, period: 1}

	asNobody(t, func() {
		if err := h.Beat(); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("Beat() of a read-only file = %v, want fs.ErrPermission", err)
		}
	})
	if err := os.Chmod(path, 0o622); err != nil { // not even readable
		t.Fatal(err)
	}
	backdate(t, path)
	asNobody(t, func() {
		if err := h.Beat(); err != nil {
			t.Errorf("Beat() of a writable file = %v", err)
		}
	})
	checkBeaten(t, path)
}

// asNobody runs f with the file permissions of user 65534. They belong to the
// thread, so the thread is kept from others and thrown away afterwards.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		const nobody = 65534
		syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0)
		f()
	}()
	<-done
}
