package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// home is where the schemas can be fetched; with the name of a file it is that
// schema's id.
const home = "https://raw.githubusercontent.com/ncolony/ncolony-go/main/docs/schema/"

// document is one schema: that of a kind of file.
type document struct {
	name  string
	of    any
	title string
}

var documents = []document{
	{"spec", spec.Spec{}, "config/NAME: one service, as it shall run"},
	{"message", spec.Message{}, "messages/ANYTHING: one request"},
	{"result", spec.Result{}, "state/results/FILE.json: what became of a request"},
	{"status", spec.Status{}, "state/status/NAME.json: what a service is doing"},
	{"event", spec.Event{}, "a line of state/events/current.jsonl: something that happened"},
	{"crash", spec.Crash{}, "state/crashes/NAME/TIME.json: how a life ended badly"},
	{"probe", spec.Probes{}, "state/probe/NAME.json: how the health checks of a service went"},
	{"heart", spec.Heartbeat{}, "state/heart/NAME.json: how a service beats"},
	{"colony", spec.ColonyStatus{}, "state/colony.json: the supervisor and the colony as a whole"},
}

// change is the keyword that says what a change of a spec's key does: "live", it
// is taken over while the service runs, or "restart".
const change = "x-ncolony-change"

// generate returns the schemas by name. Sources is the directory of package
// spec, whose comments are the descriptions.
func generate(sources string) (map[string][]byte, error) {
	r := &jsonschema.Reflector{
		Anonymous:                 true,
		ExpandedStruct:            true,
		AllowAdditionalProperties: true,
		Mapper:                    scalar,
		Namer:                     nameOf,
	}
	if err := r.AddGoComments("", sources, jsonschema.WithFullComment()); err != nil {
		return nil, fmt.Errorf("read comments: %w", err)
	}
	r.LookupComment = func(t reflect.Type, field string) string {
		if field == "" {
			return "" // a type's comment speaks of Go
		}
		comment := r.CommentMap[sources+"."+t.Name()+"."+field]
		return strings.Join(strings.Fields(comment), " ")
	}
	schemas := map[string][]byte{}
	used := map[string]bool{}
	for _, d := range documents {
		text, err := d.generate(r, used)
		if err != nil {
			return nil, fmt.Errorf("generate schema %q: %w", d.name, err)
		}
		schemas[d.name] = text
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(rules)), slices.Collect(maps.Keys(nullable))) {
		if !used[name] {
			return nil, fmt.Errorf("rule %q: there is no such type or key", name)
		}
	}
	return schemas, nil
}

// nameOf is the name of a struct's definition.
func nameOf(t reflect.Type) string {
	if t.Kind() != reflect.Struct {
		return t.Name()
	}
	switch t {
	case reflect.TypeFor[spec.ColonyStatus]():
		return "colony"
	case reflect.TypeFor[spec.Probe](): // "probe" is the file, of all of them
		return "check"
	}
	return jsonschema.ToSnakeCase(t.Name())
}

// generate returns the text of d's schema. The rules that it obeys are marked
// as used.
func (d document) generate(r *jsonschema.Reflector, used map[string]bool) ([]byte, error) {
	s := r.Reflect(d.of)
	s.ID = jsonschema.ID(home + d.name + ".json")
	s.Title = d.title
	s.Description = "See docs/format.md."
	if d.name == "spec" {
		s.Properties.Set("$schema", &jsonschema.Schema{Description: "Where this schema is, for editors. ncolony ignores it."})
	}
	output := d.name != "spec" && d.name != "message"
	if d.name == "spec" { // what is asked of a URL is said once
		check, question := s.Definitions["http-check"], s.Definitions["ready-http"]
		for key := range question.Properties.KeysFromOldest() {
			check.Properties.Delete(key)
		}
		check.AllOf = []*jsonschema.Schema{{Ref: "#/$defs/ready-http"}}
		check.Required = slices.DeleteFunc(check.Required, func(key string) bool { return slices.Contains(question.Required, key) })
	}
	structs := maps.Clone(s.Definitions)
	structs[d.name] = s
	for _, name := range slices.Sorted(maps.Keys(structs)) {
		if err := finish(name, structs[name], output, used); err != nil {
			return nil, err
		}
	}
	switch d.name {
	case "spec":
		for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
			how := "restart"
			if spec.Live(pair.Key) {
				how = "live"
			}
			pair.Value.Extras = map[string]any{change: how}
		}
	case "message":
		s.AllOf = conditions()
	}
	return marshal(s)
}

// finish makes of a reflected struct what its files look like.
func finish(name string, s *jsonschema.Schema, output bool, used map[string]bool) error {
	s.AdditionalProperties = jsonschema.TrueSchema
	if err := obey(s, name, used); err != nil {
		return err
	}
	for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
		if output && pair.Value.Type == "integer" {
			pair.Value.Minimum = "0" // what counts or numbers something
		}
		if err := obey(pair.Value, name+"."+pair.Key, used); err != nil {
			return err
		}
		if nullable[name+"."+pair.Key] {
			used[name+"."+pair.Key] = true
			pair.Value = orNull(pair.Value)
		}
	}
	return nil
}

// obey merges the rule of that name, if there is one, into s.
func obey(s *jsonschema.Schema, name string, used map[string]bool) error {
	rule, ok := rules[name]
	if !ok {
		return nil
	}
	used[name] = true
	text, err := json.Marshal(rule)
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	if err != nil {
		return fmt.Errorf("rule %q: %w", name, err)
	}
	return nil
}

// orNull is a schema that accepts null, too. The description stays outside,
// where editors look for it.
func orNull(s *jsonschema.Schema) *jsonschema.Schema {
	description := s.Description
	s.Description = ""
	return &jsonschema.Schema{Description: description, AnyOf: []*jsonschema.Schema{s, {Type: "null"}}}
}

// marshal returns the text of s, together with the shared definitions that it
// refers to.
func marshal(s *jsonschema.Schema) ([]byte, error) {
	for range shared { // a definition may refer to another
		text, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		for name, def := range shared {
			if bytes.Contains(text, []byte(`"#/$defs/`+name+`"`)) {
				s.Definitions[name] = def
			}
		}
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
