// Package schema holds the JSON Schemas of the files of a colony. They are
// generated from package spec, and checked in so that whoever has the source
// can point an editor at them.
package schema

import (
	"embed"
	"slices"
)

//go:generate go run ../../internal/schemagen .

//go:embed *.json
var files embed.FS

// Names lists the schemas: what goes into a colony first, then what comes out.
var Names = []string{"spec", "message", "result", "status", "probe", "heart", "event", "crash", "colony"}

// Get returns the schema of one kind of file; ok tells whether there is one of
// that name.
func Get(name string) (text []byte, ok bool) {
	if !slices.Contains(Names, name) {
		return nil, false
	}
	text, err := files.ReadFile(name + ".json")
	return text, err == nil
}
