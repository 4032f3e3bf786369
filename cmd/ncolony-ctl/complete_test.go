package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// completions are what a shell offers for the last of args.
func completions(t *testing.T, args ...string) []string {
	t.Helper()
	root := newRoot()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&bytes.Buffer{})
	root.SetArgs(append([]string{cobra.ShellCompNoDescRequestCmd}, args...))
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		// Whether it begins as what was typed is for the shell to ask.
		if !strings.HasPrefix(line, ":") && strings.HasPrefix(line, args[len(args)-1]) {
			words = append(words, line)
		}
	}
	return words
}

func TestCompletion(t *testing.T) {
	root := t.TempDir()
	t.Setenv("NCOLONY_ROOT", filepath.Join(root, "elsewhere"))
	if err := os.MkdirAll(filepath.Join(root, "config", "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		"web.json": `{"args": ["web"], "group": ["front", "all"]}`,
		"api":      `{"args": ["api"], "group": ["all"]}`,
		"broken":   `{`,
		"api~":     `{"args": ["api"], "group": ["old"]}`,
		"not good": ``,
	} {
		if err := os.WriteFile(filepath.Join(root, "config", file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	say(t, root, spec.Status{Name: "@heartcheck"})
	say(t, root, spec.Status{Name: "web"})
	all := []string{"@heartcheck", "api", "broken", "web"}
	for _, tc := range []struct {
		args string // behind --root; the last word is what is being typed
		want []string
	}{
		{"ctl ev", []string{"events"}},
		{"ctl restart ", all},
		{"ctl restart w", []string{"web"}},
		{"ctl restart web ", []string{"@heartcheck", "api", "broken"}},
		{"ctl restart --name ", all},
		{"ctl status ", all},
		{"ctl explain ", all},
		{"ctl edit ", all},
		{"ctl show ", all},
		{"ctl remove ", all},
		{"ctl events a", []string{"api"}},
		{"ctl wait ", all},
		{"ctl wait --for ", []string{"ready", "running", "exited", "gone"}},
		{"ctl wait --for e", []string{"exited"}},
		{"ctl add new --after ", []string{"api", "broken", "web"}},
		{"ctl add new --requires w", []string{"web"}},
		{"ctl add new --ready f", []string{"fd=", "file="}},
		{"ctl add new --rlimit no", []string{"nofile="}},
		{"ctl add new --capability NET_B", []string{"NET_BIND_SERVICE", "NET_BROADCAST"}},
		{"ctl add new --capability n", []string{"none"}},
		{"ctl add new --limit-then ", []string{"fail", "shutdown", "retry="}},
		{"ctl ready ", all},
		{"ctl signal w", []string{"web"}},
		{"ctl signal web U", []string{"USR1", "USR2"}},
		{"ctl signal --name web H", []string{"HUP"}},
		{"ctl signal web HUP ", nil},
		{"ctl restart-group ", []string{"all", "front"}},
		{"ctl restart-group --group f", []string{"front"}},
		{"completion ", []string{"bash", "zsh", "fish", "powershell"}},
	} {
		got := completions(t, append([]string{"--root", root}, strings.Split(tc.args, " ")...)...)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tc.args, diff)
		}
	}
}

// Every shell gets a script.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		root := newRoot()
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetArgs([]string{"completion", shell})
		if err := root.Execute(); err != nil || !strings.Contains(out.String(), "ncolony") {
			t.Errorf("%s: %d bytes, error %v", shell, out.Len(), err)
		}
	}
}

// Every command says in its help how it is used, and every verb which exit codes
// it has.
func TestHelp(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		for _, below := range c.Commands() {
			visit(below)
		}
		if c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for _, line := range strings.Split(c.Example, "\n") {
			if !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: example %q is not indented", c.CommandPath(), line)
			}
		}
		for _, line := range strings.Split(c.Long, "\n") {
			if len(line) > 85 {
				t.Errorf("%s: line of %d characters: %q", c.CommandPath(), len(line), line)
			}
		}
		if c.HasParent() && c.Parent().Name() == "ctl" && c.Name() != "schema" && !strings.Contains(c.Long, "Exit codes: ") {
			t.Errorf("%s does not tell its exit codes", c.CommandPath())
		}
	}
	visit(newRoot())
}
