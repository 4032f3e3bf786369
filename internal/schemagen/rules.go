package main

import (
	"github.com/invopop/jsonschema"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// rule is a piece of a schema.
type rule = map[string]any

// ref refers to a definition that is shared.
func ref(name string) rule { return rule{"$ref": "#/$defs/" + name} }

// untyped takes away what the Go type says, where a file may say more.
func untyped(of rule) rule {
	of["type"] = ""
	return of
}

var (
	id      = rule{"minimum": 0, "maximum": 1<<32 - 2}
	command = rule{"minItems": 1, "prefixItems": []rule{ref("word")}, "items": ref("text")}
	pid     = rule{"minimum": 1, "maximum": 1<<31 - 1}
)

// rules are what files may hold beyond what their Go types say, by the name of
// a type or of a type and its key.
var rules = map[string]rule{
	"spec": {
		"propertyNames": rule{"not": rule{"enum": spec.Reserved()}},
		"not":           rule{"required": []string{"uid", "user"}},
		"if":            rule{"required": []string{"ready"}, "properties": rule{"ready": rule{"required": []string{"beat"}}}},
		"then":          rule{"required": []string{"ncolony.beatcheck"}, "properties": rule{"ncolony.beatcheck": rule{"type": "object"}}},
	},
	"spec.args":          command,
	"spec.env":           {"propertyNames": ref("variable"), "additionalProperties": ref("text")},
	"spec.env_inherit":   {"items": ref("variable")},
	"spec.env_file":      {"items": rule{"pattern": `^-?/[^\x00]*$`}},
	"spec.uid":           id,
	"spec.gid":           id,
	"spec.user":          untyped(ref("account")),
	"spec.groups":        {"items": untyped(ref("account"))},
	"spec.group":         {"items": ref("word")},
	"spec.cwd":           ref("path"),
	"spec.restart":       {"enum": spec.Restarts, "default": spec.RestartAlways},
	"spec.success_codes": {"items": rule{"minimum": 0, "maximum": 255}, "default": []int{0}},
	"spec.after":         {"items": ref("service")},
	"spec.requires":      {"items": ref("service")},
	"spec.main":          {"default": false},
	"spec.stdin":         {"enum": []string{spec.StdinNull, spec.StdinInherit}, "default": spec.StdinNull},
	"spec.log":           {"enum": []string{spec.LogNull}},

	// Defaults that are flags of the supervisor stand as the flag's default.
	"backoff.min":       {"default": 1},
	"backoff.max":       {"default": 3600},
	"backoff.factor":    {"minimum": 1, "maximum": 1000, "default": 2},
	"backoff.jitter":    {"minimum": 0, "maximum": 1, "default": 0.1},
	"backoff.threshold": {"default": 1},
	"stop.signal":       {"default": "TERM"},
	"stop.grace":        {"default": 5},
	"stop.command":      command,
	"stop.scope":        {"enum": spec.Scopes, "default": spec.ScopeAll},
	"spec.watchdog":     {"exclusiveMinimum": 0},
	"limit.within":      {"exclusiveMinimum": 0},
	"limit.restarts":    {"minimum": 0, "maximum": 1000},
	"limit.then":        {"default": spec.ThenFail},
	"readiness": {"oneOf": []rule{
		{"required": []string{"notify"}}, {"required": []string{"fd"}}, {"required": []string{"beat"}}, {"required": []string{"file"}},
		{"required": []string{"log"}}, {"required": []string{"http"}}, {"required": []string{"tcp"}}, {"required": []string{"exec"}},
	}},
	"readiness.notify":  {"const": true},
	"readiness.fd":      {"minimum": 3, "maximum": 255},
	"readiness.beat":    {"const": true},
	"readiness.file":    ref("path"),
	"readiness.log":     ref("word"),
	"readiness.http":    ref("word"),
	"readiness.tcp":     ref("word"),
	"readiness.exec":    command,
	"readiness.timeout": {"default": 60},
	"beatcheck.period":  {"exclusiveMinimum": 0},
	"beatcheck.grace":   {"minimum": 0},
	"beatcheck.status":  ref("path"),

	// A key that the type has no use for may be anything: see conditions.
	"message.type":       {"enum": spec.Types},
	"message.name":       untyped(rule{}),
	"message.group":      untyped(rule{}),
	"message.signal":     {"$ref": ""},
	"message.path":       untyped(rule{}),
	"message.generation": {"minimum": 1, "maximum": 1<<63 - 1},
	"message.pid":        pid,
	"message.reason":     ref("text"),

	"result.type": {"enum": append([]spec.Type{""}, spec.Types...)},

	"status.name":        {"pattern": `^@?[A-Za-z0-9_][A-Za-z0-9._+-]*$`, "maxLength": spec.MaxNameLength},
	"status.state":       {"enum": spec.States},
	"status.spec_sha256": {"pattern": "^([0-9a-f]{64})?$"},
	"exit": {"oneOf": []rule{
		{"required": []string{"code"}}, {"required": []string{"signal"}},
		{"required": []string{"unknown"}}, {"required": []string{"spawn_error"}},
	}},
	"exit.code":     {"maximum": 255},
	"exit.unknown":  {"const": true},
	"exit.ran":      {"minimum": 0},
	"event.type":    {"enum": spec.EventTypes},
	"event.delay":   {"minimum": 0},
	"colony.counts": {"propertyNames": rule{"enum": spec.States}, "additionalProperties": rule{"minimum": 0}},
}

// nullable are the keys that may be null.
var nullable = map[string]bool{
	"spec.ncolony.beatcheck": true,
	"result.finished":        true,
	"status.last_exit":       true,
	"status.next_start":      true,
	"status.spec_error":      true,
}

// conditions say what each type of message needs. Other keys are not looked at.
func conditions() (all []*jsonschema.Schema) {
	kinds := map[string]string{"name": "word", "group": "word", "signal": "signal", "path": "path"}
	when := func(t spec.Type, required []string, keys ...string) {
		of := jsonschema.NewProperties()
		of.Set("type", &jsonschema.Schema{Const: t})
		then := &jsonschema.Schema{Properties: jsonschema.NewProperties(), Required: required}
		for _, key := range keys {
			then.Properties.Set(key, &jsonschema.Schema{Ref: "#/$defs/" + kinds[key]})
		}
		all = append(all, &jsonschema.Schema{If: &jsonschema.Schema{Properties: of, Required: []string{"type"}}, Then: then})
	}
	for _, t := range spec.Types {
		if needs := t.Needs(); len(needs) > 0 {
			when(t, needs, needs...)
		}
	}
	when(spec.Upgrade, nil, "path")
	return all
}
