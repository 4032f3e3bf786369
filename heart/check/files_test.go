package check

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// What is wrong with one file, or with all, concerns no other and ends nothing.
func TestBadFiles(t *testing.T) {
	inColony(t, func(c *colony) {
		beat := filepath.Join(c.hearts, "good")
		c.config("good", time.Second, 0, c.hearts)
		c.status("good", spec.Running, 1)
		c.config("hung", time.Second, 0, c.hearts)
		c.status("hung", spec.Running, 2)
		config := func(name, content string) { c.write(filepath.Join(c.places.Config, name), content) }
		config("broken", `{"args": [`)
		config("odd", `{"args": ["/bin/x"], "ncolony.beatcheck": {"period": 0, "status": "/x"}}`)
		config("temporary.new", `{"args": ["/bin/x"], "ncolony.beatcheck": {"period": 1, "status": "/x"}}`)
		c.status("temporary.new", spec.Running, 1)
		c.status("broken", spec.Running, 1)
		c.write(c.places.Status("odd"), "{")
		c.config("torn", time.Second, 0, c.hearts)
		c.write(c.places.Status("torn"), "{")
		// Two files for one service: neither is right.
		c.config("twice", time.Second, 0, c.hearts)
		c.config("twice.json", time.Second, 0, c.hearts)
		c.status("twice", spec.Running, 1)
		if err := os.Mkdir(filepath.Join(c.places.Config, "directory"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/nowhere", filepath.Join(c.places.Config, "link")); err != nil {
			t.Fatal(err)
		}
		c.pass(5*time.Second, beat)
		c.want("hung/2")
		c.wantLogged("status not read", 1)

		// A service goes on as it was understood last.
		config("good", "{")
		c.pass(15*time.Second, beat)
		c.want()
		c.pass(2 * time.Second)
		c.want("good/1")

		// The directory vanishes, which removes nothing, and comes back empty,
		// which does.
		c.status("good", spec.Running, 2)
		if err := os.RemoveAll(c.places.Config); err != nil {
			t.Fatal(err)
		}
		c.pass(20*time.Second, beat)
		c.requests() // hung/2, once more
		c.wantLogged("config directory not read", 1)
		c.pass(2 * time.Second)
		c.want("good/2")
		if err := os.Mkdir(c.places.Config, 0o755); err != nil {
			t.Fatal(err)
		}
		c.pass(10 * time.Minute)
		c.want()
	})
}

// A clash that comes later does not concern the file that was there.
func TestClash(t *testing.T) {
	inColony(t, func(c *colony) {
		var names, files []string
		for i := range 8 {
			name := fmt.Sprintf("web%d", i)
			names = append(names, name)
			files = append(files, filepath.Join(c.hearts, name))
			c.config(name, time.Second, 0, c.hearts)
			c.status(name, spec.Running, 1)
		}
		c.pass(3*time.Second, files...)
		for _, name := range names {
			c.config(name+".json", time.Hour, 0, c.hearts)
		}
		c.pass(30*time.Second, files...)
		c.want()
		c.pass(3 * time.Second)
		if n := len(c.requests()); n != len(names) {
			t.Errorf("%d requests, want %d", n, len(names))
		}
	})
}

func TestServicesComeAndGo(t *testing.T) {
	inColony(t, func(c *colony) {
		c.config("web", time.Second, 0, c.hearts)
		c.status("web", spec.Running, 1)
		c.pass(500 * time.Millisecond)
		if err := os.Remove(filepath.Join(c.places.Config, "web")); err != nil {
			t.Fatal(err)
		}
		c.pass(5 * time.Second)
		c.want()
		c.config("web", time.Second, 0, c.hearts)
		c.pass(5 * time.Second)
		c.want("web/1")
	})
}

// An edit in place, which the directory does not show, is found by the scan.
func TestEditedInPlace(t *testing.T) {
	inColony(t, func(c *colony) {
		c.config("web", time.Hour, 0, c.hearts)
		c.status("web", spec.Running, 1)
		c.pass(5 * time.Second)
		path := filepath.Join(c.places.Config, "web")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.Replace(text, []byte("1h0m0s"), []byte("1s"), 1)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		c.pass(12 * time.Second)
		c.want("web/1")
	})
}

// A shorter period holds as soon as the spec is noticed, not after the longest
// time between two looks.
func TestShorterPeriod(t *testing.T) {
	inColony(t, func(c *colony) {
		c.config("web", time.Hour, 0, c.hearts)
		c.status("web", spec.Running, 1)
		c.pass(65 * time.Second)
		c.config("web", time.Second, 0, c.hearts)
		c.pass(3500 * time.Millisecond)
		c.want("web/1")
	})
}

// The heartbeat file is named after the service only where status is a
// directory, whenever that is made.
func TestDirectoryComesLater(t *testing.T) {
	inColony(t, func(c *colony) {
		dir := filepath.Join(c.hearts, "later")
		c.config("web", time.Second, 2, dir)
		c.status("web", spec.Running, 1)
		c.pass(1500 * time.Millisecond)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		c.pass(10*time.Second, filepath.Join(dir, "web"))
		c.want()
		c.pass(2 * time.Second)
		c.want("web/1")
	})
}

func TestBeatFile(t *testing.T) {
	root := t.TempDir()
	status := filepath.Join(root, "status")
	within := filepath.Join(status, "web")
	b := newBeatFile(status, "web")
	for _, step := range []struct {
		name  string
		do    func() error
		path  string
		found bool
	}{
		{"nothing", func() error { return nil }, status, false},
		{"a file", func() error { return os.WriteFile(status, nil, 0o644) }, status, true},
		{"an empty directory", func() error { return errors.Join(os.Remove(status), os.Mkdir(status, 0o755)) }, within, false},
		{"a file in it", func() error { return os.WriteFile(within, nil, 0o644) }, within, true},
		{"an empty directory again", func() error { return os.Remove(within) }, within, false},
		{"a file again", func() error { return errors.Join(os.Remove(status), os.WriteFile(status, nil, 0o644)) }, status, true},
		{"nothing again", func() error { return os.Remove(status) }, status, false},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time with the right guess
			path, m, found, err := b.look()
			if path != step.path || found != step.found || err != nil || (m == mark{}) == found {
				t.Errorf("%s: look() = %q, %v, %v, %v, want %q, %v", step.name, path, m, found, err, step.path, step.found)
			}
		}
	}
}
