package colony

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// A state directory that is not to be had at the start comes later: services run
// meanwhile, and then everything is said, and nothing is wrong any more.
func TestStateComesLater(t *testing.T) {
	t.Parallel()
	root, up := t.TempDir(), filepath.Join(t.TempDir(), "up")
	s := newSuper(t, root, true)
	put(t, s.places.State, "in the way")
	must(t, os.MkdirAll(s.places.Config, 0o755))
	s.add("a", with(doing("wait", up)))
	s.begin()
	s.read(up)
	must(t, os.Remove(s.places.State))
	s.until("a", spec.Running)
	s.sound()
	if _, err := os.Stat(s.places.ID()); err != nil {
		t.Errorf("the colony has no id that its next supervisor will know: %v", err)
	}
	if code := s.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
