package convert

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// How far aliases and merges are followed, and how many of one mapping.
const (
	maxDepth  = 20
	maxMerges = 1000
)

// field is a key of a mapping with its value.
type field struct {
	key   string
	line  int
	value *yaml.Node
}

// readYAML returns the fields of the document of f. That a key occurs twice is
// an error, as it is for Compose.
func readYAML(f File) ([]field, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(f.Text, &doc); err != nil {
		return nil, fmt.Errorf("read %s: %s", f.Path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		return nil, fmt.Errorf("read %s: there is nothing in it", f.Path)
	}
	fields, ok := mapping(doc.Content[0])
	if !ok {
		return nil, fmt.Errorf("read %s: not a mapping with a key services", f.Path)
	}
	return fields, nil
}

// target follows aliases; nil = too many.
func target(n *yaml.Node) *yaml.Node {
	for range maxDepth {
		if n == nil || n.Kind != yaml.AliasNode {
			return n
		}
		n = n.Alias
	}
	return nil
}

// mapping returns the fields of n, those that it merges with "<<" last; false if
// n is no mapping.
func mapping(n *yaml.Node) (fields []field, ok bool) {
	seen := map[string]bool{}
	visits := 0 // against files whose aliases multiply
	var add func(n *yaml.Node, depth int) bool
	add = func(n *yaml.Node, depth int) bool {
		n = target(n)
		if visits++; visits > maxMerges || n == nil || n.Kind != yaml.MappingNode || depth > maxDepth {
			return false
		}
		var merged []*yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			switch {
			case key.Tag == "!!merge":
				merged = append(merged, n.Content[i+1])
			case !seen[key.Value]:
				seen[key.Value] = true
				fields = append(fields, field{key.Value, key.Line, target(n.Content[i+1])})
			}
		}
		for _, m := range merged {
			m = target(m)
			if m != nil && m.Kind == yaml.SequenceNode {
				for _, item := range m.Content {
					add(item, depth+1)
				}
				continue
			}
			add(m, depth+1)
		}
		return true
	}
	ok = add(n, 0)
	return fields, ok
}

// scalar is the text of n as it is written; false if n is none, or null.
func scalar(n *yaml.Node) (string, bool) {
	n = target(n)
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return "", false
	}
	return n.Value, true
}

// isNull reports whether there is no value.
func isNull(n *yaml.Node) bool {
	n = target(n)
	return n == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

// scalars are the texts of a list; false if n is none, or has something else in
// it.
func scalars(n *yaml.Node) (texts []string, ok bool) {
	n = target(n)
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil, false
	}
	texts = []string{}
	for _, item := range n.Content {
		text, ok := scalar(item)
		if !ok {
			return nil, false
		}
		texts = append(texts, text)
	}
	return texts, true
}
