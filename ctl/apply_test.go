package ctl

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A spec that somebody changes after the plan was made is not overwritten,
// whichever way it was changed, and nor is anything else.
func TestApplyConcurrentChange(t *testing.T) {
	const theirs = `{"args": ["theirs"]}`
	for name, change := range map[string]func(t *testing.T, p Places){
		"edited":                func(t *testing.T, p Places) { write(t, filepath.Join(p.Config, "b"), theirs) },
		"removed":               func(t *testing.T, p Places) { remove(t, filepath.Join(p.Config, "b")) },
		"created":               func(t *testing.T, p Places) { write(t, filepath.Join(p.Config, "c"), theirs) },
		"created with a suffix": func(t *testing.T, p Places) { write(t, filepath.Join(p.Config, "c.json"), theirs) },
		"clashes":               func(t *testing.T, p Places) { write(t, filepath.Join(p.Config, "b.json"), theirs) },
		"moved": func(t *testing.T, p Places) {
			rename(t, filepath.Join(p.Config, "b"), filepath.Join(p.Config, "b.json"))
		},
		"edited, to be removed":  func(t *testing.T, p Places) { write(t, filepath.Join(p.Config, "old"), theirs) },
		"removed, to be removed": func(t *testing.T, p Places) { remove(t, filepath.Join(p.Config, "old")) },
	} {
		t.Run(name, func(t *testing.T) {
			p, dir := newPlaces(t), t.TempDir()
			for _, name := range []string{"a", "b", "old"} {
				write(t, filepath.Join(p.Config, name), good)
			}
			for _, name := range []string{"a", "b", "c"} {
				write(t, filepath.Join(dir, name), other)
			}
			plan := planned(t, p, dir, true)
			change(t, p)
			before := tree(t, p.Config)
			err := plan.Apply(p)
			failed, ok := errors.AsType[*ApplyError](err)
			if !ok || failed.Done != 0 || !errors.Is(err, ErrChanged) && !errors.Is(err, ErrClash) {
				t.Errorf("%v", err)
			}
			if d := cmp.Diff(before, tree(t, p.Config)); d != "" {
				t.Errorf("written all the same:\n%s", d)
			}
		})
	}
}

// One that is changed while others are being written is not overwritten either;
// what was done before stays, and a new plan goes on from there.
func TestApplyStopsHalfWay(t *testing.T) {
	p, dir := newPlaces(t), t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		write(t, filepath.Join(p.Config, name), good)
		write(t, filepath.Join(dir, name), other)
	}
	write(t, filepath.Join(p.Config, "old"), good)
	plan := planned(t, p, dir, true)
	// The write of a is what changes b: they are one file below two names until
	// the first is replaced, and the last write of it comes from us.
	remove(t, filepath.Join(p.Config, "a"))
	if err := os.Symlink(filepath.Join(p.Config, "link"), filepath.Join(p.Config, "a")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(p.Config, "link"), good)
	remove(t, filepath.Join(p.Config, "b"))
	if err := os.Symlink("a", filepath.Join(p.Config, "b")); err != nil {
		t.Fatal(err)
	}
	err := plan.Apply(p)
	failed, ok := errors.AsType[*ApplyError](err)
	if !ok || failed.Name != "b" || failed.Done != 1 || !errors.Is(err, ErrChanged) {
		t.Fatalf("%v", err)
	}
	want := map[string]string{"a": other, "b": other, "c": good, "link": good, "old": good}
	if d := cmp.Diff(want, tree(t, p.Config)); d != "" {
		t.Error(d)
	}
	remove(t, filepath.Join(p.Config, "link"))
	again := planned(t, p, dir, true)
	if err := again.Apply(p); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"a": other, "b": other, "c": other}, tree(t, p.Config)); d != "" {
		t.Error(d)
	}
}

// A new file is as secret as its source, and nobody else may write it; one that
// is there keeps its mode and its suffix.
func TestApplyModes(t *testing.T) {
	p, dir := newPlaces(t), t.TempDir()
	for name, mode := range map[string]os.FileMode{"secret": 0o600, "open": 0o666, "group": 0o640, "kept.json": 0o640, "only": 0o444} {
		write(t, filepath.Join(dir, name), other)
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(p.Config, "kept"), good)
	if err := os.Chmod(filepath.Join(p.Config, "kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := planned(t, p, dir, false).Apply(p); err != nil {
		t.Fatal(err)
	}
	got := map[string]os.FileMode{}
	for name := range tree(t, p.Config) {
		fi, err := os.Stat(filepath.Join(p.Config, name))
		if err != nil {
			t.Fatal(err)
		}
		got[name] = fi.Mode()
	}
	want := map[string]os.FileMode{"secret": 0o600, "open": 0o644, "group": 0o640, "kept": 0o600, "only": 0o644}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestApplyLock(t *testing.T) {
	p, dir := newPlaces(t), t.TempDir()
	write(t, filepath.Join(dir, "a"), good)
	plan := planned(t, p, dir, false)
	if err := os.MkdirAll(p.Config, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(p.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if err := plan.Apply(p); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), p.Config) {
		t.Errorf("beside another: %v", err)
	}
	f.Close()
	if err := plan.Apply(p); err != nil {
		t.Error(err)
	}
	if err := planned(t, p, dir, false).Apply(p); err != nil { // the lock is given back
		t.Error(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
