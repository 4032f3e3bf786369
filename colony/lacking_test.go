package colony

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// What `ctl plan` says that a machine lacks is what a start would fail for: both
// look in the same places.
func TestLackingIsWhatAStartMisses(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file("bin/prog", "#!/bin/sh\n", 0o755)
	file("bin/plain", "", 0o644)
	file("bin/sub/any", "", 0o755)
	file("more/plain", "", 0o755)
	file("ours/own", "", 0o755)
	env := file("env", "PATH="+dir+"/bin\n", 0o644)
	empty := file("empty", "X=1\n", 0o644)
	torn := file("torn", "=\n", 0o644)
	t.Setenv("PATH", dir+"/ours:bin")
	bin := fmt.Sprintf(`"env": {"PATH": "%s/bin"}`, dir)
	p := &preparer{accounts: launch.System(), vault: vault{colony: "c0ffee", disk: t.TempDir() + "/credentials"}}
	lacks := 0
	for _, text := range []string{
		`"args": ["own"]`, `"args": ["prog"]`, `"args": ["prog"], ` + bin, `"args": ["own"], ` + bin,
		`"args": ["plain"], ` + bin, `"args": ["sub"], ` + bin,
		fmt.Sprintf(`"args": ["plain"], "env": {"PATH": "%s/bin:%s/more"}`, dir, dir),
		fmt.Sprintf(`"args": ["prog"], "env": {"PATH": "bin"}, "cwd": "%s"`, dir),
		fmt.Sprintf(`"args": ["prog"], "cwd": "%s"`, dir), // "bin" in our PATH is not in its directory
		`"args": ["prog"], "env": {"PATH": "bin"}`, `"args": ["own"], "env": {"PATH": ""}`, `"args": ["own"], "env": {"PATH": ":"}`,
		fmt.Sprintf(`"args": ["own"], "env": {"PATH": ""}, "cwd": "%s"`, dir),
		fmt.Sprintf(`"args": ["prog"], "env_file": ["%s"]`, env),
		fmt.Sprintf(`"args": ["own"], "env_file": ["%s"]`, env),
		fmt.Sprintf(`"args": ["own"], "env_file": ["%s"]`, empty),
		fmt.Sprintf(`"args": ["own"], "env_file": ["%s"]`, torn),
		fmt.Sprintf(`"args": ["own"], "env_file": ["%s/none"]`, dir),
		fmt.Sprintf(`"args": ["own"], "env_file": ["-%s/none"]`, dir),
		fmt.Sprintf(`"args": ["own"], "env_file": ["%s"]`, dir),
		fmt.Sprintf(`"args": ["prog"], "env_file": ["%s"], "env": {"PATH": "/nonexistent"}`, env),
		fmt.Sprintf(`"args": ["own"], "env_file": ["%s"], "env_inherit": ["PATH"]`, env),
		`"args": ["prog"], "env_inherit": ["PATH"], ` + bin,
		`"args": ["own"], "user": "root"`, `"args": ["own"], "user": "0"`, `"args": ["own"], "user": "987654321"`, `"args": ["own"], "uid": 987654321`,
		`"args": ["own"], "user": "no such user"`,
		`"args": ["own"], "groups": ["root", "17"]`, `"args": ["own"], "groups": ["no such group"]`, `"args": ["own"], "groups": []`,
		fmt.Sprintf(`"args": ["own"], "credentials": {"a": "%s"}`, env), fmt.Sprintf(`"args": ["own"], "credentials": {"a": "%s/none"}`, dir),
		fmt.Sprintf(`"args": ["own"], "credentials": {"a": "%s"}`, dir),
	} {
		sp, err := spec.Parse([]byte("{" + text + "}"))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		_, misses := p.prepare(spawn{spec: sp, life: lifeID{"web", 1}})
		if said := ctl.Lacking(sp); (len(said) > 0) != (misses != nil) {
			t.Errorf("%s: a start would miss: %v; ctl says %q", text, misses, strings.Join(said, "; "))
		} else if misses != nil {
			lacks++
		}
	}
	if lacks < 10 {
		t.Errorf("only %d of them lack anything", lacks)
	}
}
