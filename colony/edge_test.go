package colony

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ear is the loop's place in a test of an edge: it hears what the edge tells,
// in words that a table can hold.
type ear struct {
	t      *testing.T
	events chan event
	quit   chan struct{}
}

func listen(t *testing.T) *ear {
	return &ear{t, make(chan event, 8192), make(chan struct{})}
}

func (e *ear) outbox() outbox { return outbox{e.events, e.quit} }

// heard is what was told since the last call and is here already: all of it, if
// the edge runs in the test's own goroutine.
func (e *ear) heard() (all []string) {
	for {
		select {
		case ev := <-e.events:
			if words := inWords(ev); words != "" {
				all = append(all, words)
			}
		default:
			return all
		}
	}
}

// until waits for one that is said so, and returns it and all that came before.
func (e *ear) until(said func(string) bool) (all []string) {
	e.t.Helper()
	late := time.After(waitMost)
	for {
		select {
		case ev := <-e.events:
			words := inWords(ev)
			if words == "" {
				continue
			}
			if all = append(all, words); said(words) {
				return all
			}
		case <-late:
			e.t.Fatalf("not told in time; told so far:\n%s", strings.Join(all, "\n"))
		}
	}
}

// hear waits for exactly these words.
func (e *ear) hear(words string) []string {
	e.t.Helper()
	return e.until(func(s string) bool { return s == words })
}

// inWords puts an event in words. A spec is known by its last argument. That a
// first look is over, and was well, needs none.
func inWords(ev event) string {
	switch ev := ev.(type) {
	case seen:
		switch {
		case ev.gone:
			return ev.name + " gone"
		case ev.problem != nil:
			return ev.name + " bad: " + ev.problem.Error()
		default:
			return ev.name + " is " + ev.spec.Args[len(ev.spec.Args)-1]
		}
	case scanned:
		if ev.names != nil && len(ev.bad) == 0 {
			return ""
		}
		bad := []string{}
		for name, why := range ev.bad {
			bad = append(bad, name+" ("+why+")")
		}
		slices.Sort(bad)
		return "bad files: " + strings.Join(bad, ", ")
	case degraded:
		if ev.why == "" {
			return "trouble " + ev.what + ": over"
		}
		return "trouble " + ev.what + ": " + ev.why
	case received:
		what := ev.file + " received: "
		if ev.problem != nil {
			return what + "bad: " + ev.problem.Error()
		}
		what += describe(ev.message)
		if ev.old {
			what += ", old"
		}
		if ev.trusted {
			what += ", trusted"
		}
		return what
	default:
		return fmt.Sprintf("%T", ev)
	}
}

// argsOf is the text of a spec that inWords calls "is LAST".
func argsOf(last string) string { return `{"args": ["run", "` + last + `"]}` }

// put writes a file in place.
func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// must stops the test at the first error.
func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}

// asNobody takes the rights of root over files from the test until it ends, if
// it has them: the file system then sees an ordinary user.
func asNobody(t *testing.T, dirs ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	const nobody = 65534
	for _, dir := range dirs {
		must(t, os.Chown(dir, nobody, nobody))
		for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
			must(t, os.Chmod(d, 0o755))
		}
	}
	runtime.LockOSThread()
	unix.SetfsuidRetUid(nobody)
	t.Cleanup(func() {
		unix.SetfsuidRetUid(0)
		runtime.UnlockOSThread()
	})
}

// smallDisk is a directory on a file system of its own, with little room.
func smallDisk(t *testing.T) string {
	t.Helper()
	needRoot(t)
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("needs to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// fill leaves no byte on the disk of dir, and returns what to remove.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	return path
}
