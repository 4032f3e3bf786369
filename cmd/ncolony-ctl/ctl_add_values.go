package main

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// key is a flag's value that can be written as JSON.
type key interface {
	pflag.Value
	json() any
}

// The kinds of value.
type (
	text    string
	list    []string
	numbers []json.Number
	number  json.Number
	span    spec.Duration
	onOff   bool
)

func newText() key    { return new(text) }
func newList() key    { return new(list) }
func newNumbers() key { return new(numbers) }
func newNumber() key  { return new(number) }
func newSpan() key    { return new(span) }
func newSwitch() key  { return new(onOff) }

func (t *text) Set(s string) error { *t = text(s); return nil }
func (t *text) String() string     { return string(*t) }
func (t *text) Type() string       { return "string" }
func (t *text) json() any          { return *t }

func (l *list) Set(s string) error { *l = append(*l, s); return nil }
func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Type() string       { return "string" }
func (l *list) json() any          { return *l }

func (n *number) Set(s string) error {
	// What JSON takes for a number is not quite what strconv does.
	var v json.Number
	if err := json.Unmarshal([]byte(s), &v); err != nil || strings.HasPrefix(s, `"`) {
		return errors.New("not a number")
	}
	*n = number(v)
	return nil
}
func (n *number) String() string { return string(*n) }
func (n *number) Type() string   { return "number" }
func (n *number) json() any      { return json.Number(*n) }

func (l *numbers) Set(s string) error {
	var n number
	if err := n.Set(s); err != nil {
		return err
	}
	if v := json.Number(n); !slices.Contains(*l, v) {
		*l = append(*l, v)
	}
	return nil
}
func (l *numbers) String() string { return "" }
func (l *numbers) Type() string   { return "number" }
func (l *numbers) json() any      { return *l }

func (d *span) Set(s string) error { return (*spec.Duration)(d).Set(s) }
func (d *span) String() string {
	if *d == 0 {
		return ""
	}
	return spec.Duration(*d).String()
}
func (d *span) Type() string { return "duration" }
func (d *span) json() any    { return spec.Duration(*d) }

func (o *onOff) Set(s string) error {
	switch s {
	case "true":
		*o = true
	case "false":
		*o = false
	default:
		return errors.New("neither true nor false")
	}
	return nil
}
func (o *onOff) String() string { return "" }
func (o *onOff) Type() string   { return "" }
func (o *onOff) json() any      { return *o }
