package ctl

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Graph is who depends on whom, as the specs of one directory say. It knows
// nothing of what runs: a directory that is only to be put in place has one too.
type Graph struct {
	nodes map[string]*Node
}

// Node is a service in a Graph, or all instances of a file.
type Node struct {
	Name string
	Path string     // of its file
	Spec *spec.Spec // nil: its file is broken, and what it depends on is not known
}

// Needs are the names that the service depends on, each once; some may be names
// of nobody.
func (n *Node) Needs() []string {
	if n == nil || n.Spec == nil {
		return nil
	}
	return n.Spec.Needs
}

// ReadGraph reads the specs of dir by the names and the parser of the
// supervisor. A directory that is not there holds no services.
func ReadGraph(dir string) (*Graph, error) {
	g := &Graph{}
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return g, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		name, kind := spec.NameOf(e.Name())
		if e.IsDir() || kind != spec.FileSpec || linksToDir(path, e.Type()) {
			continue
		}
		var s *spec.Spec
		if content, err := readSpec(path); err == nil {
			s, _ = spec.Parse(content)
		}
		g.Put(name, path, s)
	}
	return g, nil
}

// Put makes name a service of g. Two specs of one name are as good as a broken
// one.
func (g *Graph) Put(name, path string, s *spec.Spec) {
	if g.nodes == nil {
		g.nodes = map[string]*Node{}
	}
	if g.nodes[name] != nil {
		s = nil
	}
	g.nodes[name] = &Node{name, path, s}
}

// Node is the service called name; nil = there is none.
func (g *Graph) Node(name string) *Node { return g.nodes[name] }

// NodeOf is the node of the file that a service is made of.
func (g *Graph) NodeOf(service string) *Node {
	file, _ := spec.Instance(service)
	return g.nodes[file]
}

// Names lists the services in alphabetical order.
func (g *Graph) Names() []string { return slices.Sorted(maps.Keys(g.nodes)) }

// Dependents are the names of those that depend on name, which may be nobody's.
func (g *Graph) Dependents(name string) (names []string) {
	for _, n := range g.nodes {
		if slices.Contains(n.Needs(), name) {
			names = append(names, n.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Knot is a set of services each of which comes, in the end, after itself. The
// supervisor starts none of them.
type Knot struct {
	Members []string // in alphabetical order
	Way     []string // a shortest way round, from the first member back to it
}

// String is a knot in the words of the supervisor.
func (k *Knot) String() string { return "cycle: " + strings.Join(k.Way, " -> ") }

// Knots finds the cycles, those of several services and those of one that
// depends on itself.
func (g *Graph) Knots() (knots []Knot) {
	for _, members := range spec.Knots(g.Names(), g.needs) {
		knots = append(knots, Knot{members, spec.WayRound(members, g.needs)})
	}
	slices.SortFunc(knots, func(a, b Knot) int { return cmp.Compare(a.Members[0], b.Members[0]) })
	return knots
}

// needs are those of the service called name, if there is one.
func (g *Graph) needs(name string) []string { return g.nodes[name].Needs() }

// Findings is what is wrong with how the services go together, as Report has it:
// cycles are errors; a dependency on nobody, or on a service with a broken spec,
// is a warning, for it may come to be.
func (g *Graph) Findings() (all []Finding) {
	for _, k := range g.Knots() {
		all = append(all, Finding{spec.Problem{Message: k.String()}, g.nodes[k.Members[0]].Path, false})
	}
	for _, name := range g.Names() {
		for _, m := range g.missing(name) {
			all = append(all, Finding{m.Problem, g.nodes[name].Path, true})
		}
	}
	return all
}

// missing is a dependency that cannot come about by itself.
type missing struct {
	spec.Problem
	need   string
	absent bool // nobody is called so
}

// missing are those dependencies of a service that are nobody, or have no good
// spec.
func (g *Graph) missing(name string) (all []missing) {
	n := g.nodes[name]
	for _, need := range n.Needs() {
		key := "after"
		if slices.Contains(n.Spec.Requires, need) {
			key = "requires"
		}
		on := g.nodes[need]
		switch {
		case on == nil:
			all = append(all, missing{spec.Problem{Message: key + ": there is no service " + strconv.Quote(need)}, need, true})
		case on.Spec == nil:
			all = append(all, missing{spec.Problem{Message: key + ": " + strconv.Quote(need) + " has no good spec"}, need, false})
		}
	}
	return all
}
