package colony

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

// watched is a watcher at work.
type watched struct {
	*watcher
	*ear
	places   spec.Places
	barriers int
}

// watch starts a watcher, and waits for its first scan; prepare changes it
// before.
func watch(t *testing.T, prepare func(*watched)) *watched {
	e := listen(t)
	root := t.TempDir()
	p := placesIn(root)
	must(t, os.Mkdir(p.Config, 0o755), os.Mkdir(p.Messages, 0o755), makeState(osDisk{}, p))
	tr := newTroubles(e.outbox(), nil)
	w := &watched{ear: e, places: p, watcher: &watcher{
		config:   newConfigDir(thisMachine(), p.Config, trust{}, vetFunc(func(*spec.Spec) string { return "" }), e.outbox(), tr),
		messages: newMessageDir(thisMachine(), p, os.Getuid(), false, e.outbox(), tr),
		watched:  map[string]dirID{}, trouble: tr, frequency: time.Hour,
		rescans: make(chan struct{}, 1), again: make(chan struct{}, 1), quit: e.quit,
	}}
	prepare(w)
	put(t, filepath.Join(p.Messages, "first"), `{"type": "RESCAN"}`)
	var running sync.WaitGroup
	running.Go(func() {
		for w.survives("poison") {
		}
	})
	t.Cleanup(func() {
		close(e.quit)
		running.Wait()
		if h := w.watcher.hints.watcher; h != nil && !errors.Is(h.Add(root), fsnotify.ErrClosed) {
			t.Error("the end leaves its inotify instance open")
		}
	})
	w.hear("first received: RESCAN, old, trusted")
	return w
}

// survives runs the watcher; true if it panicked over the poison.
func (w *watched) survives(poison string) (panicked bool) {
	defer func() {
		if p := recover(); p != nil {
			if panicked = p == poison; !panicked {
				panic(p)
			}
		}
	}()
	w.run()
	return false
}

// inBothWays runs a test with hints and without scans, and the other way round:
// either has to be enough.
func inBothWays(t *testing.T, test func(t *testing.T, w *watched)) {
	t.Run("hints", func(t *testing.T) {
		h, err := openHints()
		if err != nil {
			t.Skip(err)
		}
		test(t, watch(t, func(w *watched) { w.watcher.hints = h }))
	})
	t.Run("polling", func(t *testing.T) {
		test(t, watch(t, func(w *watched) { w.frequency = 10 * time.Millisecond }))
	})
}

func (w *watched) file(name string) string { return filepath.Join(w.places.Config, name) }

// past returns what is told until all that has happened so far was: a broken
// file is told after a quiet time, and this one is the last to begin its.
func (w *watched) past() []string {
	w.t.Helper()
	w.barriers++
	name := fmt.Sprintf("zz%d", w.barriers)
	put(w.t, w.file(name), "{")
	all := w.until(func(s string) bool { return strings.HasPrefix(s, name+" bad") })
	return all[:len(all)-1]
}

func (w *watched) none(told []string, end string) {
	w.t.Helper()
	for _, s := range told {
		if strings.HasSuffix(s, end) {
			w.t.Errorf("told %q", s)
		}
	}
}

func TestWatch(t *testing.T) {
	inBothWays(t, func(t *testing.T, w *watched) {
		put(t, w.file("web"), argsOf("1"))
		w.hear("web is 1")
		for i := range 5 { // in place, in two steps
			f, err := os.Create(w.file("web"))
			must(t, err)
			text := argsOf(fmt.Sprint("v", i))
			f.WriteString(text[:5])
			f.WriteString(text[5:])
			must(t, f.Close())
			w.hear(fmt.Sprint("web is v", i))
		}
		put(t, w.file("new.tmp"), argsOf("1"))
		must(t, os.Rename(w.file("new.tmp"), w.file("new")))
		w.hear("new is 1")
		must(t, os.Remove(w.file("new")))
		w.hear("new gone")
		put(t, w.file("web"), "{")
		w.hear("web bad: line 1 column 2: truncated: the text ends inside an object")
		put(t, w.file("a b"), "")
		w.until(func(s string) bool { return strings.HasPrefix(s, "bad files: a b") })

		put(t, filepath.Join(w.places.Messages, "1"), `{"type": "RESTART-ALL"}`)
		told := w.hear("1 received: RESTART-ALL, trusted")
		w.none(told, "gone")
		put(t, filepath.Join(w.places.Messages, "2"), `{"type": "REST`)
		w.until(func(s string) bool { return strings.HasPrefix(s, "2 received: bad: ") })
	})
}

// TestMessageAfterSpec: whoever writes a spec and then a message about it finds
// it known.
func TestMessageAfterSpec(t *testing.T) {
	inBothWays(t, func(t *testing.T, w *watched) {
		for i := range 20 {
			name := fmt.Sprint("s", i)
			put(t, w.file(name), argsOf("1"))
			put(t, filepath.Join(w.places.Messages, "tmp.new"), `{"type": "START", "name": "`+name+`"}`)
			must(t, os.Rename(filepath.Join(w.places.Messages, "tmp.new"), filepath.Join(w.places.Messages, name)))
			told := w.hear(name + " received: START " + name + ", trusted")
			if !slices.Contains(told, name+" is 1") {
				t.Fatalf("the message comes first: %q", told)
			}
		}
	})
}

func TestManyFiles(t *testing.T) {
	h, err := openHints()
	if err != nil {
		t.Skip(err)
	}
	w := watch(t, func(w *watched) { w.watcher.hints = h })
	const many = 2000
	for i := range many {
		put(t, w.file(fmt.Sprint("s", i)), argsOf("1"))
	}
	known := 0
	w.until(func(s string) bool {
		if strings.HasSuffix(s, " is 1") {
			known++
		}
		return known == many
	})
}

// TestMessageAfterAStart: what is written while the first look is under way is for
// what runs already.
func TestMessageAfterAStart(t *testing.T) {
	written := false
	w := watch(t, func(w *watched) {
		put(t, w.file("web"), argsOf("1"))
		w.watcher.config.reader.vet = vetFunc(func(*spec.Spec) string {
			if second := filepath.Join(w.places.Messages, "second"); !written {
				put(t, second, `{"type": "RESTART", "name": "web"}`)
				written = true
			}
			return ""
		})
	})
	if told := w.until(func(s string) bool { return strings.HasPrefix(s, "second ") }); told[len(told)-1] != "second received: RESTART web, trusted" {
		t.Errorf("told %q", told)
	}
}

// TestHiddenTarget: a hidden file may be what a spec is a link to, so that it is
// looked for; our own temporary files are not, whoever names the spec.
func TestHiddenTarget(t *testing.T) {
	h, err := openHints()
	if err != nil {
		t.Skip(err)
	}
	w := watch(t, func(w *watched) { w.watcher.hints = h })
	put(t, w.file(".real"), argsOf("1"))
	must(t, os.Symlink(".real", w.file("web")))
	w.hear("web is 1")
	put(t, w.file(".real"), argsOf("2"))
	w.hear("web is 2")
	must(t, atomicfile.Write(w.file("other"), []byte(argsOf("1")), 0o644, false))
	w.hear("other is 1")
}

// TestLostHints: when hints are known to be lost everything is looked at.
func TestLostHints(t *testing.T) {
	lost := make(chan error)
	w := watch(t, func(w *watched) {
		// Hints that never come, of directories that are watched.
		w.watcher.hints = hints{events: make(chan fsnotify.Event), errors: lost}
		w.watched = map[string]dirID{w.places.Config: {}, w.places.Messages: {}}
	})
	put(t, w.file("web"), argsOf("1"))
	lost <- fsnotify.ErrEventOverflow
	w.none(w.hear("web is 1"), "overflow")
	put(t, w.file("web"), argsOf("2"))
	lost <- errors.New("broken")
	told := w.hear("web is 2")
	if !slices.Contains(told, "trouble watch: broken") {
		t.Errorf("told %q", told)
	}
}

// TestRecovers: a watch that broke is no trouble for ever.
func TestRecovers(t *testing.T) {
	lost := make(chan error)
	w := watch(t, func(w *watched) {
		w.watcher.hints = hints{events: make(chan fsnotify.Event), errors: lost}
		w.frequency = 10 * time.Millisecond
	})
	lost <- errors.New("broken")
	w.hear("trouble watch: over")
}

// TestInotifyComesLater: where there is no instance to be had it is asked for
// again, and meanwhile the directories are polled.
func TestInotifyComesLater(t *testing.T) {
	refuse := make(chan bool, 1)
	refuse <- true
	w := watch(t, func(w *watched) {
		w.frequency = 10 * time.Millisecond
		w.watcher.open = func() (hints, error) {
			if len(refuse) > 0 {
				return hints{}, errors.New("too many")
			}
			return openHints()
		}
	})
	put(t, w.file("web"), argsOf("1"))
	w.hear("web is 1")
	<-refuse
	w.hear("trouble inotify: over")
	put(t, w.file("web"), argsOf("2"))
	w.hear("web is 2")
}

// TestUnwatchable: a directory that cannot be watched is polled, though its
// parent is watched.
func TestUnwatchable(t *testing.T) {
	w := &watcher{hints: hints{events: make(chan fsnotify.Event)}, frequency: time.Hour,
		config: &configDir{path: "/c/config"}, messages: &messageDir{path: "/c/messages"}}
	for _, tt := range []struct {
		watched string
		want    time.Duration
	}{
		{"/c", pollEvery}, {"/c /c/config", pollEvery}, {"/c /c/messages /", pollEvery}, {"/c/config /c/messages", time.Hour},
	} {
		w.watched = map[string]dirID{}
		for _, path := range strings.Fields(tt.watched) {
			w.watched[path] = dirID{}
		}
		if got := w.interval(); got != tt.want {
			t.Errorf("watched %s: scans every %v, want %v", tt.watched, got, tt.want)
		}
	}
}

// TestWatcherRunsAgain: after a panic it goes on with the same hints.
func TestWatcherRunsAgain(t *testing.T) {
	h, err := openHints()
	if err != nil {
		t.Skip(err)
	}
	w := watch(t, func(w *watched) {
		w.watcher.hints = h
		once := false
		w.config.reader.vet = vetFunc(func(sp *spec.Spec) string {
			if sp.Args[1] == "poison" && !once {
				once = true
				panic("poison")
			}
			return ""
		})
	})
	put(t, w.file("web"), argsOf("poison"))
	w.hear("web is poison")
	put(t, w.file("web"), argsOf("1"))
	w.hear("web is 1")
}
