package spec

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestFormatPage: docs/format.md must not forget a key, state, type or field.
func TestFormatPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	words := append([]string{}, topKeys...)
	for _, s := range States {
		words = append(words, string(s))
	}
	for _, m := range Types {
		words = append(words, string(m))
	}
	words = append(words, EventTypes...)
	for _, v := range []any{Backoff{}, Stop{}, Beatcheck{}, Checks{}, HTTPCheck{}, HTTPQuestion{}, TCPCheck{}, ExecCheck{}, Probes{}, Probe{}, Message{}, Result{}, StopNote{}, Status{}, Exit{}, ColonyStatus{}, Event{}} {
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			if typ.Field(i).Anonymous {
				continue
			}
			tag, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			words = append(words, tag)
		}
	}
	for _, w := range words {
		in := strings.Contains(string(page), "`"+w+"`")
		for _, around := range [][2]string{{"{", ","}, {" ", ","}, {" ", "}"}} { // as in `{at, by, reason}`
			in = in || strings.Contains(string(page), around[0]+w+around[1])
		}
		if !in {
			t.Errorf("docs/format.md does not mention %q", w)
		}
	}
}

// TestEventTypes: the list must not forget a constant.
func TestEventTypes(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	constants := 0
	ast.Inspect(f, func(n ast.Node) bool {
		if decl, ok := n.(*ast.GenDecl); ok && decl.Tok == token.CONST {
			constants += len(decl.Specs)
		}
		return true
	})
	seen := map[string]bool{}
	for _, typ := range EventTypes {
		seen[typ] = true
	}
	if len(seen) != constants || len(EventTypes) != constants {
		t.Errorf("%d constants, EventTypes has %d and %d different ones", constants, len(EventTypes), len(seen))
	}
}
