package spec

import (
	"bufio"
	"bytes"
	"slices"
)

// Changes lists the top-level keys in which two specs say different things, in
// alphabetical order; see Live for what becomes of each. White space, the order of
// keys, and the spelling of numbers and strings are no difference. Both must have
// come from Parse.
func Changes(a, b *Spec) (keys []string) {
	was, is := values(a.Raw), values(b.Raw)
	for key, value := range is {
		if before, there := was[key]; !there || before != value {
			keys = append(keys, key)
		}
	}
	for key := range was {
		if _, there := is[key]; !there {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// values are the canonical values of the top-level keys of a text that Parse has
// accepted.
func values(data []byte) map[string]string {
	all := map[string]string{}
	_, root := open(data, MaxSpecSize)
	if root == nil {
		return all
	}
	for _, m := range root.members {
		var text bytes.Buffer
		w := bufio.NewWriter(&text)
		m.value.canonical(w)
		w.Flush()
		all[m.key] = text.String()
	}
	return all
}
