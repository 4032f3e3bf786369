package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func parseSpec(text []byte) error    { _, err := spec.Parse(text); return err }
func parseMessage(text []byte) error { _, err := spec.ParseMessage(text); return err }

// beyond are texts that the parser refuses for reasons that no schema can tell.
var beyond = map[string]string{
	"bom.json":             "a byte order mark is no part of the value",
	"duplicates.json":      "a validator sees one of the two keys",
	"latin1.json":          "a validator sees what its decoder has made of it",
	"deep.json":            "a schema does not count levels",
	"surrogate.json":       "a validator sees what its decoder has made of it",
	"beatcheck-long.json":  "the product of two keys",
	"probe-long.json":      "the product of two keys",
	"process.json":         "one number beside another",
	"schedule-never.json":  "a schema has no calendar",
	"listen-twice.json":    "two spellings of one address",
	"listen-ready.json":    "a number beside the length of a list",
	"literal: STOP, START": "a validator sees one of the two keys",
}

// TestFiles: what the parser accepts of testdata/spec is valid, and what it
// refuses is not.
func TestFiles(t *testing.T) {
	for _, tt := range []struct {
		schema, pattern string
		parse           func([]byte) error
	}{
		{"spec", "good/*.json", parseSpec},
		{"spec", "bad/*.json", parseSpec},
		{"message", "messages/*.json", parseMessage},
	} {
		s := compile(t, tt.schema)
		paths, err := filepath.Glob(filepath.Join("../../testdata/spec", tt.pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d files, %v", tt.pattern, len(paths), err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			agree(t, filepath.Base(path), s, text, tt.parse(text))
		}
	}
}

// agree compares the verdict of a schema with that of the parser.
func agree(t *testing.T, name string, s *jsonschema.Schema, text []byte, parsed error) {
	t.Helper()
	err := validate(s, text)
	switch _, known := beyond[name]; {
	case parsed == nil && err != nil:
		t.Errorf("%s: %.200s\nis accepted by the parser, but not by the schema: %v", name, text, err)
	case parsed != nil && err == nil && !known:
		t.Errorf("%s: %.200s\nis accepted by the schema, but not by the parser: %v", name, text, parsed)
	}
}

// TestLiterals: the same for the texts that stand in the tests of colony/spec.
func TestLiterals(t *testing.T) {
	specs, messages := compile(t, "spec"), compile(t, "message")
	good := 0
	for _, text := range literals(t, "../../colony/spec/*_test.go", "{") {
		if parseSpec(text) == nil {
			good++
			agree(t, "literal", specs, text, nil)
		}
		if bytes.HasPrefix(text, []byte(`{"type":`)) && bytes.HasSuffix(text, []byte("}")) {
			name := "literal"
			if bytes.Contains(text, []byte(`"STOP","type":"START"`)) {
				name = "literal: STOP, START"
			}
			agree(t, name, messages, text, parseMessage(text))
		}
	}
	if good < 10 {
		t.Errorf("only %d good specs are found there", good)
	}
}

// TestScalars: the strings in the tests of durations and signals, each as both.
func TestScalars(t *testing.T) {
	s := compile(t, "spec")
	good := 0
	for _, text := range literals(t, "../../colony/spec/scalars_test.go", "") {
		for _, key := range []string{"grace", "signal"} {
			quoted, err := json.Marshal(string(text))
			if err != nil {
				t.Fatal(err)
			}
			file := fmt.Appendf(nil, `{"args":["x"],"stop":{%q:%s}}`, key, quoted)
			parsed := parseSpec(file)
			// Patterns do not compare numbers.
			if parsed != nil && (strings.Contains(parsed.Error(), "10 years") || strings.Contains(string(text), "99999999") || key == "signal" && strings.Contains(string(text), "e")) {
				continue
			}
			if parsed == nil {
				good++
			}
			agree(t, key, s, file, parsed)
		}
	}
	if good < 40 {
		t.Errorf("only %d good durations and signals are found there", good)
	}
}

// literals returns the strings in the Go files that match whose text begins with
// prefix.
func literals(t *testing.T, pattern, prefix string) (texts [][]byte) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil && strings.HasPrefix(s, prefix) {
					texts = append(texts, []byte(s))
				}
			}
			return true
		})
	}
	return texts
}

// values are good and bad values of each key of a spec. The first two good ones
// mean different things.
var values = map[string]struct{ good, bad []string }{
	"$schema":       {good: []string{`"a"`, `"b"`}},
	"args":          {good: []string{`["x"]`, `["y",""]`}, bad: []string{`[]`, `[""]`, `"x"`, `["x",1]`, `["x\u0000"]`, `["x",null]`, `null`}},
	"env":           {good: []string{`{}`, `{"A":"="}`}, bad: []string{`{"":"x"}`, `{"A=B":"x"}`, `{"A":1}`, `{"A":true}`, `{"A":null}`, `{"A":"\u0000"}`, `[]`, `null`}},
	"env_inherit":   {good: []string{`[]`, `["A"]`}, bad: []string{`[""]`, `["A=B"]`, `[1]`, `"A"`, `null`}},
	"env_file":      {good: []string{`["/x"]`, `["-/x"]`, `["/"]`}, bad: []string{`["x"]`, `["-"]`, `[""]`, `["--/x"]`, `null`}},
	"uid":           {good: []string{`0`, `4294967294`, `1e1`, `1.0`}, bad: []string{`-1`, `4294967295`, `1.5`, `"0"`, `null`}},
	"gid":           {good: []string{`0`, `4294967294`}, bad: []string{`-1`, `4294967295`, `1.5`, `"0"`, `null`}},
	"user":          {good: []string{`"root"`, `0`, `"12"`}, bad: []string{`""`, `"a:b"`, `"a\nb"`, `-1`, `1.5`, `true`, `null`}},
	"groups":        {good: []string{`[]`, `["a",1]`}, bad: []string{`[""]`, `["a:b"]`, `[-1]`, `[true]`, `"a"`, `null`}},
	"group":         {good: []string{`[]`, `["a b"]`}, bad: []string{`[""]`, `[1]`, `"a"`, `null`}},
	"cwd":           {good: []string{`"/"`, `"/x y"`}, bad: []string{`"x"`, `""`, `1`, `"/\u0000"`, `null`}},
	"umask":         {good: []string{`"0022"`, `"77"`, `"0"`, `"00777"`}, bad: []string{`22`, `""`, `"8"`, `"0o22"`, `"1000"`, `"+22"`, `"-1"`, `null`}},
	"nice":          {good: []string{`0`, `-20`, `19`}, bad: []string{`-21`, `20`, `1.5`, `"0"`, `null`}},
	"oom_score_adj": {good: []string{`0`, `-1000`, `1000`}, bad: []string{`-1001`, `1001`, `"0"`, `null`}},
	"rlimits": {good: []string{`{}`, `{"nofile":1024,"core":"unlimited"}`, `{"as":"512M","data":[0,"2GiB"],"stack":["64k","infinity"]}`, `{"nofile":"1024"}`},
		bad: []string{`{"files":1}`, `{"NOFILE":1}`, `{"nofile":-1}`, `{"nofile":1.5}`, `{"nofile":"max"}`, `{"nofile":[1]}`, `{"nofile":[1,2,3]}`, `{"as":"1X"}`, `{"as":"M"}`, `{"as":"5iB"}`, `{"as":null}`, `[]`, `null`}},
	"no_new_privs": {good: []string{`false`, `true`}, bad: []string{`1`, `"yes"`, `null`}},
	"capabilities": {good: []string{`[]`, `["NET_BIND_SERVICE"]`, `["cap_Net_Raw","chown"]`}, bad: []string{`["NET"]`, `[""]`, `["CAP_"]`, `[1]`, `"CHOWN"`, `null`}},
	"cgroup": {good: []string{`{}`, `{"memory_max":"512M","memory_high":1,"cpu_max":1.5,"pids_max":100,"optional":true}`, `{"cpu_max":"50%"}`, `{"more":1}`},
		bad: []string{`{"memory_max":"max"}`, `{"memory_max":-1}`, `{"memory_max":0}`, `{"cpu_max":0}`, `{"cpu_max":"2"}`, `{"cpu_max":"x%"}`, `{"pids_max":0}`, `{"pids_max":"max"}`, `{"optional":1}`, `[]`, `null`}},
	"credentials":   {good: []string{`{}`, `{"a b":"/run/secret","...":"/x"}`}, bad: []string{`{"a":"x"}`, `{"":"/x"}`, `{"..":"/x"}`, `{".":"/x"}`, `{"a/b":"/x"}`, `{"a":null}`, `["/x"]`, `null`}},
	"restart":       {good: []string{`"always"`, `"on-failure"`, `"never"`}, bad: []string{`"Always"`, `""`, `true`, `null`}},
	"success_codes": {good: []string{`[]`, `[0,255,2.0]`}, bad: []string{`[-1]`, `[256]`, `[1.5]`, `["0"]`, `0`, `null`}},
	"backoff": {good: []string{`{}`, `{"min":0,"max":"1h30m","factor":1,"jitter":1,"threshold":"0.5"}`, `{"x":1}`, `{"factor":1000,"jitter":0}`},
		bad: []string{`{"min":-1}`, `{"min":null}`, `{"max":"-1s"}`, `{"max":315360001}`, `{"threshold":"soon"}`, `{"threshold":true}`, `{"threshold":"1d"}`,
			`{"factor":0.9}`, `{"factor":1001}`, `{"factor":"2"}`, `{"jitter":-0.1}`, `{"jitter":1.1}`, `[]`, `null`}},
	"stop": {good: []string{`{}`, `{"signal":"sigRtmin+3","grace":0,"command":["x",""],"scope":"group"}`, `{"x":1}`, `{"signal":64}`, `{"signal":"15"}`,
		`{"signal":"RTMAX-30"}`, `{"signal":"POLL"}`, `{"signal":"9.0"}`, `{"scope":"all"}`, `{"scope":"main"}`},
		bad: []string{`{"signal":0}`, `{"signal":65}`, `{"signal":1.5}`, `{"signal":"65"}`, `{"signal":"0"}`, `{"signal":"FOO"}`, `{"signal":"RTMIN+31"}`, `{"signal":"SIG"}`, `{"signal":""}`,
			`{"signal":null}`, `{"grace":"5 s"}`, `{"grace":""}`, `{"command":[]}`, `{"command":[""]}`, `{"scope":"tree"}`, `{"dump":0}`, `{"dump":"x"}`, `[]`, `null`}},
	"limit": {good: []string{`{"restarts":5,"within":60}`, `{"restarts":0,"within":"1m","then":"fail"}`, `{"restarts":1,"within":1,"then":"shutdown","x":1}`, `{"restarts":1,"within":1,"then":{"retry":"10m"}}`},
		bad: []string{`{}`, `{"restarts":5}`, `{"within":5}`, `{"restarts":-1,"within":1}`, `{"restarts":1001,"within":1}`, `{"restarts":1.5,"within":1}`, `{"restarts":1,"within":0}`,
			`{"restarts":1,"within":1,"then":"stop"}`, `{"restarts":1,"within":1,"then":{}}`, `{"restarts":1,"within":1,"then":{"retry":0}}`, `{"restarts":1,"within":1,"then":null}`, `5`, `null`}},
	"after":    {good: []string{`[]`, `["a","b.c"]`, `["a","a"]`}, bad: []string{`[""]`, `["@heartcheck"]`, `["a/b"]`, `["-a"]`, `"a"`, `[1]`, `null`}},
	"requires": {good: []string{`[]`, `["a"]`}, bad: []string{`[""]`, `["a b"]`, `"a"`, `null`}},
	"ready": {good: []string{`{"notify":true}`, `{"fd":3,"timeout":0}`, `{"file":"/x","timeout":"5m","more":1}`, `{"http":"http://localhost/"}`, `{"http":{"url":"https://x:1/","status":["200-204",301],"body":"x","headers":{"A":"b"},"method":"HEAD","ca":"/ca","insecure":false,"more":1}}`, `{"tcp":"localhost:1"}`, `{"exec":["x",""]}`},
		bad: []string{`{}`, `{"timeout":1}`, `{"notify":false}`, `{"notify":1}`, `{"fd":2}`, `{"fd":256}`, `{"file":"x"}`, `{"log":""}`, `{"http":""}`, `{"http":{}}`, `{"http":{"url":"x"}}`, `{"http":{"url":"http://x/","status":99}}`, `{"http":{"url":"unix:///s:/","socket":"/s"}}`, `{"http":[]}`, `{"http":null}`, `{"tcp":1}`, `{"exec":[]}`,
			`{"notify":true,"fd":3}`, `{"notify":true,"timeout":-1}`, `{"notify":null}`, `true`, `null`}},
	"watchdog": {good: []string{`1`, `"500ms"`}, bad: []string{`0`, `-1`, `"x"`, `true`, `null`}},
	"log": {good: []string{`"null"`, `{}`, `{"size":"1M","files":0,"age":"24h","total":"100M","compress":false,"timestamps":true,"format":"json","tee":true,"rate":"1M","stderr":"apart"}`, `{"more":1}`},
		bad: []string{`"inherit"`, `""`, `true`, `{"size":100}`, `{"size":null}`, `{"files":-1}`, `{"files":10001}`, `{"age":-1}`, `{"compress":"gzip"}`, `{"format":"xml"}`, `{"tee":1}`, `{"rate":1}`, `{"stderr":"null"}`, `null`}},
	"schedule": {good: []string{`{"cron":"0 3 * * *"}`, `{"every":"10m"}`, `{"cron":"*/5 1-3,7 1 JAN mon-fri/2","zone":"Europe/Berlin"}`, `{"cron":" @daily "}`, `{"every":1,"x":1}`},
		bad: []string{`{}`, `{"zone":"UTC"}`, `{"cron":""}`, `{"cron":"0 3 * *"}`, `{"cron":"0 0 3 * * *"}`, `{"cron":"@reboot"}`, `{"cron":"@every 5m"}`, `{"cron":"0 3 * * 5#3"}`, `{"cron":null}`,
			`{"cron":"@daily","every":1}`, `{"every":0.5}`, `{"every":1,"zone":"UTC"}`, `{"cron":"@daily","zone":""}`, `"@daily"`, `null`}},
	"main":      {good: []string{`false`, `true`}, bad: []string{`1`, `"true"`, `null`}},
	"instances": {good: []string{`0`, `1`, `3.0`, `1000`}, bad: []string{`-1`, `1001`, `1.5`, `"3"`, `null`}},
	"stdin":     {good: []string{`"null"`, `"inherit"`, `"fifo"`}, bad: []string{`"pipe"`, `""`, `null`}},
	"listen": {good: []string{`[]`, `["127.0.0.1:80"]`, `["tcp://[::]:80","udp://[::1]:53","unix:///run/x.sock","unix://@x","unixgram:///x","unixpacket://@y"]`,
		`[{"address":"unix:///x","name":"a","mode":"0660","user":"root","group":0,"backlog":5}]`, `[{"address":"1.2.3.4:65535","more":1}]`},
		bad: []string{`[""]`, `["80"]`, `[":80"]`, `["*:80"]`, `["localhost:80"]`, `["127.0.0.1"]`, `["127.0.0.1:0"]`, `["::1:80"]`, `["[127.0.0.1:80"]`, `["/run/x"]`, `["@x"]`, `["unix://x"]`, `["unix://"]`, `["unix:///"]`, `["unix://@"]`,
			`["http://127.0.0.1:80"]`, `["sctp://127.0.0.1:80"]`, `[1]`, `[null]`, `[{}]`, `[{"name":"a"}]`, `[{"address":"127.0.0.1:80","mode":"0600"}]`, `[{"address":"unix://@x","user":"root"}]`,
			`[{"address":"unix:///x","name":"a:b"}]`, `[{"address":"unix:///x","name":""}]`, `[{"address":"unix:///x","name":"a b"}]`, `[{"address":"unix:///x","mode":600}]`,
			`[{"address":"udp://127.0.0.1:1","backlog":1}]`, `[{"address":"unix:///x","backlog":0}]`, `"127.0.0.1:80"`, `{}`, `null`}},
	"ncolony.beatcheck": {good: []string{`null`, `{"period":1,"grace":0,"status":"/x","more":1}`, `{"period":"50ms","grace":1.5,"status":"/x"}`},
		bad: []string{`{}`, `{"period":0,"grace":0,"status":"/x"}`, `{"period":1,"grace":-1,"status":"/x"}`, `{"period":1,"grace":"1","status":"/x"}`,
			`{"period":1,"grace":1,"status":"x"}`, `{"period":1,"grace":1}`, `{"period":null,"grace":1,"status":"/x"}`, `true`, `[]`}},
	"ncolony.httpcheck": {good: []string{`null`, `{"url":"http://localhost:80/x?y","period":1,"more":1}`,
		`{"url":"https://[::1]/","period":"10s","timeout":1,"grace":3,"maxBad":0,"minGood":2,"jitter":0.5,"socket":"/run/x.sock","method":"HEAD","headers":{"Host":"a","X-A":""},
		"status":[200,"300-399"],"body":"ok","bodyRegexp":"^a","follow":true,"ca":"/x.pem","insecure":false}`,
		`{"url":"unix:///run/x.sock:/healthz","period":1,"status":2e2}`, `{"url":"http://a","period":1,"status":"200-299","insecure":true}`},
		bad: []string{`{}`, `{"url":"http://a/"}`, `{"period":1}`, `{"url":"http://a/","period":0}`, `{"url":"ftp://a/","period":1}`, `{"url":"http:///x","period":1}`, `{"url":"a","period":1}`, `{"url":"unix:///run/x","period":1}`,
			`{"url":"http://a/","period":1,"timeout":0}`, `{"url":"http://a/","period":1,"grace":-1}`, `{"url":"http://a/","period":1,"maxBad":-1}`, `{"url":"http://a/","period":1,"maxBad":1.5}`, `{"url":"http://a/","period":1,"minGood":0}`,
			`{"url":"http://a/","period":1,"jitter":2}`, `{"url":"http://a/","period":1,"socket":"x"}`, `{"url":"unix:///x:/","period":1,"socket":"/x"}`, `{"url":"http://a/","period":1,"method":""}`, `{"url":"http://a/","period":1,"method":"A B"}`,
			`{"url":"http://a/","period":1,"headers":{"A B":"x"}}`, `{"url":"http://a/","period":1,"headers":{"A":"\n"}}`, `{"url":"http://a/","period":1,"headers":{"A":1}}`, `{"url":"http://a/","period":1,"headers":[]}`,
			`{"url":"http://a/","period":1,"status":[]}`, `{"url":"http://a/","period":1,"status":99}`, `{"url":"http://a/","period":1,"status":600}`, `{"url":"http://a/","period":1,"status":"20x"}`, `{"url":"http://a/","period":1,"status":[null]}`, `{"url":"http://a/","period":1,"status":true}`,
			`{"url":"http://a/","period":1,"body":""}`, `{"url":"http://a/","period":1,"follow":"yes"}`, `{"url":"http://a/","period":1,"ca":"x"}`, `{"url":"https://a/","period":1,"ca":"/x","insecure":true}`, `[]`, `true`}},
	"ncolony.tcpcheck": {good: []string{`null`, `{"address":"localhost:80","period":1}`, `{"address":"[::1]:8080","period":1,"more":1}`, `{"address":"unix:///run/x.sock","period":"5s","timeout":"1s"}`, `{"address":"unix://@x","period":1}`},
		bad: []string{`{}`, `{"address":"localhost","period":1}`, `{"address":":80","period":1}`, `{"address":"::1:80x","period":1}`, `{"address":"unix://x","period":1}`, `{"address":"a:b","period":1}`, `{"address":"","period":1}`, `{"address":"a:1"}`, `{"address":1,"period":1}`, `[]`}},
	"ncolony.execcheck": {good: []string{`null`, `{"args":["x",""],"period":1}`, `{"args":["x"],"period":1,"maxBad":3,"more":1}`},
		bad: []string{`{}`, `{"args":[],"period":1}`, `{"args":"x","period":1}`, `{"args":["x"]}`, `{"args":["x"],"period":null}`, `[]`}},
}

// with is a spec with that key.
func with(key, value string) []byte {
	if key == "args" {
		return fmt.Appendf(nil, `{"args":%s}`, value)
	}
	return fmt.Appendf(nil, `{"args":["x"],%q:%s}`, key, value)
}

// TestValues: schema and parser agree on each key, which is live exactly if the
// parser finds that two specs that differ in it ask for the same process.
func TestValues(t *testing.T) {
	s := compile(t, "spec")
	properties := read(t, "spec")["properties"].(map[string]any)
	for key, property := range properties {
		v, ok := values[key]
		if !ok {
			t.Errorf("%s: no values to try are listed in this test", key)
			continue
		}
		for _, good := range v.good {
			text := with(key, good)
			if err := parseSpec(text); err != nil {
				t.Errorf("%s: %v", text, err)
			}
			agree(t, key, s, text, nil)
		}
		for _, bad := range v.bad {
			text := with(key, bad)
			err := parseSpec(text)
			if err == nil {
				t.Errorf("%s: is accepted by the parser", text)
			}
			agree(t, key, s, text, err)
		}
		other := []byte(`{"args":["x"]}`)
		if len(v.good) > 1 {
			other = with(key, v.good[1])
		}
		a, errA := spec.Parse(with(key, v.good[0]))
		b, errB := spec.Parse(other)
		if errA != nil || errB != nil {
			t.Errorf("%s: %v, %v", key, errA, errB)
			continue
		}
		want := "restart"
		if spec.SameProcess(a, b) {
			want = "live"
		}
		if got := property.(map[string]any)[change]; got != want {
			t.Errorf("%s: %s is %v, but a change is %s", key, change, got, want)
		}
	}
	if len(values) != len(properties) {
		t.Errorf("%d keys in the schema, %d with values here", len(properties), len(values))
	}
}

// TestWholeSpecs: what is said of a spec beyond its single keys.
func TestWholeSpecs(t *testing.T) {
	s := compile(t, "spec")
	var bad, odd []string
	bad = append(bad, `{}`, `[]`, `1`, `{"args":["x"],"ready":{"beat":true},"ncolony.beatcheck":null}`, `{"args":["x"],"ready":{"log":"up"}}`, `{"args":["x"],"ready":{"log":"up"},"log":"null"}`, `{"Args":["x"]}`, `{"args":["x"],"uid":0,"user":"root"}`)
	odd = append(odd, `{"args":["x"],"gid":0,"user":"root"}`, `{"args":["x"],"a.b":null,"Umask":1,"ncolony.httpchek":{}}`)
	for _, text := range append(bad, odd...) {
		agree(t, "whole", s, []byte(text), parseSpec([]byte(text)))
	}
	refused := 0
	for _, text := range bad {
		if parseSpec([]byte(text)) != nil {
			refused++
		}
	}
	if diff := cmp.Diff(len(bad), refused); diff != "" {
		t.Error("bad specs that the parser refuses:", diff)
	}
}

// TestMessages: schema and parser agree on requests.
func TestMessages(t *testing.T) {
	s := compile(t, "message")
	accepted := 0
	all := []string{`{}`, `{"type":null}`, `{"type":"restart"}`}
	for _, typ := range spec.Types {
		for _, rest := range []string{
			``, `,"name":"web"`, `,"group":"g"`, `,"name":"web","signal":"HUP"`, `,"name":"","signal":"HUP"`, `,"name":"web","signal":0`,
			`,"name":null,"group":null,"signal":1`, `,"name":7,"group":7,"signal":"FOO"`, `,"name":"a","path":"x"`, `,"name":"a","path":"/x","group":"g"`,
			`,"name":"a","group":"g","signal":9,"generation":1,"pid":1,"reason":"","more":[]`, `,"name":"a","group":"g","signal":9,"generation":0`,
			`,"name":"a","group":"g","signal":9,"pid":2147483648`, `,"name":"a","group":"g","signal":9,"pid":null`,
			`,"name":"a","group":"g","signal":9,"reason":1`, `,"name":"a","group":"g","signal":9,"reason":"\u0000"`,
			`,"name":"a","group":"g","signal":9,"generation":9223372036854775807`, `,"name":"a","group":"g","signal":9,"generation":9223372036854775808`,
		} {
			all = append(all, fmt.Sprintf(`{"type":%q%s}`, typ, rest))
		}
	}
	for _, text := range all {
		err := parseMessage([]byte(text))
		agree(t, "message", s, []byte(text), err)
		if err == nil {
			accepted++
		}
	}
	if accepted == 0 || accepted == len(all) {
		t.Errorf("%d of %d are accepted", accepted, len(all))
	}
}
