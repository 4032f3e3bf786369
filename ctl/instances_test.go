package ctl

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func TestServicesOf(t *testing.T) {
	p := newPlaces(t)
	write(t, filepath.Join(p.Config, "web.json"), `{"args": ["x"], "instances": 2}`)
	write(t, filepath.Join(p.Config, "idle"), `{"args": ["x"], "instances": 0}`)
	write(t, filepath.Join(p.Config, "bad"), `{`)
	write(t, filepath.Join(p.Config, "db"), good)
	for _, name := range []string{"web@1", "web@2", "web@10", "bad@2", "bad@10", "idle", "gone@1"} { // not in order
		publish(t, p.Status(name), spec.Status{Name: name})
	}
	for name, want := range map[string][]string{
		"web":    {"web@1", "web@2"},
		"web@2":  {"web@2"},
		"idle":   {"idle"},
		"bad":    {"bad@2", "bad@10"},
		"db":     {"db"},
		"gone":   {"gone@1"},
		"nobody": {"nobody"},
	} {
		if diff := cmp.Diff(want, Services(p, name)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	all, err := Status(p, "web", "web@1", "bad")
	if diff := cmp.Diff([]string{"web@1", "web@2", "web@10", "web@1", "bad@2", "bad@10"}, names(all)); diff != "" || err != nil {
		t.Error(diff, err)
	}
	var seen Seen
	all, changed, err := seen.Look(p, "web")
	if diff := cmp.Diff([]string{"web@1", "web@2", "web@10"}, names(all)); diff != "" || len(changed) != 3 || err != nil {
		t.Error(diff, changed, err)
	}
	for name, want := range map[string]error{"web": nil, "web@1": nil, "web@3": ErrNoService, "web@10": nil, "gone": nil, "db@1": ErrNoService, "idle@1": ErrNoService} {
		if err := Known(p, name); err != want {
			t.Errorf("Known(%q) = %v, want %v", name, err, want)
		}
	}
}

func TestStopNoteOfAll(t *testing.T) {
	p := newPlaces(t)
	write(t, filepath.Join(p.StoppedDir(), "web"), `{"by": "all"}`)
	write(t, filepath.Join(p.StoppedDir(), "web@2"), `{"by": "one"}`)
	for name, by := range map[string]string{"web": "all", "web@1": "all", "web@2": "one"} {
		if note, err := StopNote(p, name); err != nil || note.By != by {
			t.Errorf("%s: %v, %v; want %q", name, note, err, by)
		}
	}
}

func TestEventsOfAll(t *testing.T) {
	o := EventOptions{Names: []string{"web"}}
	for name, want := range map[string]bool{"web": true, "web@1": true, "web@x": false, "webb": false, "": false} {
		if got := o.wants(&spec.Event{Name: name}); got != want {
			t.Errorf("events of web: %q: %v", name, got)
		}
	}
	o.Names[0] = "web@1"
	if !o.wants(&spec.Event{Name: "web@1"}) || o.wants(&spec.Event{Name: "web@2"}) || o.wants(&spec.Event{Name: "web"}) {
		t.Error("events of web@1 are not those of web@1")
	}
}

// TestScale: the number changes, and nothing else.
func TestScale(t *testing.T) {
	for before, want := range map[string]string{
		`{"args":["x"],"instances":2}`:                                   `{"args":["x"],"instances":7}`,
		`{"instances" :  1.0e1 , "args":["instances"]}`:                  `{"instances" :  7 , "args":["instances"]}`,
		`{"x.y":{"instances":3,"a":[{"instances":4}]},"args":["x"]}`:     `{"x.y":{"instances":3,"a":[{"instances":4}]},"args":["x"], "instances": 7}`,
		"{\n    \"args\": [\"x\"],\n    \"env\": {\"a\": \"}\"}\n}\n":    "{\n    \"args\": [\"x\"],\n    \"env\": {\"a\": \"}\"},\n    \"instances\": 7\n}\n",
		`{"args":["instances"],"group":["instances"],"restart":"never"}`: `{"args":["instances"],"group":["instances"],"restart":"never", "instances": 7}`,
		"{\"args\":[\"x\"],\r\n\"in\\u0073tances\":0}":                   "{\"args\":[\"x\"],\r\n\"in\\u0073tances\":7}",
	} {
		p := newPlaces(t)
		path := filepath.Join(p.Config, "web.json")
		write(t, path, before)
		content, err := Scale(p, "web", 7)
		now, _, _ := Spec(p, "web")
		if err != nil || string(content) != want || string(now) != want {
			t.Errorf("%s\nbecomes %s (%v)\nwant    %s", before, now, err, want)
		}
	}
	p := newPlaces(t)
	if _, err := Scale(p, "web", 1); !errors.Is(err, ErrNoService) {
		t.Errorf("no file: %v", err)
	}
	for _, bad := range []string{`{"args":[]}`, `{`, `{"args":["x"],"main":true}`} {
		write(t, filepath.Join(p.Config, "web"), bad)
		if _, err := Scale(p, "web", 1); err == nil {
			t.Errorf("%s was scaled", bad)
		}
		if now, _, _ := Spec(p, "web"); string(now) != bad {
			t.Errorf("%s has become %s", bad, now)
		}
	}
}
