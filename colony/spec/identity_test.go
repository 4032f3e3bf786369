package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
)

func mustParse(t testing.TB, text string) *Spec {
	t.Helper()
	s, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

func TestIdentity(t *testing.T) {
	const base = `{"args":["x","é"],"env":{"A":"1","B":"2"},"uid":100,"a.b":{"n":[1,20,0.5,12345678901234567890]}}`
	tests := []struct {
		name, text string
		same       bool
	}{
		{"white space", "\n {\t\"args\" : [ \"x\" , \"é\" ],\r\n\"env\":{\"A\":\"1\",\"B\":\"2\"},\"uid\":100,\"a.b\":{\"n\":[1,20,0.5,12345678901234567890]}}\n", true},
		{"order", `{"a.b":{"n":[1,20,0.5,12345678901234567890]},"uid":100,"env":{"B":"2","A":"1"},"args":["x","é"]}`, true},
		{"escapes", `{"\u0061rgs":["\u0078","\u00e9"],"env":{"A":"\u0031","B":"2"},"uid":100,"a.b":{"n":[1,20,0.5,12345678901234567890]}}`, true},
		{"numbers", `{"args":["x","é"],"env":{"A":"1","B":"2"},"uid":1e2,"a.b":{"n":[1.0,2E+1,5e-1,1234567890123456789.0e1]}}`, true},
		{"policy", `{"$schema":"s","instances":3,"restart":"never","success_codes":[3],"backoff":{"min":1},"stop":{"grace":1},"group":["g"],"args":["x","é"],"env":{"A":"1","B":"2"},"uid":100,"a.b":{"n":[1,20,0.5,12345678901234567890]}}`, true},
		{"an argument", `{"args":["y","é"],"env":{"A":"1","B":"2"},"uid":100,"a.b":{"n":[1,20,0.5,12345678901234567890]}}`, false},
		{"order of a list", `{"args":["é","x"],"env":{"A":"1","B":"2"},"uid":100,"a.b":{"n":[1,20,0.5,12345678901234567890]}}`, false},
		{"a variable", `{"args":["x","é"],"env":{"A":"1","B":"3"},"uid":100,"a.b":{"n":[1,20,0.5,12345678901234567890]}}`, false},
		{"a big integer", `{"args":["x","é"],"env":{"A":"1","B":"2"},"uid":100,"a.b":{"n":[1,20,0.5,12345678901234567891]}}`, false},
		{"a sign", `{"args":["x","é"],"env":{"A":"1","B":"2"},"uid":100,"a.b":{"n":[-1,20,0.5,12345678901234567890]}}`, false},
		{"a number made a string", `{"args":["x","é"],"env":{"A":"1","B":"2"},"uid":100,"a.b":{"n":["1",20,0.5,12345678901234567890]}}`, false},
		{"a key more", `{"args":["x","é"],"env":{"A":"1","B":"2"},"uid":100,"a.b":{"n":[1,20,0.5,12345678901234567890]},"a.c":null}`, false},
		{"a policy key within another", `{"args":["x","é"],"env":{"A":"1","B":"2"},"uid":100,"a.b":{"stop":1,"n":[1,20,0.5,12345678901234567890]}}`, false},
		{"nesting", `{"args":["x","é"],"env":{"A":"1","B":"2"},"uid":100,"a.b":{"n":[[1,20],0.5,12345678901234567890]}}`, false},
	}
	want := mustParse(t, base)
	for _, tt := range tests {
		if got := SameProcess(want, mustParse(t, tt.text)); got != tt.same {
			t.Errorf("%s: SameProcess = %v", tt.name, got)
		}
	}
}

// TestIdentityIsStable: the identity is kept in state across upgrades, so a new
// binary that computes another one would restart every service.
func TestIdentityIsStable(t *testing.T) {
	for name, data := range glob(t, "good/*.json") {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, data, " ", "\t"); err != nil {
			t.Fatal(err)
		}
		if !SameProcess(mustParse(t, string(data)), mustParse(t, pretty.String())) {
			t.Errorf("%s: indenting changes the identity", name)
		}
	}
	got := mustParse(t, `{"args":["x"],"restart":"never"}`).Identity
	// sha256 of {"args":["x",],}
	const want = "7def8a819da635f47500a5b368a2174138663b8972cfa3102e1fd4ea20813a64"
	if s := fmt.Sprintf("%x", got); s != want {
		t.Errorf("identity %s, want %s", s, want)
	}
}

// TestKeptLive: how captured output is kept is taken live, where it goes is not.
func TestKeptLive(t *testing.T) {
	of := func(log string) *Spec { return mustParse(t, `{"args":["x"],"log":`+log+`}`) }
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{`{}`, `{"size":"1M","files":1,"tee":true,"rate":5000,"stderr":"merged","format":"json"}`, true},
		{`{"stderr":"apart"}`, `{"stderr":"apart","age":5}`, true},
		{`{}`, `{"stderr":"apart"}`, false},
		{`{}`, `"null"`, false},
		{`"null"`, `"null"`, true},
	} {
		if got := SameProcess(of(tt.a), of(tt.b)); got != tt.same {
			t.Errorf("%s and %s: SameProcess = %v", tt.a, tt.b, got)
		}
	}
	if SameProcess(mustParse(t, `{"args":["x"]}`), of(`{}`)) {
		t.Error("to begin to capture output is no new process")
	}
}
