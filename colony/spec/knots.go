package spec

import "slices"

// Knots finds the cycles in who depends on whom: for the supervisor, and for those
// who look at a directory before it does. It returns the sets of names each of
// which comes, in the end, after itself: several that lead to each other, or one
// that needs itself. The members of each are in alphabetical order. needs may lead
// to names that are not among names.
func Knots(names []string, needs func(name string) []string) (found [][]string) {
	t := tarjan{needs: needs, index: map[string]int{}, low: map[string]int{}, on: map[string]bool{}}
	for _, name := range names {
		if t.index[name] == 0 {
			t.visit(name)
		}
	}
	return t.found
}

// tarjan finds the strongly connected components of a graph, in one walk.
type tarjan struct {
	needs      func(string) []string
	index, low map[string]int
	on         map[string]bool
	stack      []string
	found      [][]string
}

func (t *tarjan) visit(name string) {
	number := len(t.index) + 1
	t.index[name], t.low[name] = number, number
	t.stack = append(t.stack, name)
	t.on[name] = true
	self := false
	for _, need := range t.needs(name) {
		switch {
		case need == name:
			self = true
		case t.index[need] == 0:
			t.visit(need)
			t.low[name] = min(t.low[name], t.low[need])
		case t.on[need]:
			t.low[name] = min(t.low[name], t.index[need])
		}
	}
	if t.low[name] != number {
		return
	}
	var members []string
	for len(members) == 0 || members[len(members)-1] != name {
		last := len(t.stack) - 1
		members = append(members, t.stack[last])
		delete(t.on, t.stack[last])
		t.stack = t.stack[:last]
	}
	if len(members) > 1 || self {
		slices.Sort(members)
		t.found = append(t.found, members)
	}
}

// WayRound is a shortest way from the first of the members of a knot back to it, with
// it at both ends.
func WayRound(members []string, needs func(name string) []string) []string {
	inside := make(map[string]bool, len(members))
	for _, name := range members {
		inside[name] = true
	}
	first := members[0]
	from := map[string]string{} // how each was reached
	for queue := []string{first}; len(queue) > 0; queue = queue[1:] {
		for _, need := range needs(queue[0]) {
			if need == first {
				way := []string{first}
				for name := queue[0]; name != first; name = from[name] {
					way = append(way, name)
				}
				slices.Reverse(way[1:])
				return append(way, first)
			}
			if _, reached := from[need]; !reached && inside[need] {
				from[need] = queue[0]
				queue = append(queue, need)
			}
		}
	}
	return members // cannot be: each member of a knot leads to each
}
