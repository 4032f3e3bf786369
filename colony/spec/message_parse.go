package spec

import (
	"slices"
	"strings"
)

// Types lists the message types in the order of the documentation.
var Types = []Type{RestartService, RestartAll, RestartGroup, StopService, StartService,
	SendSignal, Ready, Rescan, Upgrade, Shutdown}

// needs are the keys that a type cannot do without.
var needs = map[Type][]string{
	RestartService: {"name"},
	RestartGroup:   {"group"},
	StopService:    {"name"},
	StartService:   {"name"},
	SendSignal:     {"name", "signal"},
	Ready:          {"name"},
}

// Needs lists the keys that a message of type t cannot do without, beside type.
func (t Type) Needs() []string { return slices.Clone(needs[t]) }

// ParseMessage reads and checks the content of messages/ANYTHING. The error
// names everything that is wrong with it; AsProblem folds it into one Problem.
// Keys that the type has no use for are not read: Python programs may add what
// they like.
func ParseMessage(data []byte) (*Message, error) {
	p, root := open(data, MaxMessageSize)
	if root == nil {
		return nil, p.err()
	}
	at := make(map[string]*node, len(root.members))
	for _, m := range root.members {
		at[m.key] = m.value
	}
	m := &Message{}
	if n := at["type"]; n == nil {
		p.add(root.at, "type: missing")
	} else if n.kind == isNull {
		p.add(n.at, "type: must not be null")
	} else if word, ok := p.filled(n, "type"); ok {
		m.Type = p.messageType(n, word)
	}
	if m.Type == "" {
		return nil, p.err()
	}
	for _, key := range needs[m.Type] {
		n := at[key]
		if n == nil {
			p.add(root.at, "%s: missing, %s needs it", key, m.Type)
			continue
		}
		switch {
		case n.kind == isNull:
			p.add(n.at, "%s: must not be null", key)
		case key == "name":
			name, _ := p.filled(n, key)
			if bare := strings.TrimSuffix(name, ".json"); bare != "" {
				name = bare // whoever names the file means the service
			}
			m.Name = name
		case key == "group":
			m.Group, _ = p.filled(n, key)
		case key == "signal":
			m.Signal, _ = p.signal(n, key)
		}
	}
	if n := at["path"]; n != nil && m.Type == Upgrade {
		m.Path, _ = p.path(n, "path")
	}
	if n := at["reason"]; n != nil {
		m.Reason, _ = p.string(n, "reason")
	}
	if n := at["generation"]; n != nil {
		if g, ok := p.integer(n, "generation", 1, maxGeneration); ok {
			generation := uint64(g)
			m.Generation = &generation
		}
	}
	if n := at["pid"]; n != nil {
		if i, ok := p.integer(n, "pid", 1, maxPID); ok {
			pid := int(i)
			m.PID = &pid
		}
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return m, nil
}

// Bounds of what a message may ask for. A pid has 31 bits at most.
const (
	maxGeneration = 1<<63 - 1
	maxPID        = 1<<31 - 1
)

// messageType returns the type that word names, or "".
func (p *problems) messageType(n *node, word string) Type {
	names := words(Types)
	if slices.Contains(names, word) {
		return Type(word)
	}
	if near := Nearest(word, names); near != "" {
		p.add(n.at, "type: unknown type %s: did you mean %q?", quoted(word), near)
	} else {
		p.add(n.at, "type: unknown type %s: known are %s", quoted(word), strings.Join(names, ", "))
	}
	return ""
}
