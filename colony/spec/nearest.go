package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// topKeys are the names that a key of a spec may have been meant to be.
var topKeys = func() []string {
	all := slices.Collect(maps.Keys(keys))
	slices.Sort(all)
	return all
}()

// stray warns about a key that nothing here understands. Dotted names belong to
// other programs and pass silently, unless one looks like a slip in ours.
func (r *reader) stray(m member, prefix string, known []string) {
	if len(r.warnings) >= maxProblems {
		return
	}
	top := prefix == ""
	dotted := top && strings.Contains(m.key, ".")
	if dotted && !strings.HasPrefix(strings.ToLower(m.key), "ncolony.") {
		return
	}
	near := Nearest(m.key, known)
	switch {
	case near != "":
		r.warn("unknown key %s: did you mean %q?", quoted(prefix+m.key), prefix+near)
	case dotted:
	case top:
		r.warn("unknown key %s: kept for other programs", quoted(m.key))
	default:
		r.warn("unknown key %s: it has no effect", quoted(prefix+m.key))
	}
}

// Nearest returns the known word that s was probably meant to be, or "".
func Nearest(s string, known []string) string {
	best, least := "", 0
	for _, k := range known {
		if strings.EqualFold(s, k) {
			return k
		}
		// One slip in a short word, two in a longer one: more would suggest
		// "gid" for "pid2".
		most := 1
		if len(k) > 5 {
			most = 2
		}
		if d := distance(strings.ToLower(s), strings.ToLower(k), most); d <= most && (best == "" || d < least || d == least && k < best) {
			best, least = k, d
		}
	}
	return best
}

// maybe asks whether a near word was meant, in parentheses; "" if there is none.
func maybe(s string, known []string) string {
	if near := Nearest(s, known); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}

// distance counts the bytes to insert, delete, replace or swap with their
// neighbour to make a of b. What exceeds most is only known to do so.
func distance(a, b string, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	before, above := make([]int, len(b)+1), make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
