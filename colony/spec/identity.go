package spec

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"io"
	"sort"
)

// policy are the keys whose change is taken live. "$schema" says nothing about
// the service at all.
var policy = map[string]bool{
	"$schema": true, "restart": true, "success_codes": true, "backoff": true,
	"stop": true, "group": true, "limit": true, "after": true, "requires": true,
	"schedule": true, "instances": true,
}

// Live reports whether a change of a spec's top-level key is taken over while
// the service runs. A change of any other restarts the service; see SameProcess.
func Live(key string) bool { return policy[key] }

// identity is the hash of everything in the file whose change restarts the
// service. White space, the order of keys, and the spelling of numbers and
// strings do not count; keys of other programs do, because the child reads them
// in NCOLONY_CONFIG.
func identity(root *node) [32]byte { return hashWithout(root, Live) }

// hashWithout is the hash of a file's meaning, but for some keys.
func hashWithout(root *node, without func(key string) bool) [32]byte {
	hash := sha256.New()
	w := bufio.NewWriter(hash)
	kept := make([]member, 0, len(root.members))
	for _, m := range root.members {
		if m.key == "log" {
			m.value = captured(m.value)
		}
		if !without(m.key) {
			kept = append(kept, m)
		}
	}
	(&node{kind: isObject, members: kept}).canonical(w)
	w.Flush()
	return [32]byte(hash.Sum(nil))
}

// canonical writes the one encoding that all texts with n's meaning share.
func (n *node) canonical(w *bufio.Writer) {
	switch n.kind {
	case isNull:
		w.WriteString("null")
	case isBool:
		if n.truth {
			w.WriteString("true")
		} else {
			w.WriteString("false")
		}
	case isNumber:
		if d, ok := parseDecimal(n.text); ok {
			w.WriteString(d.String())
		} else {
			w.WriteString(n.text)
		}
	case isString:
		canonicalString(w, n.text)
	case isList:
		w.WriteByte('[')
		for _, item := range n.items {
			item.canonical(w)
			w.WriteByte(',')
		}
		w.WriteByte(']')
	case isObject:
		members := append([]member(nil), n.members...)
		sort.Slice(members, func(i, j int) bool { return members[i].key < members[j].key })
		w.WriteByte('{')
		for _, m := range members {
			canonicalString(w, m.key)
			w.WriteByte(':')
			m.value.canonical(w)
			w.WriteByte(',')
		}
		w.WriteByte('}')
	}
}

func canonicalString(w io.Writer, s string) {
	quoted, _ := json.Marshal(s) // a string always has an encoding
	w.Write(quoted)
}
