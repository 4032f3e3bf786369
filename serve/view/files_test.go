package view

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/ncolony/ncolony-go/internal/fixture"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// Of two that look at the same time, the slower one does not undo what the other has
// found.
func TestLookTogether(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "web")
	var reads atomic.Int32
	read, goOn := make(chan struct{}), make(chan struct{})
	f := &files[string]{dir: dir, known: map[string]file[string]{}, parse: func(path string) (string, helper.Version, error) {
		text, version, err := helper.ReadRegular(path, 100)
		if reads.Add(1) == 1 {
			close(read)
			<-goOn
		}
		return string(text), version, err
	}}
	for _, tt := range []struct {
		name   string
		change func()
		want   string
	}{
		{"another version", func() { fixture.Put(t, path, "after") }, "after"},
		{"none", func() { os.Remove(path) }, ""},
	} {
		fixture.Put(t, path, "before")
		slow := make(chan file[string], 1)
		go func() {
			one, _ := f.look("web")
			slow <- one
		}()
		fixture.Soon(t, read)
		tt.change()
		f.look("web")
		close(goOn)
		if got := fixture.Soon(t, slow).value; got != tt.want {
			t.Errorf("%s: the slower one has found %q", tt.name, got)
		}
		if got, _ := f.get("web"); got != tt.want {
			t.Errorf("%s: what is known is %q", tt.name, got)
		}
		reads.Store(0)
		clear(f.known)
		read, goOn = make(chan struct{}), make(chan struct{})
	}
}
