package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf16"
)

// kind is what a JSON value is. Its text is used in messages.
type kind string

const (
	isNull   kind = "null"
	isBool   kind = "a boolean"
	isNumber kind = "a number"
	isString kind = "a string"
	isList   kind = "a list"
	isObject kind = "an object"
)

// node is one JSON value and where it stands.
type node struct {
	kind    kind
	at      int    // offset of its first byte
	text    string // a string's content, a number as it is written
	truth   bool
	items   []*node
	members []member
}

// member is one key of an object, in the order of the text.
type member struct {
	key   string
	at    int // offset of the key's opening quote
	value *node
}

// grow parses data, which text.check has found to be one JSON object, into a
// tree. Duplicate keys and characters that cannot be are added to p.
func grow(p *problems) (*node, error) {
	g := &grower{p: p, data: p.text.data}
	g.dec = json.NewDecoder(bytes.NewReader(g.data))
	g.dec.UseNumber()
	return g.value()
}

type grower struct {
	p    *problems
	data []byte
	dec  *json.Decoder
}

// token returns the next token and the offset at which it begins.
func (g *grower) token() (json.Token, int, error) {
	at := int(g.dec.InputOffset())
	for at < len(g.data) {
		at = skipSpace(g.data, at)
		if at < len(g.data) && (g.data[at] == ',' || g.data[at] == ':') {
			at++
			continue
		}
		break
	}
	tok, err := g.dec.Token()
	if _, ok := tok.(string); ok {
		g.surrogates(at)
	}
	return tok, at, err
}

func (g *grower) value() (*node, error) {
	tok, at, err := g.token()
	if err != nil {
		return nil, err
	}
	switch v := tok.(type) {
	case nil:
		return &node{kind: isNull, at: at}, nil
	case bool:
		return &node{kind: isBool, at: at, truth: v}, nil
	case json.Number:
		return &node{kind: isNumber, at: at, text: v.String()}, nil
	case string:
		return &node{kind: isString, at: at, text: v}, nil
	case json.Delim:
		if v == '[' {
			return g.list(at)
		}
		return g.object(at)
	}
	return nil, fmt.Errorf("internal error: JSON token %T", tok)
}

func (g *grower) list(at int) (*node, error) {
	n := &node{kind: isList, at: at}
	for g.dec.More() {
		item, err := g.value()
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	_, err := g.dec.Token()
	return n, err
}

func (g *grower) object(at int) (*node, error) {
	n := &node{kind: isObject, at: at}
	seen := map[string]int{}
	for g.dec.More() {
		tok, at, err := g.token()
		if err != nil {
			return nil, err
		}
		key, _ := tok.(string)
		if first, twice := seen[key]; twice {
			line, _ := g.p.text.place(first)
			g.p.add(at, "%s: duplicate key, first on line %d", quoted(key), line)
		} else {
			seen[key] = at
		}
		value, err := g.value()
		if err != nil {
			return nil, err
		}
		n.members = append(n.members, member{key, at, value})
	}
	_, err := g.dec.Token()
	return n, err
}

// surrogates refuses \uD800..\uDFFF outside a pair in the string that begins at
// at. Such an escape is no character: the decoder would replace it silently,
// and two different texts would read as the same.
func (g *grower) surrogates(at int) {
	for i := at + 1; i < len(g.data) && g.data[i] != '"'; i++ {
		if g.data[i] != '\\' {
			continue
		}
		i++
		r, ok := unit(g.data, i-1)
		if !ok {
			continue
		}
		i += 4
		if !utf16.IsSurrogate(r) {
			continue
		}
		if low, ok := unit(g.data, i+1); ok && utf16.DecodeRune(r, low) != '\ufffd' {
			i += 6
			continue
		}
		g.p.add(i-5, `\u%04x: half of a surrogate pair is no character`, r)
	}
}

// unit reads the escape \uXXXX at offset at.
func unit(data []byte, at int) (rune, bool) {
	if at+6 > len(data) || data[at] != '\\' || data[at+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range data[at+2 : at+6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
