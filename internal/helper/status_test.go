package helper

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A status need not be looked at again while its directory is as it was; one that
// was looked at just after a change of that may have missed another.
func TestStatuses(t *testing.T) {
	const begin, later = time.Minute, time.Minute + coarsest
	s := Statuses{Dir: filepath.Join(t.TempDir(), "status")}
	look := func(now time.Duration, have bool) {
		t.Helper()
		if s.Look(now); s.Have != have {
			t.Errorf("at %v, have is %v", now, s.Have)
		}
	}
	since := func(then time.Duration, want bool) {
		t.Helper()
		if got := s.Since(then); got != want {
			t.Errorf("since %v: %v", then, got)
		}
	}
	look(begin, false)
	since(later, true)
	if err := os.Mkdir(s.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	look(begin, true)
	since(begin-1, true)
	since(begin, true)
	since(later-1, true)
	since(later, false)
	look(later, true)
	since(later, false)
	if err := os.WriteFile(filepath.Join(s.Dir, "web.json"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	look(later, true)
	since(later, true)
	since(later+coarsest, false)
}
