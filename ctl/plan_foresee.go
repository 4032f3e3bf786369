package ctl

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// foresee says what the supervisor will make of a change.
func (b *builder) foresee(c *Change) error {
	if !b.plan.Supervisor {
		c.Effect = Later
		return nil
	}
	st, err := StatusOf(b.places, c.Name)
	if err != nil && err != ErrNoService {
		return err
	}
	if err == nil {
		c.State, c.PID = st.State, st.PID
	}
	_, err = StopNote(b.places, c.Name)
	stopped := err == nil || st != nil && st.State == spec.Stopped
	c.Effect = effect(c, st, stopped, b.runsAs(c.Name))
	return nil
}

// runsAs is the spec that the life of a service began with; nil = it cannot be
// known.
func (b *builder) runsAs(name string) *spec.Spec {
	if content, err := os.ReadFile(lifeFile(b.places, name)); err == nil {
		s, _ := spec.Parse(content)
		return s
	}
	return nil
}

// lifeFile is where the supervisor keeps what the life of a service began with.
func lifeFile(p Places, name string) string { return filepath.Join(p.LivesDir(), name+jsonSuffix) }

// effect is what a change leads to, given the status of the service if it has
// one, whether somebody has stopped it, and what its life began with.
func effect(c *Change, st *spec.Status, stopped bool, life *spec.Spec) Effect {
	if st == nil {
		st = &spec.Status{}
	}
	switch {
	case c.Action == ActionCreate: // a stop is forgotten with the service that it was for
		return Starts
	case c.Action == ActionRemove && st.PID == 0:
		return Forgotten
	case c.Action == ActionRemove:
		return Stops
	case stopped:
		return Stays
	}
	want, err := spec.Parse(c.after)
	if err != nil {
		return Stays // cannot be: it was parsed before
	}
	if st.PID != 0 {
		same := c.Action == ActionLive || c.Action == ActionFormat
		if life != nil {
			same = spec.SameProcess(life, want)
		}
		if same {
			return GoesOn
		}
		return Restarts
	}
	switch {
	case c.Action == ActionLive && st.State == spec.Exited && startsAgain(want, st.LastExit):
		return Starts
	case c.Action != ActionLive && c.Action != ActionFormat:
		return Starts
	case st.State == spec.Exited || st.State == spec.Failed || st.State == spec.Invalid:
		return Stays
	}
	return Starts // it is on its way, and goes on so
}

// startsAgain says whether a service that has ended is started again under s.
func startsAgain(s *spec.Spec, last *spec.Exit) bool {
	switch s.Restart {
	case spec.RestartNever:
		return false
	case spec.RestartOnFailure:
		codes := s.SuccessCodes
		if codes == nil {
			codes = []int{0}
		}
		return last == nil || last.Code == nil || !slices.Contains(codes, *last.Code)
	case "":
		return !s.Main
	}
	return true
}

// order puts the changes in the order in which they are to be made: what others
// depend on comes before them, and what is removed goes last, those that depend
// on it first. So nobody is stopped for want of what is about to come, and what a
// new spec does not need any more goes only when that spec is in place.
func (b *builder) order() {
	old := &Graph{}
	for name, is := range b.standing {
		old.Put(name, is.path, is.spec)
	}
	rank := map[string]int{}
	for i, name := range b.result().inOrder() {
		rank[name] = i
	}
	stay := len(rank)
	before := old.inOrder()
	for i, name := range before {
		if _, stays := rank[name]; !stays {
			rank[name] = stay + len(before) - i
		}
	}
	slices.SortFunc(b.plan.Changes, func(x, y Change) int { return rank[x.Name] - rank[y.Name] })
}

// result are the services that there will be.
func (b *builder) result() *Graph {
	g := &Graph{}
	for _, name := range b.want.Names() {
		n := b.want.Node(name)
		g.Put(name, n.Path, n.Spec)
	}
	if !b.prune {
		for name, is := range b.standing {
			if g.Node(name) == nil {
				g.Put(name, is.path, is.spec)
			}
		}
	}
	return g
}

// inOrder lists the services so that each comes behind those that it needs, and
// else by the alphabet. What is in a cycle comes somewhere.
func (g *Graph) inOrder() (names []string) {
	been := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if been[name] || g.nodes[name] == nil {
			return
		}
		been[name] = true
		for _, need := range slices.Sorted(slices.Values(g.needs(name))) {
			visit(need)
		}
		names = append(names, name)
	}
	for _, name := range g.Names() {
		visit(name)
	}
	return names
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// newFile is where the spec of a new service goes.
func newFile(p Places, name string) string { return filepath.Join(p.Config, name) }

// ownerOf is the uid that a file belongs to; -1 = unknown.
func ownerOf(path string) int {
	if fi, err := os.Stat(path); err == nil {
		if st, ok := fi.Sys().(*syscall.Stat_t); ok {
			return int(st.Uid)
		}
	}
	return -1
}
