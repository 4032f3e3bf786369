package peer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// pebble is one process, which reads layers of a plan.
type pebble struct{ program string }

func findPebble() Peer {
	if program := find("pebble"); program != "" {
		return &pebble{program}
	}
	return nil
}

func (p *pebble) Name() string       { return "pebble" }
func (p *pebble) Programs() []string { return []string{p.program} }

func (p *pebble) Setup(c Colony) error {
	layers := filepath.Join(c.Dir, "layers")
	if err := os.MkdirAll(layers, 0o755); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("summary: a colony\nservices:\n")
	for i := range c.N {
		b.WriteString(p.service(c, i))
	}
	return os.WriteFile(filepath.Join(layers, "001-colony.yaml"), []byte(b.String()), 0o644)
}

func (p *pebble) service(c Colony, i int) string {
	return fmt.Sprintf("  %s:\n    override: replace\n    command: %s\n    startup: enabled\n    on-success: restart\n    on-failure: restart\n    backoff-delay: 1ms\n    backoff-factor: 1.0\n",
		Name(i), strings.Join(c.Child, " "))
}

func (p *pebble) Command(c Colony) []string {
	return []string{"/usr/bin/env", "PEBBLE=" + c.Dir, p.program, "run"}
}

func (p *pebble) Prepare(c Colony, i int) error {
	return os.WriteFile(filepath.Join(c.Dir, Name(i)+".yaml"), []byte("services:\n"+p.service(c, i)), 0o644)
}

func (p *pebble) Add(ctx context.Context, c Colony, i, _ int, run Run) error {
	env := []string{"PEBBLE=" + c.Dir}
	if err := run(ctx, []string{p.program, "add", Name(i), filepath.Join(c.Dir, Name(i)+".yaml")}, env); err != nil {
		return err
	}
	return run(ctx, []string{p.program, "replan"}, env)
}
