package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// drawing is who depends on whom, as a picture: what is needed is on the left of what
// needs it.
type drawing struct {
	Width, Height int
	Nodes         []node
	Edges         []edge
	Hidden        int // so many have no room
}

// node is a spec in a drawing.
type node struct {
	Name, Label string // the label fits
	State       spec.State
	Here        bool // it is the one that the drawing is about
	Absent      bool // nobody is called so
	X, Y        int

	needs  []*node
	left   []*node // what is beside it on its left
	layer  int
	weight float64 // where those are
	found  bool    // its layer is known, or being found out
	bend   bool    // it is no service, but where a line passes a layer
}

// line is how a need is drawn: from one node to another, by way of bends.
type line []*node

// edge is a curve from what is needed to what needs it.
type edge struct {
	Path  string
	Title string
	Round bool // it goes back: there is a cycle
}

// Sizes in pixels.
const (
	nodeWidth, nodeHeight = 150, 30
	layerGap, nodeGap     = 60, 14
	edgeOfDrawing         = 8
	labelLength           = 18 // characters
	mostNodes             = 300
)

// drawAround draws a spec with all that it needs and all that needs it.
func drawAround(ties []operations.Tie, name string) drawing {
	needs, needed := map[string][]string{}, map[string][]string{}
	for _, t := range ties {
		needs[t.Name] = t.Needs
		for _, need := range t.Needs {
			needed[need] = append(needed[need], t.Name)
		}
	}
	near := map[string]bool{name: true}
	var follow func(name string, ways map[string][]string)
	follow = func(name string, ways map[string][]string) {
		for _, next := range ways[name] {
			if !near[next] {
				near[next] = true
				follow(next, ways)
			}
		}
	}
	follow(name, needs)
	follow(name, needed)
	if len(near) == 1 {
		return drawing{}
	}
	return draw(ties, func(other string) bool { return near[other] }, name)
}

// draw draws those of ties that are wanted. Here is the one that it is about; "" =
// none is.
func draw(ties []operations.Tie, wanted func(name string) bool, here string) (d drawing) {
	nodes := map[string]*node{}
	var all []*node
	add := func(name string, state spec.State, absent bool) {
		if !wanted(name) || nodes[name] != nil {
			return
		}
		if len(all) >= mostNodes && name != here {
			d.Hidden++
			return
		}
		n := &node{Name: name, Label: words.Cut(words.OneLine(name), labelLength), State: state, Here: name == here, Absent: absent}
		nodes[name] = n
		all = append(all, n)
	}
	for _, t := range ties {
		add(t.Name, t.State, false)
	}
	for _, t := range ties {
		for _, need := range t.Needs {
			add(need, "unknown", true)
			if n, on := nodes[t.Name], nodes[need]; n != nil && on != nil {
				n.needs = append(n.needs, on)
			}
		}
	}
	for _, n := range all {
		n.findLayer()
	}
	lines, bends := linesOf(all)
	d.place(append(slices.Clone(all), bends...))
	for _, n := range all {
		d.Nodes = append(d.Nodes, *n)
	}
	for _, l := range lines {
		d.Edges = append(d.Edges, l.edge())
	}
	return d
}

// linesOf are the lines between nodes, which get room in each layer that they pass.
func linesOf(all []*node) (lines []line, bends []*node) {
	for _, n := range all {
		for _, need := range n.needs {
			l := line{need}
			for layer := need.layer + 1; layer < n.layer; layer++ {
				bend := &node{bend: true, layer: layer, left: l[len(l)-1:]}
				bends = append(bends, bend)
				l = append(l, bend)
			}
			n.left = append(n.left, l[len(l)-1])
			lines = append(lines, append(l, n))
		}
	}
	return lines, bends
}

// findLayer puts a node behind all that it needs. A cycle is broken where it is met.
func (n *node) findLayer() {
	if n.found {
		return
	}
	n.found = true
	for _, need := range n.needs {
		need.findLayer()
		n.layer = max(n.layer, need.layer+1)
	}
}

// place gives each layer a column, and in it puts nodes beside what they need.
func (d *drawing) place(all []*node) {
	var layers [][]*node
	for _, n := range all {
		for len(layers) <= n.layer {
			layers = append(layers, nil)
		}
		layers[n.layer] = append(layers[n.layer], n)
	}
	for x, layer := range layers {
		for _, n := range layer {
			n.weight = 0
			for _, beside := range n.left {
				n.weight += float64(beside.Y) / float64(len(n.left))
			}
		}
		slices.SortStableFunc(layer, func(a, b *node) int { return cmp.Compare(a.weight, b.weight) })
		for y, n := range layer {
			n.X = edgeOfDrawing + x*(nodeWidth+layerGap)
			n.Y = edgeOfDrawing + y*(nodeHeight+nodeGap)
			d.Width = max(d.Width, n.X+nodeWidth+edgeOfDrawing)
			d.Height = max(d.Height, n.Y+nodeHeight+edgeOfDrawing)
		}
	}
}

// edge is the curve of a line.
func (l line) edge() edge {
	need, n := l[0], l[len(l)-1]
	e := edge{Title: n.Name + " needs " + need.Name, Round: need.layer >= n.layer}
	x, y := need.X+nodeWidth, need.Y+nodeHeight/2
	e.Path = fmt.Sprintf("M%d %d", x, y)
	for _, to := range l[1:] {
		x2, y2 := to.X, to.Y+nodeHeight/2
		if to == n {
			x2 -= 6 // room for the arrow
		}
		curve := max((x2-x)/2, layerGap/2)
		e.Path += fmt.Sprintf("C%d %d %d %d %d %d", x+curve, y, x2-curve, y2, x2, y2)
		if x, y = to.X, y2; to.bend {
			x += nodeWidth
			e.Path += fmt.Sprintf("H%d", x)
		}
	}
	return e
}

type graphContent struct {
	Drawing drawing
	Ties    []operations.Tie // of those that are tied
	Alone   int              // so many depend on nobody, and nobody on them
}

func (s *Site) graph(w http.ResponseWriter, r *http.Request) {
	ties, err := s.colony.Ties(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	tied := map[string]bool{}
	for _, t := range ties {
		for _, need := range t.Needs {
			tied[t.Name], tied[need] = true, true
		}
	}
	c := graphContent{Drawing: draw(ties, func(name string) bool { return tied[name] }, "")}
	for _, t := range ties {
		if !tied[t.Name] {
			c.Alone++
		} else {
			c.Ties = append(c.Ties, t)
		}
	}
	s.show(w, r, http.StatusOK, "graph", page{Title: "Dependencies", Here: "graph", Stream: "/v1/events", Slow: true, Content: c})
}

// Summary says in words what a drawing shows.
func (d drawing) Summary() string {
	return fmt.Sprintf("%s, of which %d lines say what each needs", words.Counted(len(d.Nodes), "service"), len(d.Edges))
}
