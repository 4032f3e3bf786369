package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
	"github.com/ncolony/ncolony-go/serve"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// newColony returns a colony without a supervisor, with the files that fill puts there.
func newColony(t testing.TB, fill ...func(spec.Places)) (spec.Places, *operations.Colony) {
	t.Helper()
	p := fixture.Places(t)
	for _, put := range fill {
		put(p)
	}
	c := operations.New(p, quiet())
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return p, c
}

// reply is an answer, taken apart.
type reply struct {
	Result json.RawMessage
	Error  *struct {
		Code    int
		Message string
		Data    errorData
	}
}

// ask calls one method.
func ask(t testing.TB, s *Server, role operations.Role, method, params string) (r reply) {
	t.Helper()
	if params == "" {
		params = "{}"
	}
	text := s.Answer(as(role), fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params))
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatalf("%s: %v in %s", method, err, text)
	}
	return r
}

// Each method does what it is for, or says what is wrong, and its results are as
// rpc.discover describes them.
func TestMethods(t *testing.T) {
	_, c := newColony(t, func(p spec.Places) {
		fixture.Put(t, filepath.Join(p.StatusDir(), "web.json"), `{"name":"web","state":"running","pid":7,"since":"2026-01-31T12:00:00Z","generation":1,"warnings":[],"waiting_for":[]}`)
		fixture.Put(t, filepath.Join(p.EventsDir(), "current.jsonl"), `{"seq":1,"time":"2026-01-31T12:00:00Z","type":"started","name":"web","pid":7}`+"\n")
		fixture.Put(t, p.Result("a"), `{"ok":true,"type":"STOP","name":"web","old_pid":0,"new_pid":0,"received":"2026-01-31T12:00:00Z","finished":"2026-01-31T12:00:00Z"}`)
	})
	s := New(c, quiet())
	described := describedResults(t, s)
	good := `{"args":["/bin/true"]}`
	hash := operations.Hash([]byte(good))
	tested := map[string]bool{}
	for _, c := range []struct {
		method, params string
		want           string // in the result
		code           operations.Code
		field          string // of the error
	}{
		{"service.list", `{"limit":1}`, `"name":"web","file":""`, "", ""},
		{"service.list", `[["running"],"","we"]`, `"total":1`, "", ""},
		{"service.list", `{"states":["flying"]}`, "", operations.Invalid, "state"},
		{"service.list", `{"limit":"1"}`, "", operations.Invalid, "limit"},
		{"service.list", `{"limit":1.5}`, "", operations.Invalid, "limit"},
		{"service.list", `{"limt":1}`, "", operations.Invalid, "limt"},
		{"service.list", `{"Limit":1}`, "", operations.Invalid, "Limit"},
		{"service.list", `{"limit":100000}`, "", operations.Invalid, "limit"},
		{"service.get", `{"name":"web"}`, `"pid":7`, "", ""},
		{"service.get", `["web"]`, `"pid":7`, "", ""},
		{"service.get", `{"name":"nobody"}`, "", operations.NotFound, ""},
		{"service.get", `{"name":"../web"}`, "", operations.Invalid, "name"},
		{"service.get", ``, "", operations.Invalid, "name"},
		{"service.get", `["web","more"]`, "", operations.Invalid, ""},
		{"service.replace", `{"name":"web","spec":` + good + `}`, "", operations.NotFound, ""},
		{"service.patch", `{"name":"web","patch":{}}`, "", operations.NotFound, ""},
		{"service.add", `{"name":"web","spec":` + good + `}`, `"spec_sha256":"` + hash + `","created":true`, "", ""},
		{"service.add", `{"name":"web","spec":` + good + `}`, "", operations.Precondition, ""},
		{"service.add", `{"name":"bad","spec":{"args":[], "nice":"very"}}`, "", operations.Invalid, "args"},
		{"service.add", `{"name":"bad"}`, "", operations.Invalid, "spec"},
		{"service.add", `{"name":"large","spec":{"args":["` + strings.Repeat("x", spec.MaxSpecSize) + `"]}}`, "", operations.TooLarge, ""},
		{"service.spec", `{"name":"web"}`, `{"text":"{\"args\":[\"/bin/true\"]}","spec_sha256":"` + hash + `"}`, "", ""},
		{"service.replace", `{"name":"web","spec":` + good + `,"spec_sha256":"0"}`, "", operations.Precondition, ""},
		{"service.replace", `{"name":"web","spec":"{\"args\": [\"/bin/true\"]}\n","spec_sha256":"` + hash + `"}`, `"created":false`, "", ""},
		{"service.spec", `{"name":"web"}`, `{"text":"{\"args\": [\"/bin/true\"]}\n"`, "", ""},
		{"service.put", `{"name":"web","spec":` + good + `}`, `"created":false`, "", ""},
		{"service.put", `{"name":"other","spec":` + good + `}`, `"created":true`, "", ""},
		{"service.put", `{"name":"other","spec":` + good + `,"wait":0.01}`, "", operations.NoSupervisor, ""},
		{"service.put", `{"name":"other","spec":` + good + `,"wait":"soon"}`, "", operations.Invalid, "wait"},
		{"service.patch", `{"name":"web","patch":{"restart":"never"},"spec_sha256":"` + hash + `"}`, `"created":false`, "", ""},
		{"service.patch", `{"name":"web","patch":{"restart":"sometimes"}}`, "", operations.Invalid, "restart"},
		{"service.patch", `{"name":"web","patch":7}`, "", operations.Invalid, ""},
		{"service.get", `{"name":"web"}`, `"restart":"never"`, "", ""},
		{"service.remove", `{"name":"other","spec_sha256":"0"}`, "", operations.Precondition, ""},
		{"service.remove", `{"name":"other"}`, `null`, "", ""},
		{"service.remove", `{"name":"other","spec_sha256":"0"}`, "", operations.NotFound, ""},
		{"service.restart", `{"name":"web"}`, "", operations.NoSupervisor, ""},
		{"service.start", `["web"]`, "", operations.NoSupervisor, ""},
		{"service.stop", `{"name":"web","wait":"1h"}`, "", operations.NoSupervisor, ""},
		{"service.stop", `{"name":"web","signal":"TERM"}`, "", operations.Invalid, "signal"},
		{"service.stop", `{"name":"web","pid":"x"}`, "", operations.Invalid, "pid"},
		{"service.restart", `{"name":"web","key":"` + strings.Repeat("k", maxKey+1) + `"}`, "", operations.Invalid, "key"},
		{"service.signal", `{"name":"web","signal":"HUP"}`, "", operations.NoSupervisor, ""},
		{"service.signal", `{"name":"web","signal":"BANG"}`, "", operations.Invalid, "signal"},
		{"service.signal", `{"name":"web"}`, "", operations.Invalid, "signal"},
		{"colony.status", ``, `"supervisor":false`, "", ""},
		{"colony.status", `{"x":1}`, "", operations.Invalid, "x"},
		{"log.read", `{"name":"web"}`, `"lines":[]`, "", ""},
		{"log.read", `{"name":"web","since":"2026-01-31T12:00:00Z","grep":"x"}`, `"lines":[]`, "", ""},
		{"log.read", `{"name":"web","since":"yesterday"}`, "", operations.Invalid, "since"},
		{"log.read", `{"name":"web","grep":"("}`, "", operations.Invalid, "grep"},
		{"event.read", `{"after":0}`, `"seq":1`, "", ""},
		{"event.read", `{"after":-1}`, "", operations.Invalid, "after"},
		{"event.read", `{"types":["party"]}`, "", operations.Invalid, "type"},
		{"message.send", `{"message":{"type":"RESCAN"},"key":"k"}`, `"result":null`, "", ""},
		{"message.send", `{"message":{"type":"STOP","name":"web"},"key":"k"}`, "", operations.Invalid, "key"},
		{"message.send", `{"message":{"type":"DANCE"}}`, "", operations.Invalid, "type"},
		{"message.get", `{"request":"a"}`, `"ok":true`, "", ""},
		{"message.get", `{"request":"b"}`, "", operations.NotFound, ""},
		{"message.list", `{"limit":5}`, `{"messages":[{"request":"a"`, "", ""},
		{"schema.list", ``, `"types":["spec"`, "", ""},
		{"schema.get", `{"type":"spec"}`, `"$schema"`, "", ""},
		{"schema.get", `{"type":"poem"}`, "", operations.NotFound, "type"},
		{"rpc.discover", ``, `"openrpc":"1`, "", ""},
	} {
		r := ask(t, s, operations.Admin, c.method, c.params)
		tested[c.method] = true
		what := fmt.Sprintf("%s %.100s", c.method, c.params)
		switch {
		case c.code == "" && r.Error != nil:
			t.Errorf("%s: %+v", what, r.Error)
		case c.code == "":
			if !strings.Contains(string(r.Result), c.want) {
				t.Errorf("%s: %.500s", what, r.Result)
			}
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(r.Result)))
			if err == nil {
				err = described(c.method).Validate(v)
			}
			if err != nil {
				t.Errorf("%s is not as it is described: %v\n%.500s", what, err, r.Result)
			}
		case r.Error == nil:
			t.Errorf("%s: %s, want %s", what, r.Result, c.code)
		case r.Error.Data.Code != c.code || r.Error.Code != int(numbers[c.code]) || r.Error.Message == "" || r.Error.Data.Field != c.field:
			t.Errorf("%s: %+v, want %s of %q", what, r.Error, c.code, c.field)
		}
	}
	for name := range s.methods {
		if !tested[name] {
			t.Errorf("%s is not tested", name)
		}
	}
	// All that is wrong with a spec is told, with its place in the spec.
	r := ask(t, s, operations.Admin, "service.add", `{"name":"bad","spec":{"args":["x"], "nice":"very", "umask":"y"}}`)
	if r.Error == nil || len(r.Error.Data.Faults) != 2 || r.Error.Data.Faults[0].Line != 1 || r.Error.Data.Faults[0].Column < 15 {
		t.Errorf("%+v", r.Error)
	}
}

// describedResults returns the schemas of results as rpc.discover has them.
func describedResults(t *testing.T, s *Server) func(method string) *jsonschema.Schema {
	t.Helper()
	text := ask(t, s, operations.Reader, "rpc.discover", "").Result
	var doc struct {
		Methods []struct {
			Name, Summary string
			Params        []struct {
				Name     string
				Required bool
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	whole, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("openrpc.json", whole); err != nil {
		t.Fatal(err)
	}
	results := map[string]*jsonschema.Schema{}
	for i, m := range doc.Methods {
		if s.methods[m.Name].call == nil || m.Summary == "" {
			t.Errorf("%q is described, and %q is what it does", m.Name, m.Summary)
		}
		// What may be left out comes last, so that it can be by position too.
		if !slices.IsSortedFunc(m.Params, func(a, b struct {
			Name     string
			Required bool
		}) int {
			if a.Required == b.Required {
				return 0
			}
			return map[bool]int{true: -1, false: 1}[a.Required]
		}) {
			t.Errorf("%s: %v", m.Name, m.Params)
		}
		for at := range m.Params {
			if _, err := compiler.Compile(fmt.Sprintf("openrpc.json#/methods/%d/params/%d/schema", i, at)); err != nil {
				t.Error(err)
			}
		}
		if results[m.Name], err = compiler.Compile(fmt.Sprintf("openrpc.json#/methods/%d/result/schema", i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(results) != len(s.methods) {
		t.Errorf("%d methods of %d are described", len(results), len(s.methods))
	}
	return func(method string) *jsonschema.Schema { return results[method] }
}

// Each code has a number of its own.
func TestEveryCodeHasANumber(t *testing.T) {
	used := map[int]operations.Code{}
	for _, code := range append(slices.Clone(operations.Codes), tooMany) {
		n := int(numbers[code])
		if n == 0 || used[n] != "" {
			t.Errorf("%s is %d, as is %q", code, n, used[n])
		}
		used[n] = code
	}
}

// Over the server itself, each method is for whom its route is: nobody, the reader, the
// admin; alone and in a batch.
func TestRightsAreThoseOfHTTP(t *testing.T) {
	p, c := newColony(t)
	s := New(c, quiet())
	ready := make(chan []net.Addr, 1)
	o := serve.Options{Places: p, Log: quiet(), Most: serve.Most{Connections: 50, Streams: 1}, Ready: func(all []net.Addr) { ready <- all }}
	o.SocketGroup = -1
	o.TCP = []string{"127.0.0.1:0"}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- serve.New(o, c, serve.Route{Pattern: "POST /rpc", Needs: operations.Reader, Serve: s.ServeHTTP}).Run(ctx)
	}()
	defer func() {
		cancel()
		if err := fixture.Soon(t, ended); err != nil {
			t.Error(err)
		}
	}()
	base := ""
	for _, a := range fixture.Soon(t, ready) {
		if tcp, ok := a.(*net.TCPAddr); ok {
			base = "http://" + tcp.String()
		}
	}
	tokens := map[string]string{"nobody": "", "stranger": "not-one-of-yours-at-all", "reader": secret(t, p, "read"), "admin": secret(t, p, "admin")}
	client := &http.Client{Timeout: fixture.Patience, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	send := func(who, pattern, body string, headers ...string) (int, string) {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{name}", "nobody", "{request}", "none", "{type}", "none").Replace(path)
		r, err := http.NewRequest(method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if tokens[who] != "" {
			r.Header.Set("Authorization", "Bearer "+tokens[who])
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	refused := `"code":-32007`
	for _, m := range s.methods {
		one := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":{"no such":1}}`, m.name)
		for who := range tokens {
			status, _ := send(who, m.route, "")
			for _, body := range []string{one, "[" + one + "," + one + "]"} {
				rpc, text := send(who, "POST /rpc", body, "Content-Type", "application/json")
				here := rpc == 200 && strings.Contains(text, refused)
				if status == 401 || rpc == 401 {
					if status != rpc {
						t.Errorf("%s of %s: %d, and %d over HTTP", m.name, who, rpc, status)
					}
					continue
				}
				if rpc != 200 || here != (status == 403) {
					t.Errorf("%s of %s: %d %s, and %d over HTTP", m.name, who, rpc, text, status)
				}
			}
		}
	}
	if status, text := send("admin", "POST /rpc", `{}`, "Content-Type", "application/json", "Origin", "https://elsewhere.example"); status != 403 {
		t.Errorf("another site's page: %d %s", status, text)
	}
	if list, err := os.ReadDir(p.Messages); err != nil || len(list) > 0 {
		t.Errorf("messages: %v, %v", list, err)
	}
}

func secret(t *testing.T, p spec.Places, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.State, "serve.token."+name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// Nobody may do nothing, whatever brings his messages.
func TestNobodyMayNothing(t *testing.T) {
	_, c := newColony(t)
	s := New(c, quiet())
	for name, m := range s.methods {
		if m.needs == operations.Nobody {
			t.Errorf("%s is for anybody", name)
		}
		for _, role := range []operations.Role{operations.Nobody, operations.Reader} {
			r := ask(t, s, role, name, `{"no such":1}`)
			if forbidden := r.Error != nil && r.Error.Data.Code == operations.Forbidden; forbidden != (role < m.needs) {
				t.Errorf("%s of %s: %+v", name, role, r.Error)
			}
		}
	}
}
