package main

import (
	"maps"
	"slices"

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
	// instance is the name of a service as it runs: a helper, or one of several.
	instance = rule{"pattern": `^(@?[A-Za-z0-9_][A-Za-z0-9._+-]*|[A-Za-z0-9_][A-Za-z0-9._+-]*@[1-9][0-9]*)$`, "maxLength": len(spec.InstanceName("", spec.MaxInstances)) + spec.MaxNameLength}
	pid      = rule{"minimum": 1, "maximum": 1<<31 - 1}
)

// readyNeeds is the rule that one way to become ready needs a key that is an object.
func readyNeeds(way, key string) rule {
	return rule{
		"if":   rule{"required": []string{"ready"}, "properties": rule{"ready": rule{"required": []string{way}}}},
		"then": rule{"required": []string{key}, "properties": rule{key: rule{"type": "object"}}},
	}
}

// fieldName is the pattern of a request method and of the name of a header.
const fieldName = "^[!#$%\\x26'*+.^_`|~0-9A-Za-z-]+$"

// either is a pair of keys that exclude each other, where the second is as said.
func either(key, other string, as rule) rule {
	return rule{"required": []string{key, other}, "properties": rule{other: as}}
}

// rules are what files may hold beyond what their Go types say, by the name of
// a type or of a type and its key.
var rules = map[string]rule{
	"spec": {
		"not":   rule{"required": []string{"uid", "user"}},
		"allOf": []rule{readyNeeds("beat", "ncolony.beatcheck"), readyNeeds("log", "log")},
		"dependentSchemas": rule{"schedule": rule{"properties": rule{"main": rule{"const": false}}},
			"instances": rule{"properties": rule{"main": rule{"const": false}, "stdin": rule{"not": rule{"const": spec.StdinInherit}}}}},
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
	"spec.nice":          {"minimum": -20, "maximum": 19},
	"spec.oom_score_adj": {"minimum": -1000, "maximum": 1000},
	"spec.rlimits":       {"propertyNames": rule{"enum": slices.Sorted(maps.Keys(spec.Rlimits))}},
	"spec.no_new_privs":  {"default": false},
	"spec.capabilities":  {"items": rule{"pattern": capabilities()}},
	"spec.credentials":   {"propertyNames": rule{"pattern": `^[^/\x00]*[^./\x00][^/\x00]*$|^\.{3,}$`, "maxLength": 255}, "additionalProperties": ref("path")},
	"cgroup.memory_max":  {"not": rule{"enum": []any{0, "0"}}},
	"cgroup.memory_high": {"not": rule{"enum": []any{0, "0"}}},
	"cgroup.pids_max":    {"minimum": 1, "maximum": 1 << 22},
	"cgroup.optional":    {"default": false},
	"spec.restart":       {"enum": spec.Restarts, "default": spec.RestartAlways},
	"spec.success_codes": {"items": rule{"minimum": 0, "maximum": 255}, "default": []int{0}},
	"spec.after":         {"items": ref("service")},
	"spec.requires":      {"items": ref("service")},
	"spec.main":          {"default": false},
	"spec.instances":     {"minimum": 0, "maximum": spec.MaxInstances},
	"spec.listen":        {"items": rule{"$ref": "", "anyOf": []rule{ref("address"), ref("listen")}}, "maxItems": spec.MaxListen},
	"listen.address":     ref("address"),
	"listen.name":        {"pattern": `^[!-9;-~]+$`, "maxLength": 255},
	"listen.user":        untyped(ref("account")),
	"listen.group":       untyped(ref("account")),
	"listen.backlog":     {"minimum": 1, "maximum": 1 << 20},
	"listen": {"allOf": []rule{
		{"if": rule{"not": rule{"properties": rule{"address": rule{"pattern": "^unix[a-z]*:///"}}}}, "then": rule{"properties": rule{"mode": false, "user": false, "group": false}}},
		{"if": rule{"properties": rule{"address": rule{"pattern": "^(udp|unixgram)://"}}}, "then": rule{"properties": rule{"backlog": false}}},
	}},
	"spec.stdin": {"enum": []string{spec.StdinNull, spec.StdinInherit, spec.StdinFIFO}, "default": spec.StdinNull},
	"spec.log":   {"$ref": "", "anyOf": []rule{{"const": "null"}, ref("log")}},

	"log.size":     {"$ref": "", "allOf": []rule{ref("size"), {"not": rule{"type": "integer", "maximum": 4095}}}, "default": "10M"},
	"log.files":    {"minimum": 0, "maximum": 10000, "default": 5},
	"log.compress": {"default": true},
	"log.format":   {"enum": []string{spec.LogText, spec.LogJSON}, "default": spec.LogText},
	"log.rate":     {"$ref": "", "allOf": []rule{ref("size"), {"not": rule{"type": "integer", "maximum": 1023}}}},
	"log.stderr":   {"enum": []string{spec.LogMerged, spec.LogApart}, "default": spec.LogMerged},

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
	"readiness.notify":      {"const": true},
	"readiness.fd":          {"minimum": 3, "maximum": 255},
	"readiness.beat":        {"const": true},
	"readiness.file":        ref("path"),
	"readiness.log":         ref("word"),
	"readiness.http":        {"$ref": "", "anyOf": []rule{ref("url"), ref("ready-http")}},
	"readiness.tcp":         untyped(ref("target")),
	"readiness.exec":        command,
	"readiness.timeout":     {"default": 60},
	"ready-http":            {"not": rule{"anyOf": []rule{either("socket", "url", rule{"pattern": "^unix:"}), either("ca", "insecure", rule{"const": true})}}},
	"ready-http.url":        untyped(ref("url")),
	"ready-http.socket":     ref("path"),
	"ready-http.method":     {"pattern": fieldName, "default": "GET"},
	"ready-http.headers":    {"propertyNames": rule{"pattern": fieldName}, "additionalProperties": rule{"type": "string", "pattern": `^[^\x00-\x08\x0a-\x1f\x7f]*$`}},
	"ready-http.body":       ref("word"),
	"ready-http.bodyRegexp": ref("word"),
	"ready-http.follow":     {"default": false},
	"ready-http.ca":         ref("path"),
	"ready-http.insecure":   {"default": false},
	"schedule": {
		"oneOf": []rule{{"required": []string{"cron"}}, {"required": []string{"every"}}},
		"not":   rule{"required": []string{"zone", "every"}},
	},
	"schedule.cron":     {"pattern": `^\s*(@(hourly|daily|midnight|weekly|monthly|yearly|annually)|[0-9A-Za-z*,/-]+(\s+[0-9A-Za-z*,/-]+){4})\s*$`},
	"schedule.zone":     ref("word"),
	"schedule.every":    {"minimum": 1},
	"beatcheck.period":  {"exclusiveMinimum": 0},
	"beatcheck.grace":   {"minimum": 0},
	"beatcheck.status":  ref("path"),
	"tcp-check.address": untyped(ref("target")),
	"exec-check.args":   command,
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

	"status.name":        instance,
	"status.state":       {"enum": spec.States},
	"status.spec_sha256": {"pattern": "^([0-9a-f]{64})?$"},
	"crash.name":         instance,
	"crash.spec_sha256":  {"pattern": "^([0-9a-f]{64})?$"},
	"exit": {"oneOf": []rule{
		{"required": []string{"code"}}, {"required": []string{"signal"}},
		{"required": []string{"unknown"}}, {"required": []string{"spawn_error"}},
	}},
	"exit.code":     {"maximum": 255},
	"exit.unknown":  {"const": true},
	"exit.ran":      {"minimum": 0},
	"probe.checks":  {"propertyNames": rule{"enum": []string{"http", "tcp", "exec", "ready"}}},
	"check.took":    {"minimum": 0},
	"probe.name":    instance,
	"heart.name":    instance,
	"heart.state":   {"enum": spec.HeartStates},
	"heart.period":  {"exclusiveMinimum": 0},
	"event.type":    {"enum": spec.EventTypes},
	"event.delay":   {"minimum": 0},
	"colony.counts": {"propertyNames": rule{"enum": spec.States}, "additionalProperties": rule{"minimum": 0}},
}

// checks are the rules of how often something is asked, whatever it is.
var checks = map[string]rule{
	".period":  {"exclusiveMinimum": 0},
	".timeout": {"exclusiveMinimum": 0},
	".grace":   {"minimum": 0, "default": spec.DefaultGrace},
	".maxBad":  {"minimum": 0, "maximum": 1000, "default": spec.DefaultMaxBad},
	".minGood": {"minimum": 1, "maximum": 1000, "default": spec.DefaultMinGood},
	".jitter":  {"minimum": 0, "maximum": 1, "default": spec.DefaultSpread},
}

func init() {
	for _, name := range []string{"http-check", "tcp-check", "exec-check"} {
		for key, rule := range checks {
			rules[name+key] = rule
		}
	}
}

// nullable are the keys that may be null.
var nullable = map[string]bool{
	"spec.ncolony.beatcheck": true,
	"spec.ncolony.httpcheck": true,
	"spec.ncolony.tcpcheck":  true,
	"spec.ncolony.execcheck": true,
	"crash.started":          true,
	"result.finished":        true,
	"status.last_exit":       true,
	"status.next_start":      true,
	"status.spec_error":      true,
	"check.next":             true,
	"heart.last_beat":        true,
	"timetable.last":         true,
	"timetable.next":         true,
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
