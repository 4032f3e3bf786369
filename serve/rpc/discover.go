package rpc

import (
	"context"
	"encoding/json"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/serve/openapi"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// discover is the method that describes all others, and itself, as OpenRPC has it.
func discover(all []method) method {
	var describe func() (map[string]any, error)
	m := of("rpc.discover", operations.Reader, "GET /openapi.json", "What can be called (OpenRPC)",
		func(context.Context, none) (map[string]any, error) { return describe() })
	all = append(all, m)
	describe = sync.OnceValues(func() (map[string]any, error) { return openRPC(all) })
	return m
}

type object = map[string]any

// openRPC describes methods. The schemas are those of /openapi.json, so that both say
// the same.
func openRPC(all []method) (object, error) {
	var api struct {
		Info       object
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(openapi.Document(), &api); err != nil {
		return nil, err
	}
	d := describer{api.Components.Schemas}
	methods := []object{}
	for _, m := range all {
		params := []object{}
		for _, p := range paramsOf(m.params) {
			schema := d.schema(p.of)
			if p.schema != "" {
				schema = reference(p.schema)
			}
			params = append(params, object{"name": p.name, "required": !p.optional, "schema": schema})
		}
		one := object{"name": m.name, "summary": m.summary, "description": "For the " + m.needs.String() + ".", "paramStructure": "either",
			"params": params, "result": object{"name": "result", "schema": d.schema(m.result)}, "x-role": m.needs.String()}
		if m.route != "" {
			one["x-http"] = m.route
		}
		methods = append(methods, one)
	}
	errs := object{}
	for code, number := range numbers {
		errs[string(code)] = object{"code": number, "message": string(code)}
	}
	return object{
		"openrpc":    "1.3.2",
		"info":       object{"title": api.Info["title"], "version": api.Info["version"]},
		"methods":    methods,
		"components": object{"schemas": api.Components.Schemas, "errors": errs},
	}, nil
}

// describer knows the schemas that have a name.
type describer struct{ named map[string]any }

func reference(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// schema is the JSON Schema of a Go type.
func (d describer) schema(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[json.RawMessage](), reflect.TypeFor[any]():
		return object{}
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[spec.Duration]():
		return object{"type": []string{"number", "string"}, "description": "seconds, or as in \"1m30s\""}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.schema(t.Elem())
	case reflect.String:
		return object{"type": "string"}
	case reflect.Int:
		return object{"type": "integer"}
	case reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Slice:
		return object{"type": "array", "items": d.schema(t.Elem())}
	case reflect.Map:
		return object{"type": "object"}
	case reflect.Struct:
		if d.named[t.Name()] != nil {
			return reference(t.Name())
		}
		return d.members(t)
	}
	panic("no schema for " + t.String() + " of " + strconv.Quote(t.PkgPath())) // a method of ours has a new type
}

// members is the schema of a struct that has none of its own.
func (d describer) members(t reflect.Type) object {
	members, required := object{}, []string{}
	for _, p := range paramsOf(t) {
		if members[p.name] = d.schema(p.of); !p.optional {
			required = append(required, p.name)
		}
	}
	return object{"type": "object", "properties": members, "required": required}
}
