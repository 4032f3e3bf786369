package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// scalar maps the types whose JSON is not what their Go type suggests.
func scalar(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[spec.Duration]():
		return &jsonschema.Schema{Ref: "#/$defs/duration"}
	case reflect.TypeFor[spec.Signal]():
		return &jsonschema.Schema{Ref: "#/$defs/signal"}
	case reflect.TypeFor[spec.Size]():
		return &jsonschema.Schema{Ref: "#/$defs/size"}
	case reflect.TypeFor[spec.CPUs]():
		return &jsonschema.Schema{Ref: "#/$defs/cpus"}
	case reflect.TypeFor[spec.Mode]():
		return &jsonschema.Schema{Ref: "#/$defs/mode"}
	case reflect.TypeFor[spec.Rlimit]():
		return &jsonschema.Schema{Ref: "#/$defs/rlimit"}
	case reflect.TypeFor[spec.Codes]():
		return &jsonschema.Schema{Ref: "#/$defs/codes"}
	case reflect.TypeFor[spec.Then]():
		return &jsonschema.Schema{Ref: "#/$defs/then"}
	}
	return nil
}

// shared are definitions that are no struct. Patterns keep to what RE2 and
// ECMAScript both understand, with and without the flag u.
var shared = map[string]*jsonschema.Schema{
	"text": {Type: "string", Pattern: `^[^\x00]*$`},
	"word": {Type: "string", Pattern: `^[^\x00]+$`},
	"path": {Type: "string", Pattern: `^/[^\x00]*$`, Description: "An absolute path."},
	"variable": {Type: "string", Pattern: `^[^=\x00]+$`,
		Description: "The name of an environment variable."},
	"account": {
		Description: "A name or a number.",
		AnyOf: []*jsonschema.Schema{
			{Type: "string", Pattern: `^[^:\n\x00]+$`},
			{Type: "integer", Minimum: "0", Maximum: "4294967294"},
		},
	},
	"duration": {
		Description: `A number of seconds, or a string with units: "50ms", "1h30m"; units are ns us ms s m h. At most 10 years.`,
		AnyOf: []*jsonschema.Schema{
			{Type: "number", Minimum: "0", Maximum: json.Number(fmt.Sprint(int64(spec.MaxDuration.D().Seconds())))},
			{Type: "string", Pattern: durations()},
		},
		Examples: []any{0.5, "500ms", "1h30m"},
	},
	"service": {Type: "string", Pattern: `^[A-Za-z0-9_][A-Za-z0-9._+-]*$`, MaxLength: ptr(uint64(spec.MaxNameLength)),
		Description: "The name of a service."},
	"size": {
		Description: `A number, or a string with a unit of 1024: "64K", "512M", "2G", "1T".`,
		AnyOf: []*jsonschema.Schema{
			{Type: "integer", Minimum: "0", Maximum: fmtNumber(1 << 53)},
			{Type: "string", Pattern: sizes},
		},
		Examples: []any{65536, "512M"},
	},
	"cpus": {
		Description: `A number of processors, or percents of one: 1.5, "150%".`,
		AnyOf: []*jsonschema.Schema{
			{Type: "number", Minimum: "0.01", Maximum: "10000"},
			{Type: "string", Pattern: `^` + number + exponent + `%$`},
		},
	},
	"mode": {Type: "string", Pattern: `^0*[0-7]{1,3}$`, Description: `Permission bits in octal digits: "0022".`},
	"bound": {
		Description: "A size, or none.",
		AnyOf:       []*jsonschema.Schema{{Ref: "#/$defs/size"}, {Enum: []any{"unlimited", "infinity"}}},
	},
	"rlimit": {
		Description: "A value, or [soft, hard].",
		AnyOf: []*jsonschema.Schema{
			{Ref: "#/$defs/bound"},
			{Type: "array", Items: &jsonschema.Schema{Ref: "#/$defs/bound"}, MinItems: ptr(uint64(2)), MaxItems: ptr(uint64(2))},
		},
	},
	"address": {Type: "string", Pattern: addresses, Description: `Where a socket listens: "127.0.0.1:80", "udp://[::]:53", "unix:///run/x.sock", "unix://@abstract".`},
	"then":    then(),
	"url": {Type: "string", Pattern: `^(https?://[^/?#\s\x00]+[^\s\x00]*|unix:///[^:\x00]*:/[^\s\x00]*)$`,
		Description: "An http or https URL, or unix:///run/x.sock:/path."},
	"target": {Type: "string", Pattern: `^(unix://[/@][^\x00]+|(\[[0-9A-Fa-f:.]+(%[^\]]+)?\]|[^\[\]:/\s\x00]+):[0-9]+)$`,
		Description: "HOST:PORT, unix:///run/x.sock or unix://@abstract."},
	"code": {
		Description: `A status code, or a range of them: "200-299".`,
		AnyOf: []*jsonschema.Schema{
			{Type: "integer", Minimum: "100", Maximum: "599"},
			{Type: "string", Pattern: `^[1-5][0-9][0-9](-[1-5][0-9][0-9])?$`},
		},
	},
	"codes": {
		Description: "A status code, a range of them, or a list of both.",
		AnyOf: []*jsonschema.Schema{
			{Ref: "#/$defs/code"},
			{Type: "array", Items: &jsonschema.Schema{Ref: "#/$defs/code"}, MinItems: ptr(uint64(1))},
		},
	},
	"signal": {
		Description: `A signal: its name with or without SIG in any case, or its number. "RTMIN" is 34.`,
		AnyOf: []*jsonschema.Schema{
			{Type: "string", Pattern: signals()},
			{Type: "integer", Minimum: "1", Maximum: fmtNumber(lastSignal)},
		},
		Examples: []any{"TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "WINCH", "RTMIN+3"},
	},
}

func ptr[T any](v T) *T { return &v }

// then is an action by name, or an object with one key.
func then() *jsonschema.Schema {
	keys := jsonschema.NewProperties()
	keys.Set("retry", &jsonschema.Schema{Ref: "#/$defs/duration", ExclusiveMinimum: "0"})
	return &jsonschema.Schema{
		Description: `"fail", "shutdown", or {"retry": TIME}.`,
		AnyOf: []*jsonschema.Schema{
			{Enum: []any{spec.ThenFail, spec.ThenShutdown}},
			{Type: "object", Required: []string{"retry"}, Properties: keys},
		},
	}
}

// Pieces of patterns: a number that is not negative, a zero, and what may follow
// them.
const (
	number   = `([0-9]+\.?[0-9]*|\.[0-9]+)`
	zero     = `(0+\.?0*|\.0+)`
	exponent = `([eE][+-]?[0-9]+)?`
	unit     = `(ns|us|µs|μs|ms|s|m|h)`
)

// sizes is the pattern of a size that is a string.
const sizes = `^[0-9]+([KkMmGgTt](iB)?)?$`

// addresses is the pattern of where a socket listens. It does not look into an
// IPv6 address.
const addresses = `^((tcp://|udp://)?(([0-9]{1,3}\.){3}[0-9]{1,3}|\[[0-9A-Fa-f:.]+\]):0*[1-9][0-9]{0,4}|unix(gram|packet)?://(/[^\x00]*[^/\x00][^\x00]*|@[^\x00]+))$`

// capabilities is the pattern of a capability's name.
func capabilities() string {
	var names []string
	for _, c := range spec.Capabilities {
		names = append(names, anyCase(c))
	}
	return `^(` + anyCase("CAP_") + `)?(` + strings.Join(names, "|") + `)$`
}

// durations is the pattern of a duration that is a string: seconds, or numbers
// with units, of which zero may be negative.
func durations() string {
	of := func(number string) string { return number + exponent + "|(" + number + unit + ")+" }
	return `^(\+?(` + of(number) + `)|-(` + of(zero) + `))$`
}

// Signals of Linux, as package spec reads them.
const (
	lastNamed  = 31
	lastSignal = 64
)

// signals is the pattern of a signal that is a string.
func signals() string {
	var names []string
	for n := spec.Signal(1); n <= lastNamed; n++ {
		names = append(names, anyCase(n.String()))
	}
	for _, old := range []string{"CLD", "IOT", "POLL"} {
		names = append(names, anyCase(old))
	}
	const offset = "(0?[0-9]|[12][0-9]|30)"
	names = append(names, anyCase("RTMIN")+`(\+`+offset+`)?`, anyCase("RTMAX")+`(-`+offset+`)?`)
	return `^((` + anyCase("SIG") + `)?(` + strings.Join(names, "|") + `)|` +
		`\+?0*([1-9]|[1-5][0-9]|6[0-4])(\.0*)?|` + number + `[eE][+-]?[0-9]+)$`
}

// anyCase is the pattern of word in upper, lower or mixed case.
func anyCase(word string) string {
	var b strings.Builder
	for _, c := range word {
		if lower := strings.ToLower(string(c)); lower != string(c) {
			b.WriteString("[" + string(c) + lower + "]")
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

func fmtNumber(n int) json.Number { return json.Number(fmt.Sprint(n)) }
