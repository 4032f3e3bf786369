// Package openapi holds the description of the API for programs.
package openapi

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/ncolony/ncolony-go/docs/schema"
)

//go:embed openapi.json
var openapiText []byte

// Document is openapi.json with the schemas of a colony's files among its own.
var Document = sync.OnceValue(func() []byte {
	var doc map[string]any
	if err := json.Unmarshal(openapiText, &doc); err != nil {
		panic(err) // it is built in
	}
	all := doc["components"].(map[string]any)["schemas"].(map[string]any)
	for _, name := range schema.Names {
		text, _ := schema.Get(name)
		var one map[string]any
		if err := json.Unmarshal(text, &one); err != nil {
			panic(err)
		}
		own, _ := one["$defs"].(map[string]any)
		delete(one, "$defs")
		delete(one, "$id")
		delete(one, "$schema")
		all[name] = referred(one, name)
		for def, value := range own {
			all[name+"."+def] = referred(value, name)
		}
	}
	text, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("write openapi.json: %v", err))
	}
	return append(text, '\n')
})

// referred is a schema of a file, of which each definition stands under the name of
// the file and its own.
func referred(v any, file string) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if ref, ok := value.(string); ok && key == "$ref" {
				v[key] = "#/components/schemas/" + file + "." + strings.TrimPrefix(ref, "#/$defs/")
			} else {
				v[key] = referred(value, file)
			}
		}
	case []any:
		for i := range v {
			v[i] = referred(v[i], file)
		}
	}
	return v
}
