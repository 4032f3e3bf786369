package colony

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// TestDirectorySwaps: whatever has the path is what counts, and what vanished
// with a directory has not ended.
func TestDirectorySwaps(t *testing.T) {
	away := func(w *watched) string { return w.places.Config + ".away" }
	trouble := func(s string) bool { return strings.HasPrefix(s, "trouble config: cannot be read") }
	fill := func(w *watched) {
		for _, name := range []string{"a", "b"} { // of two at once, either may be told first
			put(w.t, w.file(name), argsOf("1"))
			w.hear(name + " is 1")
		}
	}
	t.Run("away and back", func(t *testing.T) {
		inBothWays(t, func(t *testing.T, w *watched) {
			fill(w)
			must(t, os.Rename(w.places.Config, away(w)))
			told := w.until(trouble)
			must(t, os.Rename(away(w), w.places.Config))
			told = append(told, w.hear(configOver)...)
			w.none(append(told, w.past()...), "gone")
			put(t, w.file("a"), argsOf("2"))
			w.hear("a is 2")
		})
	})
	t.Run("a volume of Kubernetes", func(t *testing.T) {
		inBothWays(t, func(t *testing.T, w *watched) {
			must(t, os.Symlink("..data/a", w.file("a")))
			for i := range 5 {
				version := fmt.Sprint("..2026_", i)
				must(t, os.Mkdir(w.file(version), 0o755))
				put(t, w.file(version+"/a"), argsOf(version))
				must(t, os.Symlink(version, w.file("..data_tmp")), os.Rename(w.file("..data_tmp"), w.file("..data")))
				w.hear("a is " + version)
			}
		})
	})
	t.Run("replaced by an empty one", func(t *testing.T) {
		inBothWays(t, func(t *testing.T, w *watched) {
			fill(w)
			must(t, os.Rename(w.places.Config, away(w)), os.Mkdir(w.places.Config, 0o755))
			w.none(w.hear(vanished), "gone")
			put(t, w.file("b"), argsOf("1"))
			w.hear("a gone")
		})
	})
	for by, ask := range map[string]func(w *watched){
		"signal": func(w *watched) { w.watcher.want(false) },
		"message": func(w *watched) {
			put(w.t, filepath.Join(w.places.Messages, "rescan"), `{"type": "RESCAN"}`)
		},
	} {
		t.Run("rescan by "+by, func(t *testing.T) {
			inBothWays(t, func(t *testing.T, w *watched) {
				fill(w)
				must(t, os.Rename(w.places.Config, away(w)), os.Mkdir(w.places.Config, 0o755))
				w.none(w.hear(vanished), "gone")
				ask(w)
				w.hear("b gone")
			})
		})
	}
	t.Run("a link that is swapped", func(t *testing.T) {
		inBothWays(t, func(t *testing.T, w *watched) {
			must(t, os.Rename(w.places.Config, away(w)), os.Symlink(away(w), w.places.Config))
			fill(w)
			for i := range 5 {
				version := fmt.Sprint(w.places.Config, i)
				must(t, os.Mkdir(version, 0o755))
				put(t, version+"/a", argsOf(version))
				must(t, os.Symlink(version, w.places.Config+".new"), os.Rename(w.places.Config+".new", w.places.Config))
				w.hear("a is " + version)
				put(t, version+"/a", argsOf("in "+version))
				w.hear("a is in " + version)
			}
		})
	})
	t.Run("messages made again", func(t *testing.T) {
		inBothWays(t, func(t *testing.T, w *watched) {
			for i := range 5 {
				must(t, os.RemoveAll(w.places.Messages))
				w.past()
				for {
					if _, err := os.Stat(w.places.Messages); err == nil {
						break // by the watcher
					}
					w.past()
				}
				put(t, filepath.Join(w.places.Messages, "m"), `{"type": "RESCAN", "reason": "`+fmt.Sprint(i)+`"}`)
				w.hear("m received: RESCAN: " + fmt.Sprint(i) + ", trusted")
			}
		})
	})
}

// TestLostWatch: a directory that has moved away and back before anybody looked
// is the same, and not watched any more.
func TestLostWatch(t *testing.T) {
	h, err := openHints()
	if err != nil {
		t.Skip(err)
	}
	defer h.watcher.Close()
	e := listen(t)
	p := placesIn(t.TempDir())
	must(t, os.Mkdir(p.Config, 0o755))
	tr := newTroubles(e.outbox(), nil)
	w := &watcher{config: newConfigDir(thisMachine(), p.Config, trust{}, nil, e.outbox(), tr), messages: newMessageDir(thisMachine(), p, 0, false, e.outbox(), tr),
		hints: hints{watcher: h.watcher}, watched: map[string]dirID{}, trouble: tr}
	w.rewatch()
	seen := func(path string) { // takes in all hints up to one
		t.Helper()
		late := time.After(waitMost)
		for ev := (fsnotify.Event{}); ev.Name != path; {
			select {
			case ev = <-h.events:
				w.hinted(ev)
			case <-late:
				t.Fatalf("no hint about %s", path)
			}
		}
	}
	must(t, os.Rename(p.Config, p.Config+".away"), os.Rename(p.Config+".away", p.Config))
	put(t, p.Config+".after", "")
	seen(p.Config + ".after")
	put(t, filepath.Join(p.Config, ".seen"), "")
	seen(filepath.Join(p.Config, ".seen"))
}
