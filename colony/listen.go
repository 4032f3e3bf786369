package colony

import (
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// listens notes that the sockets of a life are open from now on, or may be: its
// start is ordered, or an earlier supervisor has begun it.
func (m *model) listens(s *service) {
	for _, address := range s.life.spec.Addresses() {
		if !slices.Contains(s.sockets, address) {
			s.sockets = append(slices.Clip(s.sockets), address)
		}
	}
}

// unlisten has those sockets of s closed that nothing of it is to have any more.
// Between two lives they stay open; who connects then waits for the next.
func (m *model) unlisten(s *service) {
	if s.sockets == nil {
		return
	}
	kept := m.kept(s)
	var stay, leave []string
	for _, address := range s.sockets {
		if slices.Contains(kept, address) {
			stay = append(stay, address)
		} else {
			leave = append(leave, address)
		}
	}
	if leave == nil {
		return
	}
	s.sockets = stay
	if owner := ownerOf(s.name); owner != s.name {
		for _, o := range m.inOrder() {
			if ownerOf(o.name) == owner {
				leave = slices.DeleteFunc(leave, func(address string) bool { return slices.Contains(o.sockets, address) })
			}
		}
	}
	if len(leave) > 0 {
		m.emit(unlisten{ownerOf(s.name), leave})
	}
}

// kept lists the addresses that s may have sockets for: those of its life, and
// those of its spec unless it has ended for good, or until somebody starts it.
func (m *model) kept(s *service) (all []string) {
	if s.alive() {
		all = s.life.spec.Addresses()
	}
	if s.spec != nil && (s.phase != down || m.stateOf(s) == spec.Waiting) {
		all = append(all, s.spec.Addresses()...)
	}
	return all
}

// ownerOf is whose sockets a service has: the instances of a file share them.
func ownerOf(name string) string {
	file, _ := spec.Instance(name)
	return file
}
