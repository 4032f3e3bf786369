// Package programs builds what is measured, and what measures with it: ncolony,
// the two limits (a bare loop in C and one in Go), and the children.
package programs

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed c
var sources embed.FS

// Programs are the paths of what was built.
type Programs struct {
	Ncolony string
	BareC   string // vfork, execve, waitpid; see c/bare.c
	BareGo  string // ForkExec and Wait4; see bench/bare
	Child   string // reports its first instruction, and stays
	Leaver  string // reports it, and ends
	Launch  string // reports that it executes another program
	Orphans string // makes orphans
	Pour    string // writes as fast as it can
}

// In says where they are in a directory.
func In(dir string) Programs {
	at := func(name string) string { return filepath.Join(dir, name) }
	return Programs{Ncolony: at("ncolony"), BareC: at("bare-c"), BareGo: at("bare-go"), Child: at("child"), Leaver: at("leaver"),
		Launch: at("launch"), Orphans: at("orphans"), Pour: at("pour")}
}

// Build builds all of them into a directory. It is to run inside the module.
func Build(dir string) (Programs, error) {
	p := In(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return p, err
	}
	for path, pkg := range map[string]string{p.Ncolony: "./cmd/ncolony", p.Ncolony + "-ctl": "./cmd/ncolony-ctl", p.Ncolony + "-log": "./cmd/ncolony-log", p.BareGo: "./bench/bare"} {
		if err := run([]string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, pkg); err != nil {
			return p, err
		}
	}
	return p, compile(p)
}

// Compile builds those in C only.
func Compile(dir string) (Programs, error) {
	p := In(dir)
	return p, compile(p)
}

func compile(p Programs) error {
	src, err := os.MkdirTemp("", "ncolony-bench-src")
	if err != nil {
		return err
	}
	defer os.RemoveAll(src)
	if err := os.CopyFS(src, sources); err != nil {
		return err
	}
	for _, c := range []struct {
		out, source string
		flags       []string
	}{
		{p.BareC, "bare.c", nil},
		{p.Orphans, "orphans.c", nil},
		{p.Pour, "pour.c", nil},
		{p.Child, "child.c", []string{"-nostdlib"}},
		{p.Leaver, "child.c", []string{"-nostdlib", "-DLEAVE"}},
		{p.Launch, "launch.c", []string{"-nostdlib"}},
	} {
		args := append([]string{"-static", "-O2", "-s", "-Wall", "-o", c.out}, c.flags...)
		if err := run(nil, "gcc", append(args, filepath.Join(src, "c", c.source))...); err != nil {
			return err
		}
	}
	return nil
}

func run(env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
