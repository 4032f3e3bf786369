package colony

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// TestNoteBegin: where a life begins that becomes ready by a line is noted when
// all that was written before is in the file, and not otherwise.
func TestNoteBegin(t *testing.T) {
	l, p := newCapturing(t)
	dir := filepath.Join(p.LogDir(), "a")
	start := func(life uint64, ready string) {
		t.Helper()
		ev := l.spawner.fork(spawn{order: 1, life: lifeID{"a", life}, spec: specOf(t, fmt.Sprintf(`{"args": ["/bin/echo", "x"], "log": {}%s}`, ready))})
		_, err := syscall.Wait4(ev.(started).pid, nil, 0, nil)
		must(t, err)
	}
	noted := func(life uint64) string {
		b, _ := os.ReadFile(filepath.Join(dir, spec.Begun))
		generation, offset, ok := spec.ParseBegun(b, life)
		return fmt.Sprint(generation, offset, ok)
	}
	const asks = `, "ready": {"log": "x"}`
	start(1, asks)
	if got := noted(1); got != "0 0 false" {
		t.Errorf("of the first life: %s", got)
	}
	must(t, os.WriteFile(filepath.Join(dir, "17.log"), []byte("12345"), 0o600), os.Symlink("17.log", filepath.Join(dir, "current")))
	start(2, asks) // what the first one wrote waits in the pipe
	if got := noted(2); got != "0 0 false" {
		t.Errorf("with a full pipe: %s", got)
	}
	if got := content(t, filepath.Join(dir, "pipe")); got != "x\nx\n" {
		t.Fatalf("%q", got)
	}
	start(3, asks)
	if got := noted(3); got != "17 5 true" {
		t.Errorf("with an empty pipe: %s", got)
	}
	content(t, filepath.Join(dir, "pipe"))
	start(4, "")
	if got := noted(3); got != "17 5 true" {
		t.Errorf("nobody asks, and it became %s", got)
	}
}
