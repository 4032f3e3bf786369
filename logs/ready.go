package logs

import (
	"io"
	"path/filepath"
	"regexp"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

const (
	// longestMatch is how much of a line is looked at, and matchBytes how much of
	// a stream at once: an expression takes its time.
	longestMatch = 16 << 10
	matchBytes   = 1 << 20

	maxBegun = 100 // bytes of the file that says where a life began
)

// novice is a life that becomes ready by a line of its output.
type novice struct {
	pattern *regexp.Regexp
	dirs    []string
	life    uint64 // its number
	started time.Time
	streams []*lines
	matched bool
	said    time.Time // when READY was said last
}

func newNovice(dirs []string, pattern *regexp.Regexp, life uint64, started time.Time) *novice {
	return &novice{pattern: pattern, dirs: dirs, life: life, started: started, streams: make([]*lines, len(dirs))}
}

func (n *novice) close() {
	for i, l := range n.streams {
		if l != nil {
			l.close()
			n.streams[i] = nil
		}
	}
}

// look reads the lines that have come, and reports whether one matches.
func (n *novice) look() (bool, error) {
	for i, dir := range n.dirs {
		l := n.streams[i]
		if l == nil {
			at, exact, err := sinceLife(dir, n.life, n.started)
			if err != nil {
				return false, err
			}
			l = newLines(dir, at)
			if !exact {
				err = l.skipToStart()
			}
			if err != nil {
				l.close()
				return false, err
			}
			n.streams[i] = l
		}
		for read := 0; read < matchBytes; {
			line, err := l.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return false, err
			}
			read += len(line.Text) + 1
			if n.pattern.Match(line.Text[:min(len(line.Text), longestMatch)]) {
				n.matched = true
				n.close()
				return true, nil
			}
		}
	}
	return false, nil
}

// sinceLife is the position of the first bytes that a life can have written, as
// the supervisor says. Where it does not, that goes by the time at which it began:
// bytes that have come within an instant share theirs, so that a few of the life
// before may be among them.
func sinceLife(dir string, life uint64, started time.Time) (at Position, exact bool, err error) {
	if b, _, err := helper.ReadRegular(filepath.Join(dir, spec.Begun), maxBegun); err == nil {
		if generation, offset, ok := spec.ParseBegun(b, life); ok {
			return Position{generation, offset}, true, nil
		}
	}
	now, err := end(dir) // before the indexes are read: what comes meanwhile is the life's
	if err != nil {
		return Position{}, false, err
	}
	all, err := parts(dir)
	if err != nil || len(all) == 0 {
		return Position{}, false, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		times := readIndex(dir, all[i].generation).times
		for j := len(times) - 1; j >= 0; j-- {
			if times[j].value > started.UnixNano() {
				continue
			}
			e := times[j]
			if started.UnixNano()-e.value < int64(2*markEvery) {
				return Position{all[i].generation, e.offset}, false, nil
			}
			// Nothing can have come together with what came so long before.
			if j+1 < len(times) {
				return Position{all[i].generation, times[j+1].offset}, false, nil
			}
			if i+1 < len(all) {
				return Position{all[i+1].generation, 0}, false, nil
			}
			return now, false, nil
		}
	}
	return Position{all[0].generation, 0}, false, nil
}

// attend says READY if it is so.
func (w *witness) attend(name string, s *state, now time.Time) {
	n := s.novice
	if !n.matched {
		matched, err := n.look()
		if w.news.Is("ready", name, err) {
			w.log.Warn("lines that may say ready not read", "service", name, "err", err)
		}
		if !matched {
			return
		}
	}
	if !n.said.IsZero() && now.Sub(n.said) < readyAgain {
		return
	}
	generation := s.generation
	err := w.send(spec.Message{Type: spec.Ready, Name: name, Generation: &generation, Reason: "a line of its output says so"})
	if w.news.Is("send", name, err) {
		w.log.Warn("not told that it is ready", "service", name, "err", err)
	}
	if err == nil {
		n.said = now
	}
}
