//go:build man

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Every command has a page, and the same source makes the same pages.
func TestMan(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "")
	write := func() map[string][]byte {
		t.Helper()
		dir := t.TempDir()
		root := newRoot()
		root.SetArgs([]string{"man", dir})
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		pages := map[string][]byte{}
		for _, e := range entries {
			if pages[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
		return pages
	}
	pages, again := write(), write()
	for _, name := range []string{"ncolony.1", "ncolony-ctl.1", "ncolony-ctl-restart-all.1", "ncolony-heart.1"} {
		if len(pages[name]) == 0 {
			t.Errorf("there is no page %s", name)
		}
	}
	if len(pages["ncolony-man.1"]) != 0 {
		t.Error("what makes the pages has a page itself")
	}
	for name, page := range pages {
		if !bytes.Equal(page, again[name]) {
			t.Errorf("page %s is not the same twice", name)
		}
		if !bytes.Contains(page, []byte(`"1" "" "ncolony"`)) {
			t.Errorf("page %s has a date", name)
		}
	}
}
