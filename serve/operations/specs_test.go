package operations

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ncolony/ncolony-go/internal/fixture"
)

// The examples of RFC 7396, appendix A.
func TestMergeExamples(t *testing.T) {
	for _, tt := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		var target, patch, want any
		for i, v := range []*any{&target, &patch, &want} {
			if err := json.Unmarshal([]byte(tt[i]), v); err != nil {
				t.Fatal(err)
			}
		}
		if got := merged(target, patch); !reflect.DeepEqual(got, want) {
			t.Errorf("%s and %s: %v, want %v", tt[0], tt[1], got, want)
		}
	}
}

func FuzzMerge(f *testing.F) {
	f.Add(`{"args":["x"],"env":{"A":"1"}}`, `{"env":{"A":null,"B":"<&>"}}`)
	f.Add(`{"a":1e400,"b":12345678901234567890}`, `{"c":0.1}`)
	f.Add(`{}`, `{"a":{"a":{"a":null}}}`)
	f.Add(`[`, `{`)
	f.Fuzz(func(t *testing.T, text, patch string) {
		once, err := merge([]byte(text), []byte(patch))
		if err != nil {
			if code := codeOf(err); code != Invalid && code != Conflict {
				t.Fatalf("%v", err)
			}
			return
		}
		if !json.Valid(once) {
			t.Fatalf("not JSON: %s", once)
		}
		again, err := merge(once, []byte(patch))
		if err != nil || string(again) != string(once) {
			t.Fatalf("%s\nand again\n%s, %v", once, again, err)
		}
		same, err := merge(once, []byte(`{}`))
		if err != nil || string(same) != string(once) {
			t.Fatalf("%s\nand unchanged\n%s, %v", once, same, err)
		}
	})
}

func TestConditions(t *testing.T) {
	c, ctx := newColony(t)
	path := filepath.Join(c.places.Config, "web")
	const one, two = `{"args":["one"]}`, `{"args":["two"]}`
	is := func(want string) {
		t.Helper()
		if text, _ := os.ReadFile(path); string(text) != want {
			t.Fatalf("the spec is %q, want %q", text, want)
		}
	}
	_, err := c.Put(ctx, "web", []byte(one), Condition{Match: []string{"*"}}, 0)
	wants(t, err, NotFound)
	_, err = c.Patch(ctx, "web", []byte(`{"args":["x"]}`), Condition{}, 0)
	wants(t, err, NotFound)
	w, err := c.Put(ctx, "web", []byte(one), Condition{None: true}, 0)
	if err != nil || !w.Created || w.Hash != Hash([]byte(one)) {
		t.Fatalf("%+v, %v", w, err)
	}
	is(one)
	_, err = c.Put(ctx, "web", []byte(two), Condition{None: true}, 0)
	wants(t, err, Precondition)
	_, err = c.Put(ctx, "web", []byte(two), Condition{Match: []string{Hash([]byte(two)), "x"}}, 0)
	wants(t, err, Precondition)
	wants(t, c.Delete(ctx, "web", Condition{Match: []string{"x"}}, 0), Precondition)
	is(one)
	w, err = c.Put(ctx, "web", []byte(two), Condition{Match: []string{"x", w.Hash}}, 0)
	if err != nil || w.Created {
		t.Fatalf("%+v, %v", w, err)
	}
	is(two)
	_, err = c.Put(ctx, "web", []byte(`{"args":[]}`), Condition{}, 0)
	wants(t, err, Invalid)
	is(two)
	if _, err = c.Patch(ctx, "web", []byte(`{"restart":"never","env":{"A":"<>&","B":null}}`), Condition{Match: []string{w.Hash}}, 0); err != nil {
		t.Fatal(err)
	}
	is("{\n  \"args\": [\n    \"two\"\n  ],\n  \"env\": {\n    \"A\": \"<>&\"\n  },\n  \"restart\": \"never\"\n}\n")
	e := wants(t, func() error { _, err := c.Patch(ctx, "web", []byte("{\n x"), Condition{}, 0); return err }(), Invalid)
	if len(e.Faults) != 1 || e.Faults[0].Line != 2 || e.Faults[0].Column != 2 {
		t.Errorf("%+v", e)
	}
	// Two names of one service: only to remove both helps.
	fixture.Put(t, path+".json", one)
	_, err = c.Put(ctx, "web", []byte(one), Condition{}, 0)
	wants(t, err, Conflict)
	if err := c.Delete(ctx, "web", Condition{}, 0); err != nil {
		t.Fatal(err)
	}
	is("")
	wants(t, c.Delete(ctx, "web", Condition{}, 0), NotFound)
}

// Of many who change what they have read, none undoes what another has done.
func TestConcurrentWriters(t *testing.T) {
	c, ctx := newColony(t)
	if _, err := c.Put(ctx, "web", []byte(`{"args":["x"],"nice":0}`), Condition{}, 0); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var done atomic.Int64
	for range 8 {
		all.Go(func() {
			for range 5 {
				for {
					text, err := c.Spec(ctx, "web")
					if err != nil {
						t.Error(err)
						return
					}
					var s struct{ X int }
					json.Unmarshal(text, &s)
					_, err = c.Patch(ctx, "web", spell(`{"x":%d}`, s.X+1), Condition{Match: []string{Hash(text)}}, 0)
					if err == nil {
						done.Add(1)
						break
					}
					if codeOf(err) != Precondition {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	all.Wait()
	text, _ := c.Spec(ctx, "web")
	var s struct{ X int }
	if json.Unmarshal(text, &s); s.X != 40 || done.Load() != 40 {
		t.Errorf("%d of %d in %s", s.X, done.Load(), text)
	}
}

// A disk that takes no more, and a directory that is none.
func TestWriteFails(t *testing.T) {
	c, ctx := newColony(t)
	if err := syscall.Mkfifo(filepath.Join(c.places.Config, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := c.Put(ctx, "pipe", []byte(`{"args":["x"]}`), Condition{}, 0)
	wants(t, err, Failed)
	os.RemoveAll(c.places.Config)
	fixture.Put(t, c.places.Config, "no directory")
	_, err = c.Put(ctx, "web", []byte(`{"args":["x"]}`), Condition{}, 0)
	wants(t, err, Failed)
	os.RemoveAll(c.places.Messages)
	fixture.Put(t, c.places.Messages, "no directory")
	_, err = c.Send(ctx, Request{Message: rescan})
	wants(t, err, Failed)
	if _, err := c.List(ctx, ListQuery{}); err != nil {
		t.Errorf("what was known: %v", err)
	}
}

// Where nobody is there to wait for, that is said, and the spec is written.
func TestWaitWithoutSupervisor(t *testing.T) {
	c, ctx := newColony(t)
	w, err := c.Put(ctx, "web", []byte(`{"args":["x"]}`), Condition{}, time.Minute)
	wants(t, err, NoSupervisor)
	if w == nil || !w.Created {
		t.Errorf("%+v", w)
	}
	wants(t, c.Delete(ctx, "web", Condition{}, time.Minute), NoSupervisor)
}
