package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ncolony/ncolony-go/internal/terminal"
)

// An editor may have arguments; a shell takes them apart where there is one.
func TestEditorCommand(t *testing.T) {
	with := editorCommand(`code --wait "a  b"`, "/tmp/x y.json")
	want := []string{with.Path, "-c", `code --wait "a  b" "$@"`, `code --wait "a  b"`, "/tmp/x y.json"}
	if diff := cmp.Diff(want, with.Args); diff != "" {
		t.Errorf("with a shell (-want +got):\n%s", diff)
	}
	t.Setenv("PATH", t.TempDir())
	without := editorCommand("code --wait", "/tmp/x y.json")
	if diff := cmp.Diff([]string{"code", "--wait", "/tmp/x y.json"}, without.Args); diff != "" {
		t.Errorf("without a shell (-want +got):\n%s", diff)
	}
}

// What is no terminal is not coloured, and nobody is asked anything there.
func TestIsTerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if terminal.Is(null) || wantsColour(null) {
		t.Error("/dev/null is taken for a terminal")
	}
}
