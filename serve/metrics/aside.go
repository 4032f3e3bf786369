package metrics

import (
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// aside does what may hang for as long as somebody else's file system or process
// is in trouble, one thing at a time. The zero aside is ready.
type aside struct{ done chan struct{} } // of the last one

// hangTime is how long a reading waits for it.
const hangTime = time.Second

// do calls f and reports whether it has come back. What hangs goes on, and until
// it is done nothing else is: f may use nothing that others use meanwhile, and what
// it has found out is only good if this is true.
func (a *aside) do(f func()) bool {
	if a.done != nil {
		select {
		case <-a.done:
		default:
			return false
		}
	}
	done := make(chan struct{})
	a.done = done
	go func() {
		defer close(done)
		f()
	}()
	limit := time.NewTimer(hangTime)
	defer limit.Stop()
	select {
	case <-done:
		return true
	case <-limit.C:
		return false
	}
}

// beats looks when heartbeat files were changed. They are the services' own,
// wherever those have them.
type beats struct{ aside aside }

// look returns when the files at paths were changed; nil: it cannot be seen in
// time.
func (b *beats) look(paths []string) map[string]time.Time {
	at := make(map[string]time.Time, len(paths))
	seen := b.aside.do(func() {
		for _, path := range paths {
			if v, isDir, err := helper.Stat(path); err == nil && !isDir {
				at[path] = time.Unix(0, v.Mtime)
			}
		}
	})
	if !seen {
		return nil
	}
	return at
}

// addBeats adds the last beats of hearts that beat. @heartcheck tells of them once
// a minute, and the file itself knows better; where it cannot be asked, what
// @heartcheck said has to do.
func (r *reader) addBeats(now *reading) {
	var paths []string
	for _, s := range now.services {
		if beaten(s.heart, s.status) {
			paths = append(paths, s.heart.File)
		}
	}
	if len(paths) == 0 {
		return
	}
	at := r.beats.look(paths)
	for i := range now.services {
		if s := &now.services[i]; beaten(s.heart, s.status) {
			s.beat = *s.heart.LastBeat
			if t := at[s.heart.File]; t.After(s.beat) {
				s.beat = t
			}
		}
	}
}

// beaten reports whether the current life of a service has beaten.
func beaten(h *spec.Heartbeat, st *spec.Status) bool {
	return h != nil && h.LastBeat != nil && h.Generation == st.Generation
}
