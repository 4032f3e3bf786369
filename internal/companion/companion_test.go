package companion

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for file, mode := range map[string]os.FileMode{"ncolony-run": 0o755, "ncolony-data": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, file), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "ncolony-dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	t.Setenv("PATH", ".::/nonexistent")
	if got := Find("run"); got != "" {
		t.Errorf("found %q by way of the working directory", got)
	}
	t.Setenv("PATH", "/nonexistent:"+dir)
	for name, want := range map[string]string{
		"run": filepath.Join(dir, "ncolony-run"), "data": "", "dir": "", "none": "",
		"../" + filepath.Base(dir) + "/run": "",
	} {
		if got := Find(name); got != want {
			t.Errorf("Find(%q) = %q, want %q", name, got, want)
		}
	}
}
