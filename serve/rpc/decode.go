package rpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/ncolony/ncolony-go/serve/operations"
)

// param is one parameter of a method.
type param struct {
	name     string
	optional bool
	schema   string // name of its schema; "" = that of its type
	index    []int  // of the field
	of       reflect.Type
}

// paramsOf lists the parameters that the fields of a struct are, in their order.
func paramsOf(t reflect.Type) (all []param) {
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		all = append(all, param{name, options != "", f.Tag.Get("schema"), f.Index, f.Type})
	}
	return all
}

// decode puts what was sent as parameters into the fields of a struct, by their names
// or by their order. Unlike encoding/json it minds the case of names and what is
// missing, and says which one is wrong.
func decode(text json.RawMessage, into reflect.Value) error {
	known := paramsOf(into.Type())
	given := map[string]json.RawMessage{}
	switch {
	case len(text) == 0:
	case text[0] == '[':
		var list []json.RawMessage
		if err := json.Unmarshal(text, &list); err != nil {
			return err
		}
		if len(list) > len(known) {
			return &operations.Error{Code: operations.Invalid, Detail: fmt.Sprintf("%d parameters, and there are %d", len(list), len(known))}
		}
		for i, value := range list {
			given[known[i].name] = value
		}
	default:
		if err := json.Unmarshal(text, &given); err != nil {
			return err
		}
	}
	for _, p := range known {
		value, ok := given[p.name]
		delete(given, p.name)
		if !ok || string(value) == "null" {
			if !p.optional {
				return refuse(p.name, "is missing")
			}
			continue
		}
		if err := json.Unmarshal(value, into.FieldByIndex(p.index).Addr().Interface()); err != nil {
			if bad, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
				return refuse(p.name, "cannot be a %s", bad.Value)
			}
			return refuse(p.name, "%v", err)
		}
	}
	for name := range given {
		return refuse(name, "unknown parameter; there are %s", names(known))
	}
	return nil
}

func names(all []param) string {
	if len(all) == 0 {
		return "none"
	}
	var each []string
	for _, p := range all {
		each = append(each, p.name)
	}
	return strings.Join(each, ", ")
}
