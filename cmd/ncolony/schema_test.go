package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/docs/schema"
	"github.com/ncolony/ncolony-go/internal/cli"
	"github.com/ncolony/ncolony-go/internal/fixture"
)

// TestSchemaDefaults: the defaults that a schema names are those of the flags.
func TestSchemaDefaults(t *testing.T) {
	type property struct{ Default any }
	type object struct{ Properties map[string]property }
	var s struct {
		Defs map[string]object `json:"$defs"`
	}
	text, _ := schema.Get("spec")
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	flags := superviseFlags(&cli.SuperviseFlags{})
	for key, flag := range map[string]string{
		"backoff.min": "minrestartdelay", "backoff.max": "maxrestartdelay", "backoff.threshold": "threshold", "stop.grace": "killtime",
	} {
		of, name, _ := strings.Cut(key, ".")
		got, err := spec.ParseDuration(fmt.Sprint(s.Defs[of].Properties[name].Default))
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if want := flags.Lookup(flag).Value.String(); got.String() != want {
			t.Errorf("%s: the schema's default is %s, that of --%s is %s", key, got, flag, want)
		}
	}
}

// compileSchemas makes a validator of each schema.
func compileSchemas(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	all := map[string]*jsonschema.Schema{}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, name := range schema.Names {
		text, _ := schema.Get(name)
		tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err == nil {
			err = c.AddResource(name+".json", tree)
		}
		if err == nil {
			all[name], err = c.Compile(name + ".json")
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return all
}

// TestWhatIsWritten: every file that a supervisor and the command line write
// is as its schema says.
func TestWhatIsWritten(t *testing.T) {
	ncolony, err := exec.LookPath("ncolony") // where testscript has put it
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", os.Getenv("PATH")+string(filepath.ListSeparator)+buildPrograms(t))
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	p := spec.Places{Config: filepath.Join(root, "config"), Messages: filepath.Join(root, "messages"), State: filepath.Join(root, "state")}
	for file, text := range map[string]string{
		"config/web":      `{"$schema": "any", "args": ["sleep", "1000"], "group": ["g"], "odd": 1}`,
		"config/fails":    `{"args": ["sh", "-c", "exit 3"], "restart": "never"}`,
		"config/dies":     `{"args": ["sh", "-c", "kill -9 $$"], "backoff": {"min": 100}}`,
		"config/none":     `{"args": ["/nonexistent/program"], "backoff": {"min": 100}}`,
		"config/bad":      `{"args": []}`,
		"config/a b":      `{}`,
		"messages/broken": `{`,
	} {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	supervisor := exec.Command(ncolony, "--root", root, "--no-helpers")
	supervisor.Stderr = &log
	if err := supervisor.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		endSupervisors(t, dir)
		supervisor.Process.Kill() // if it has never come so far as to have a lock
		supervisor.Wait()
		if t.Failed() {
			t.Logf("[supervisor]\n%s", &log)
		}
	})
	schemas := compileSchemas(t)

	reached := map[string]spec.State{"web": spec.Running, "fails": spec.Exited, "dies": spec.Backingoff, "none": spec.Backingoff, "bad": spec.Invalid}
	fixture.Eventually(t, "all services are where they shall get", func() bool {
		statuses, _ := ctl.Status(p)
		got := map[string]spec.State{}
		for _, st := range statuses {
			got[st.Name] = st.State
		}
		return cmp.Equal(got, reached)
	})
	seen := map[string]int{}
	holdFiles(t, schemas, p, seen)
	for _, args := range [][]string{
		{"restart", "web"}, {"restart", "nope"}, {"restart-all"}, {"restart-group", "g"}, {"signal", "web", "CONT"}, {"stop", "web"}, {"start", "web"}, {"rescan"},
		{"add", "more", "--cmd=sleep", "--arg=1000", "--env=A=B", "--uid=0", "--stop-grace=2", "--restart=on-failure", "--extras={\"a.b\": 1}"},
	} {
		// What is refused is of interest, too.
		out, err := exec.Command(ncolony, append([]string{"--root", root, "ctl"}, append(args, "--wait")...)...).CombinedOutput()
		if code := fixture.ExitCode(err); code != exitDone && code != 3 /* no such service */ && code != exitFailed {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
	fixture.Eventually(t, "the broken message has its answer", func() bool {
		_, err := os.Stat(p.Result("broken"))
		return err == nil
	})
	holdFiles(t, schemas, p, seen)
	out, err := exec.Command(ncolony, "--root", root, "ctl", "shutdown", "--wait").CombinedOutput()
	if err != nil {
		t.Errorf("shutdown: %v\n%s", err, out)
	}
	holdFiles(t, schemas, p, seen)
	for name, least := range map[string]int{"spec": 14, "status": 10, "result": 9, "event": 20, "colony": 3} {
		if seen[name] < least {
			t.Errorf("%s: only %d were seen", name, seen[name])
		}
	}
}

// holdFiles holds the files of a colony against their schemas, and counts them.
func holdFiles(t *testing.T, schemas map[string]*jsonschema.Schema, p spec.Places, seen map[string]int) {
	t.Helper()
	hold := func(name, path string, text []byte) {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err == nil {
			err = schemas[name].Validate(value)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", path, err, text)
		}
		seen[name]++
	}
	for name, pattern := range map[string]string{
		"spec": p.Config + "/[^ab]*", "status": p.Status("*"), "result": p.Result("*"), "event": p.EventsDir() + "/current.jsonl", "colony": p.Colony(), "heart": p.Heart("*"),
	} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if os.IsNotExist(err) {
				continue // replaced or removed meanwhile
			}
			if err != nil {
				t.Error(err)
				continue
			}
			if name != "event" {
				hold(name, path, text)
				continue
			}
			lines := bytes.Split(text, []byte("\n"))
			for _, line := range lines[:len(lines)-1] { // a line without its end is not written yet
				hold(name, path, line)
			}
		}
	}
}
