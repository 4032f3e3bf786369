package operations

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

func TestList(t *testing.T) {
	c, ctx := newColony(t)
	for name, text := range map[string]string{
		"web": `{"args":["Nginx","-g"],"group":["front"],"instances":3}`, "db.json": `{"args":["postgres"],"group":["back","front"]}`,
		"bad": `{`, "none": `{"args":["x"],"instances":0}`, "new": `{"args":["x"]}`, ".hidden": `{"args":["x"]}`, "x.bak": `{"args":["x"]}`,
	} {
		fixture.Put(t, filepath.Join(c.places.Config, name), text)
	}
	said := map[string]spec.State{"web@1": spec.Running, "web@2": spec.Running, "web@10": spec.Stopping, "db": spec.Failed, "gone": spec.Stopping, "@log": spec.Running}
	for name, state := range said {
		c.says(t, name, state)
	}
	all := "bad db gone new web@1 web@2 web@3 web@10 @log"
	list := func(q ListQuery) *Page {
		t.Helper()
		page, err := c.List(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	fixture.Eventually(t, "the whole list", func() bool {
		for name, state := range said { // some names are known by their specs before
			if c.view.State(name) != state {
				return false
			}
		}
		return names(list(ListQuery{})) == all
	})
	for _, tt := range []struct {
		q     ListQuery
		want  string
		next  string
		total int
	}{
		{ListQuery{Limit: 2}, "bad db", "db", 9},
		{ListQuery{Limit: 2, After: "db"}, "gone new", "new", 9},
		{ListQuery{Limit: 2, After: "e"}, "gone new", "new", 9}, // which is not there
		{ListQuery{Limit: 2, After: "web@2"}, "web@3 web@10", "web@10", 9},
		{ListQuery{Limit: 1, After: "web@10"}, "@log", "", 9},
		{ListQuery{After: "@log"}, "", "", 9},
		{ListQuery{States: []spec.State{spec.Running}}, "web@1 web@2 @log", "", 3},
		{ListQuery{States: []spec.State{spec.Running, spec.Failed}, Limit: 2}, "db web@1", "web@1", 4},
		{ListQuery{States: []spec.State{spec.Running, spec.Failed}, Limit: 2, After: "web@1"}, "web@2 @log", "", 4},
		{ListQuery{Group: "front"}, "db web@1 web@2 web@3 web@10", "", 5},
		{ListQuery{Group: "fron"}, "", "", 0},
		{ListQuery{Text: "NGINX -G"}, "web@1 web@2 web@3 web@10", "", 4},
		{ListQuery{Text: "O"}, "db gone @log", "", 3},
	} {
		page := list(tt.q)
		if names(page) != tt.want || page.Next != tt.next || page.Total != tt.total {
			t.Errorf("%+v: %q, next %q, of %d; want %q, %q, %d", tt.q, names(page), page.Next, page.Total, tt.want, tt.next, tt.total)
		}
	}
	page := list(ListQuery{})
	if it := page.Services[1]; it.File != "db" || it.Status.State != spec.Failed || fmt.Sprint(it.Groups) != "[back front]" {
		t.Errorf("%+v", it)
	}
	if it := page.Services[3]; it.File != "new" || it.Status != nil {
		t.Errorf("%+v", it)
	}
	if it := page.Services[2]; it.File != "" || it.Status == nil {
		t.Errorf("%+v", it)
	}
	for _, q := range []ListQuery{{Limit: -1}, {Limit: MaxLimit + 1}, {States: []spec.State{"runing"}}} {
		_, err := c.List(ctx, q)
		if e := wants(t, err, Invalid); e.Field == "" {
			t.Errorf("%+v: no field", q)
		}
	}

	// What changes is seen, in a file and in a list.
	c.says(t, "db", spec.Running)
	if s, err := c.Get(ctx, "db"); err != nil || s.Status.State != spec.Running { // at once
		t.Errorf("%+v, %v", s, err)
	}
	os.Remove(c.places.Status("gone"))
	os.Remove(filepath.Join(c.places.Config, "web"))
	fixture.Put(t, filepath.Join(c.places.Config, "db.json"), `{"args":["mysql"],"group":["new"]}`)
	fixture.Eventually(t, "another list", func() bool {
		return names(list(ListQuery{})) == "bad db new web@1 web@2 web@10 @log" && names(list(ListQuery{Group: "new", Text: "mysql"})) == "db"
	})
}

func TestGet(t *testing.T) {
	c, ctx := newColony(t)
	fixture.Put(t, filepath.Join(c.places.Config, "web"), `{"args":["nginx"],"instances":2}`)
	fixture.Put(t, filepath.Join(c.places.Config, "bad"), "{\n \"args\": [1]}")
	fixture.Put(t, filepath.Join(c.places.Config, "torn"), "{")
	fixture.Put(t, filepath.Join(c.places.Config, "two"), "{}")
	fixture.Put(t, filepath.Join(c.places.Config, "two.json"), "{}")
	fixture.Put(t, filepath.Join(c.places.Config, "none"), `{"args":["x"],"instances":0}`)
	for _, name := range []string{"web@1", "web@7", "@log"} {
		c.says(t, name, spec.Running)
	}
	get := func(name string) *Service {
		t.Helper()
		s, err := c.Get(ctx, name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return s
	}
	fixture.Eventually(t, "instances", func() bool { return len(get("web").Instances) == 2 })
	if s := get("web"); s.Status != nil || s.File != "web" || s.Hash != Hash([]byte(`{"args":["nginx"],"instances":2}`)) || s.Instances[1].Name != "web@7" {
		t.Errorf("%+v", s)
	}
	if s := get("web@1"); s.Status == nil || s.File != "web" || s.Spec == nil || len(s.Instances) != 0 {
		t.Errorf("%+v", s)
	}
	if s := get("web@2"); s.Status != nil || s.File != "web" { // to come
		t.Errorf("%+v", s)
	}
	if s := get("bad"); s.Spec == nil || len(s.Faults) != 1 || s.Faults[0] != (Fault{"args[0]", 2, 11, "args[0]: must be a string, not a number"}) {
		t.Errorf("%+v", s)
	}
	if s := get("torn"); s.Spec != nil || len(s.Faults) == 0 || s.Hash == "" {
		t.Errorf("%+v", s)
	}
	if s := get("two"); len(s.Faults) != 1 || s.Hash != "" {
		t.Errorf("%+v", s)
	}
	if s := get("none"); s.File != "none" {
		t.Errorf("%+v", s)
	}
	if s := get("@log"); s.Status == nil || s.File != "" {
		t.Errorf("%+v", s)
	}
	for _, name := range []string{"nobody", "web@3", "web@0", "nobody@1", "@nobody"} {
		_, err := c.Get(ctx, name)
		if codeOf(err) != NotFound && name != "web@0" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"", "..", "../x", "a/b", ".x", "@", "a b", "\x00"} {
		_, err := c.Get(ctx, name)
		wants(t, err, Invalid)
		_, err = c.Put(ctx, name, []byte(`{"args":["x"]}`), Condition{}, 0)
		wants(t, err, Invalid)
		wants(t, c.Delete(ctx, name, Condition{}, 0), Invalid)
		_, err = c.Log(ctx, name, LogQuery{})
		wants(t, err, Invalid)
	}
}

// Each method asks who calls, by itself.
func TestRoles(t *testing.T) {
	c, ctx := newColony(t)
	fixture.Put(t, filepath.Join(c.places.Config, "web"), `{"args":["x"]}`)
	for _, m := range []struct {
		name string
		role Role
		call func(ctx context.Context) error
	}{
		{"List", Reader, func(ctx context.Context) error { _, err := c.List(ctx, ListQuery{}); return err }},
		{"Get", Reader, func(ctx context.Context) error { _, err := c.Get(ctx, "web"); return err }},
		{"Spec", Reader, func(ctx context.Context) error { _, err := c.Spec(ctx, "web"); return err }},
		{"Put", Admin, func(ctx context.Context) error {
			_, err := c.Put(ctx, "web", []byte(`{"args":["x"]}`), Condition{}, 0)
			return err
		}},
		{"Patch", Admin, func(ctx context.Context) error {
			_, err := c.Patch(ctx, "web", []byte(`{}`), Condition{}, 0)
			return err
		}},
		{"Restart", Admin, func(ctx context.Context) error {
			_, err := c.Restart(ctx, Request{Message: spec.Message{Name: "web"}})
			return err
		}},
		{"Start", Admin, func(ctx context.Context) error {
			_, err := c.Start(ctx, Request{Message: spec.Message{Name: "web"}})
			return err
		}},
		{"Stop", Admin, func(ctx context.Context) error {
			_, err := c.Stop(ctx, Request{Message: spec.Message{Name: "web"}})
			return err
		}},
		{"Signal", Admin, func(ctx context.Context) error {
			_, err := c.Signal(ctx, Request{Message: spec.Message{Name: "web", Signal: 1}})
			return err
		}},
		{"Send", Admin, func(ctx context.Context) error {
			_, err := c.Send(ctx, Request{Message: spec.Message{Type: spec.Rescan}})
			return err
		}},
		{"Result", Reader, func(ctx context.Context) error { _, err := c.Result(ctx, "x"); return err }},
		{"Results", Reader, func(ctx context.Context) error { _, err := c.Results(ctx, 0); return err }},
		{"Status", Reader, func(ctx context.Context) error { _, err := c.Status(ctx); return err }},
		{"Events", Reader, func(ctx context.Context) error { _, err := c.Events(ctx, EventQuery{}); return err }},
		{"Follow", Reader, func(ctx context.Context) error { _, err := c.Follow(ctx, EventQuery{}); return err }},
		{"Log", Reader, func(ctx context.Context) error { _, err := c.Log(ctx, "web", LogQuery{}); return err }},
		{"FollowLog", Reader, func(ctx context.Context) error { _, err := c.FollowLog(ctx, "web", LogQuery{}); return err }},
		{"Schemas", Reader, func(ctx context.Context) error { _, err := c.Schemas(ctx); return err }},
		{"Schema", Reader, func(ctx context.Context) error { _, err := c.Schema(ctx, "spec"); return err }},
		{"Matching", Reader, func(ctx context.Context) error { _, err := c.Matching(ctx, ListQuery{}); return err }},
		{"Story", Reader, func(ctx context.Context) error { _, err := c.Story(ctx, "web"); return err }},
		{"History", Reader, func(ctx context.Context) error { _, err := c.History(ctx, "web", 1); return err }},
		{"Heart", Reader, func(ctx context.Context) error { _, err := c.Heart(ctx, "web"); return err }},
		{"Crashes", Reader, func(ctx context.Context) error { _, err := c.Crashes(ctx, "web", 1); return err }},
		{"Ties", Reader, func(ctx context.Context) error { _, err := c.Ties(ctx); return err }},
		{"Check", Admin, func(ctx context.Context) error { _, err := c.Check(ctx, "web", []byte("{}")); return err }},
		{"Delete", Admin, func(ctx context.Context) error { return c.Delete(ctx, "web", Condition{}, 0) }},
	} {
		for _, role := range []Role{Nobody, Reader, Admin} {
			err := m.call(WithCaller(ctx, Caller{"somebody", role}))
			if refused := codeOf(err) == Forbidden; refused != (role < m.role) {
				t.Errorf("%s as %v: %v", m.name, role, err)
			}
		}
		if err := m.call(context.Background()); codeOf(err) != Forbidden {
			t.Errorf("%s without a caller: %v", m.name, err)
		}
	}
}
