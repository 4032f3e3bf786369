// Schemagen writes the JSON Schemas of the files of a colony. It runs when the
// formats change; nothing that it needs is linked into ncolony.
//
//	go run ./internal/schemagen docs/schema
//
// The structs of colony/spec give the keys, their types and, by their comments,
// the descriptions; rules.go adds what the parser asks for beyond a Go type.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: schemagen DIR, which is docs/schema")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "schemagen: %v\n", err)
		os.Exit(1)
	}
}

// write puts the schemas into dir, from which the sources are found.
func write(dir string) error {
	schemas, err := generate(filepath.Join(dir, "../../colony/spec"))
	if err != nil {
		return err
	}
	for name, text := range schemas {
		if err := os.WriteFile(filepath.Join(dir, name+".json"), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
