package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ncolony/ncolony-go/docs/schema"
)

const docs = "../../docs/schema"

// TestUpToDate: what is checked in is what the sources say.
func TestUpToDate(t *testing.T) {
	schemas, err := generate("../../colony/spec")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range schemas {
		got, err := os.ReadFile(filepath.Join(docs, name+".json"))
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("docs/schema/%s.json is not what colony/spec says; mend it with\n\tgo generate ./docs/schema\n%s", name, diff)
		}
		again, _ := schema.Get(name)
		if !bytes.Equal(got, again) {
			t.Errorf("schema.Get(%q) is not the file", name)
		}
	}
	files, err := filepath.Glob(filepath.Join(docs, "*.json"))
	if err != nil || len(files) != len(schemas) {
		t.Errorf("%d files, %d schemas, %v", len(files), len(schemas), err)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(schemas)), slices.Sorted(slices.Values(schema.Names))); diff != "" {
		t.Error("schema.Names:", diff)
	}
}

// read returns a schema as plain JSON.
func read(t *testing.T, name string) map[string]any {
	t.Helper()
	text, ok := schema.Get(name)
	if !ok {
		t.Fatalf("no schema %q", name)
	}
	var s map[string]any
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDescribed: a key without a word of what it means is of no help to anybody.
func TestDescribed(t *testing.T) {
	size := 0
	for _, name := range schema.Names {
		text, _ := schema.Get(name)
		size += len(text)
		if bytes.Contains(text, []byte(`\u00`)) {
			t.Errorf("%s: has an escape that is hard to read; avoid <, > and & in descriptions", name)
		}
		s := read(t, name)
		for _, key := range []string{"$schema", "$id", "title"} {
			if s[key] == nil {
				t.Errorf("%s: has no %s", name, key)
			}
		}
		described(t, name, s)
		defs, _ := s["$defs"].(map[string]any)
		for def, s := range defs {
			described(t, name+" "+def, s.(map[string]any))
		}
	}
	if size > 80_000 {
		t.Errorf("the schemas have %d bytes; they are part of the binary", size)
	}
}

func described(t *testing.T, where string, s map[string]any) {
	keys, _ := s["properties"].(map[string]any)
	for key, property := range keys {
		text, _ := property.(map[string]any)["description"].(string)
		if text == "" || !strings.HasSuffix(text, ".") {
			t.Errorf("%s: %s: described as %q; the comment of the field in colony/spec is its description, one or more sentences", where, key, text)
		}
	}
}

// compile makes a validator of a schema, which the draft's own schema has to
// accept.
func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	text, _ := schema.Get(name)
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(home+name+".json", tree); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(home + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate holds text against a schema; what is no JSON is refused, too.
func validate(s *jsonschema.Schema, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(value)
}
