package view

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

func newView(t *testing.T) (*View, spec.Places) {
	t.Helper()
	root := t.TempDir()
	p := spec.Places{Config: filepath.Join(root, "config"), Messages: filepath.Join(root, "messages"), State: filepath.Join(root, "state")}
	return New(p, slog.New(slog.NewTextHandler(io.Discard, nil))), p
}

// run keeps the view up to date until the test ends.
func (v *View) run(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	fixture.Eventually(t, "hints", func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.hinted
	})
}

func (v *View) all() string {
	var all []string
	for _, n := range v.Names() {
		all = append(all, n.Service+":"+string(v.State(n.Service)))
	}
	return strings.Join(all, " ")
}

func status(name string, s spec.State) string { return fmt.Sprintf(`{"name":%q,"state":%q}`, name, s) }

// With hints a change is seen long before the next look at everything, and nothing is
// read twice.
func TestHints(t *testing.T) {
	v, p := newView(t)
	if got := v.all(); got != "" {
		t.Fatal(got)
	}
	for _, dir := range []string{p.Config, p.StatusDir()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	v.every = time.Hour
	v.run(t)
	fixture.Put(t, filepath.Join(p.Config, "web"), `{"args":["x"]}`)
	fixture.Eventually(t, "a spec", func() bool { return v.all() == "web:" })
	fixture.Put(t, p.Status("web"), status("web", spec.Starting))
	fixture.Eventually(t, "a status", func() bool { return v.all() == "web:starting" })
	fixture.Put(t, p.Status("web"), status("web", spec.Running)) // which is as long as the one before
	fixture.Eventually(t, "another", func() bool { return v.all() == "web:running" })
	// Half a file does not hide what was known, and is read again.
	if err := os.WriteFile(p.Status("web"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if st, err := v.Status("web"); err == nil && st == nil || st != nil && st.State != spec.Running {
		t.Errorf("%+v, %v", st, err)
	}
	fixture.Put(t, p.Status("web"), status("web", spec.Stopped))
	if st, err := v.Status("web"); err != nil || st.State != spec.Stopped {
		t.Errorf("%+v, %v", st, err)
	}
	os.Remove(p.Status("web"))
	fixture.Eventually(t, "no status", func() bool { return v.all() == "web:" })
	if st, err := v.Status("web"); err != nil || st != nil {
		t.Errorf("%+v, %v", st, err)
	}
}

// Where the kernel tells nothing, who asks looks.
func TestWithoutHints(t *testing.T) {
	v, p := newView(t)
	for _, dir := range []string{p.Config, p.StatusDir()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	fixture.Put(t, p.Status("web"), status("web", spec.Running))
	fixture.Eventually(t, "a status", func() bool { return v.all() == "web:running" })
	os.Remove(p.Status("web"))
	fixture.Eventually(t, "no status", func() bool { return v.all() == "" })
}

// A directory that is a link to another one, as of a ConfigMap.
func TestSwappedDirectory(t *testing.T) {
	v, p := newView(t)
	root := filepath.Dir(p.Config)
	for _, dir := range []string{p.Config, p.StatusDir(), filepath.Join(root, "a"), filepath.Join(root, "b")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	fixture.Put(t, filepath.Join(root, "a", "web"), `{"args":["one"]}`)
	fixture.Put(t, filepath.Join(root, "b", "web"), `{"args":["two"]}`)
	link := func(to string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(p.Config, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(p.Config, "..data_tmp"), filepath.Join(p.Config, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(root, "a"))
	if err := os.Symlink("..data/web", filepath.Join(p.Config, "web")); err != nil {
		t.Fatal(err)
	}
	v.every = time.Hour
	v.run(t)
	text := func() string {
		if _, o := v.Members("web"); o != nil {
			return o.Text
		}
		return ""
	}
	fixture.Eventually(t, "one", func() bool { return text() == "one" })
	link(filepath.Join(root, "b"))
	fixture.Eventually(t, "two", func() bool { return text() == "two" })
}
