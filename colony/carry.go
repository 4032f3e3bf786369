package colony

import (
	"os"
	"path/filepath"
)

// savedEar is an ear as one program hands it to the next. What was sent and not
// read yet waits in its descriptors.
type savedEar struct {
	Name       string `json:"name"`
	Generation uint64 `json:"generation"`
	PID        int    `json:"pid"`
	UID        int    `json:"uid"`
	Socket     int    `json:"socket,omitempty"` // descriptors
	Pipe       int    `json:"pipe,omitempty"`
	NotifyName string `json:"notify_name,omitempty"`
}

// ear is the ear again.
func (s savedEar) ear() *listener {
	a := &listener{life: lifeID{s.Name, s.Generation}, pid: s.PID, uid: s.UID, socket: s.Socket, name: s.NotifyName, pipe: s.Pipe, child: -1}
	if a.socket <= 0 {
		a.socket = -1
	}
	if a.pipe <= 0 {
		a.pipe = -1
	}
	return a
}

// carried lists the ears for a program that knows what to do with them; to any
// other they are closed. The loop asks while it holds the goroutine, which may
// not know yet that a life is over.
func (e *ears) carried(to *successor) (saved []savedEar) {
	if e == nil || !to.hears {
		return nil
	}
	for life, a := range e.lives {
		if e.asked[life] && len(a.open()) > 0 {
			saved = append(saved, savedEar{life.name, life.generation, a.pid, a.uid, max(a.socket, 0), max(a.pipe, 0), a.name})
		}
	}
	return saved
}

// receive goes on with the ears that were handed over. A life that has none,
// because it has come over a program that knows of none, gets them anew.
func (e *ears) receive(saved []savedEar, m *model) {
	if e == nil {
		return
	}
	for _, s := range saved {
		a := s.ear()
		e.asked[a.life] = true
		e.post(func() { e.attach(a) })
		if !m.has(a.life) {
			e.deafen(a.life)
		}
	}
	for _, s := range m.services {
		if l := &s.life; l.spec != nil && l.pid != 0 && !e.asked[s.lifeID()] {
			e.hear(hear{s.lifeID(), l.pid, l.spec})
		}
	}
}

// has reports whether a life is not over.
func (m *model) has(life lifeID) bool {
	s := m.services[life.name]
	return s != nil && s.life.spec != nil && s.lifeID() == life
}

// livesOf names the lives that are not over.
func livesOf(m *model) map[string]bool {
	known := map[string]bool{}
	for _, s := range m.services {
		if s.life.spec != nil {
			known[lifeName(s.lifeID())] = true
		}
	}
	return known
}

// namesOf names the services that have a life.
func namesOf(m *model) map[string]bool {
	known := map[string]bool{}
	for name, s := range m.services {
		known[name] = s.life.spec != nil
	}
	return known
}

// clearEars removes the sockets of lives that are over.
func clearEars(h *house, m *model) {
	list, _ := h.disk.list(h.places.NotifyDir())
	known := livesOf(m)
	for _, f := range list {
		if f.Type()&os.ModeSocket != 0 && !known[f.Name()] {
			remove(h.disk, filepath.Join(h.places.NotifyDir(), f.Name()))
		}
	}
}
