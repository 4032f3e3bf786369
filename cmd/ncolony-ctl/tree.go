package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/words"
)

// tree has services stand under what they depend on. One with several
// dependencies stands in full under that of them which is furthest from the
// root, and under the others as a reference.
type tree struct {
	needs  map[string][]string // of every name, also of those that are nobody's
	below  map[string][]string // who stands under it, in full or not
	home   map[string]string   // under which one it stands in full; "" = it is a root
	depth  map[string]int
	onPath map[string]bool // while home is being looked for
}

// growTree makes the tree of all that has a spec or a status.
func growTree(g *ctl.Graph, statuses []spec.Status) *tree {
	needs := map[string][]string{}
	for _, name := range g.Names() {
		needs[name] = g.Node(name).Needs()
	}
	for i := range statuses {
		st := &statuses[i]
		file, number := spec.Instance(st.Name)
		n := g.Node(file)
		if n == nil || n.Spec == nil { // the file says nothing any more; the supervisor may
			needs[st.Name] = st.WaitingFor
		}
		if number > 0 && n != nil { // instances stand under their file
			needs[st.Name] = []string{file}
		}
	}
	return newTree(needs)
}

func newTree(needs map[string][]string) *tree {
	t := &tree{needs: needs, below: map[string][]string{}, home: map[string]string{}, depth: map[string]int{}, onPath: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(t.needs)) {
		for _, need := range t.needs[name] {
			if _, known := t.needs[need]; !known {
				t.needs[need] = nil
			}
			t.below[need] = append(t.below[need], name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.needs)) {
		t.place(name)
	}
	return t
}

// place finds where name stands in full. Inside a cycle the way back does not
// count, so that each name has one place, and a way leads there.
func (t *tree) place(name string) {
	if _, done := t.home[name]; done {
		return
	}
	t.onPath[name] = true
	home, depth := "", 0
	for _, need := range t.needs[name] {
		if t.onPath[need] {
			continue
		}
		t.place(need)
		if d := t.depth[need] + 1; d > depth {
			home, depth = need, d
		}
	}
	delete(t.onPath, name)
	t.home[name], t.depth[name] = home, depth
}

// branch is a line of the tree.
type branch struct {
	name      string
	indent    string // what is drawn before the name
	reference bool   // it stands elsewhere in full
}

// branches lists the lines, roots in alphabetical order and helpers last.
func (t *tree) branches() (lines []branch) {
	var roots []string
	for name, home := range t.home {
		if home == "" {
			roots = append(roots, name)
		}
	}
	slices.SortFunc(roots, func(a, b string) int {
		if ha, hb := a[0] == '@', b[0] == '@'; ha != hb {
			if ha {
				return 1
			}
			return -1
		}
		return strings.Compare(a, b)
	})
	var walk func(name, first, rest string)
	walk = func(name, first, rest string) {
		lines = append(lines, branch{name: name, indent: first})
		for i, b := range t.below[name] {
			corner, line := "├─ ", "│  "
			if i == len(t.below[name])-1 {
				corner, line = "└─ ", "   "
			}
			if t.home[b] == name {
				walk(b, rest+corner, rest+line)
			} else {
				lines = append(lines, branch{b, rest + corner, true})
			}
		}
	}
	for _, root := range roots {
		walk(root, "", "")
	}
	return lines
}

// around is the part of t that has to do with names: all that they depend on,
// directly or not, and all that depends on them.
func (t *tree) around(names []string) *tree {
	related := map[string]bool{}
	for _, next := range []map[string][]string{t.needs, t.below} {
		seen := map[string]bool{}
		for queue := slices.Clone(names); len(queue) > 0; queue = queue[1:] {
			if name := queue[0]; !seen[name] {
				seen[name], related[name] = true, true
				queue = append(queue, next[name]...)
			}
		}
	}
	needs := map[string][]string{}
	for name := range related {
		needs[name] = nil
		for _, need := range t.needs[name] {
			if related[need] {
				needs[name] = append(needs[name], need)
			}
		}
	}
	return newTree(needs)
}

// treeTable shows a tree with what the services are doing.
func treeTable(t *tree, g *ctl.Graph, statuses []spec.Status, now time.Time, stale bool) *table {
	byName := map[string]*spec.Status{}
	counts := map[string]map[spec.State]int{} // of instances, by file
	for i := range statuses {
		byName[statuses[i].Name] = &statuses[i]
		if file, number := spec.Instance(statuses[i].Name); number > 0 {
			if counts[file] == nil {
				counts[file] = map[spec.State]int{}
			}
			counts[file][statuses[i].State]++
		}
	}
	out := &table{}
	out.add(cell{"NAME", bold}, cell{"STATE", bold}, cell{"PID", bold}, cell{"SINCE", bold}, cell{"NOTE", bold})
	for _, b := range t.branches() {
		st := byName[b.name]
		switch {
		case b.reference:
			out.add(cell{text: b.indent + "-> " + b.name})
		case st != nil:
			out.add(cell{text: b.indent + b.name}, stateCell(st, stale), cell{text: number0(st.PID)}, cell{text: words.Ago(now.Sub(st.Since))}, noteCell(st, now))
		case g.Node(b.name) != nil && counts[b.name] != nil:
			out.add(cell{text: b.indent + b.name}, cell{text: countsInWords(counts[b.name])}, cell{text: "-"}, cell{text: "-"}, cell{})
		case g.Node(b.name) != nil:
			out.add(cell{text: b.indent + b.name}, cell{"-", faint}, cell{text: "-"}, cell{text: "-"}, cell{text: "the supervisor has not seen it yet"})
		default:
			out.add(cell{text: b.indent + b.name}, cell{"-", faint}, cell{text: "-"}, cell{text: "-"}, cell{"there is no such service", red})
		}
	}
	return out
}

// countsInWords is "2 running, 1 backoff".
func countsInWords(counts map[spec.State]int) string {
	var parts []string
	for _, state := range spec.States {
		if n := counts[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return strings.Join(parts, ", ")
}
