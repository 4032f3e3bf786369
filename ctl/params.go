package ctl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Params are a spec in the making, as its caller has them at hand: the keys
// that the Python NColony's ctllib.add takes, and any other in Extras.
type Params struct {
	Cmd        string            // args[0]; empty when Extras holds "args"
	Args       []string          // what follows it
	Env        map[string]string // nil = no key
	EnvInherit []string          // nil = no key
	UID        *int              // nil = no key
	GID        *int              // nil = no key
	Extras     map[string]any    // further keys, with values that encoding/json can write
}

// Content writes p as the bytes of a spec. Keys of Extras that another field
// of p sets as well are refused: neither can be meant to lose. Content does not
// ask whether the spec makes sense; Add does.
func (p Params) Content() ([]byte, error) {
	keys := make(map[string]any, len(p.Extras)+5)
	if p.Cmd != "" || len(p.Args) > 0 {
		keys["args"] = append([]string{p.Cmd}, p.Args...)
	}
	if p.Env != nil {
		keys["env"] = p.Env
	}
	if p.EnvInherit != nil {
		keys["env_inherit"] = p.EnvInherit
	}
	if p.UID != nil {
		keys["uid"] = *p.UID
	}
	if p.GID != nil {
		keys["gid"] = *p.GID
	}
	for _, key := range slices.Sorted(maps.Keys(p.Extras)) {
		if _, twice := keys[key]; twice {
			return nil, fmt.Errorf("%q is given twice, once in the extras", key)
		}
		keys[key] = p.Extras[key]
	}
	var content bytes.Buffer
	out := json.NewEncoder(&content)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false) // people read it
	if err := out.Encode(keys); err != nil {
		return nil, err
	}
	return content.Bytes(), nil
}
