package ctl

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/colony/spec"
)

func TestStatus(t *testing.T) {
	p := newPlaces(t)
	if all, err := Status(p); len(all) != 0 || err != nil {
		t.Errorf("no state: got %v, %v", all, err)
	}
	for _, name := range []string{"web", "@log", "web@2", "api"} {
		publish(t, p.Status(name), spec.Status{Name: name})
	}
	write(t, filepath.Join(p.StatusDir(), ".tmp-1.json"), "half of")
	all, err := Status(p)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"api", "web", "web@2", "@log"}, names(all)); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
	all, err = Status(p, "web", "nope", "api")
	if diff := cmp.Diff([]string{"web", "web@2", "api"}, names(all)); diff != "" {
		t.Errorf("named (-want +got):\n%s", diff)
	}
	if !errors.Is(err, ErrNoService) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want %v", err, ErrNoService)
	}
	write(t, p.Status("bad"), "{")
	if all, err := Status(p); len(all) != 4 || err == nil {
		t.Errorf("a bad one: got %v, %v, want the others and an error", names(all), err)
	}
	if _, err := Status(p, "../status/web"); err == nil {
		t.Error("a name with a slash was read")
	}
}

func names(all []spec.Status) (names []string) {
	for _, st := range all {
		names = append(names, st.Name)
	}
	return names
}

func TestKnown(t *testing.T) {
	p := newPlaces(t)
	write(t, filepath.Join(p.Config, "a.json"), good)
	publish(t, p.Status("@log"), spec.Status{})
	for name, want := range map[string]error{"a": nil, "@log": nil, "b": ErrNoService} {
		if err := Known(p, name); err != want {
			t.Errorf("Known(%q) = %v, want %v", name, err, want)
		}
	}
	if _, ok := errors.AsType[*NameError](Known(p, "a.json")); !ok {
		t.Error("the name of a file is taken for a service")
	}
}
