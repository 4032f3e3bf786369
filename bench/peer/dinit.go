package peer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// dinit is one process; what is to run at its start hangs on the service "boot".
type dinit struct{ dinit, control string }

func findDinit() Peer {
	p := &dinit{find("dinit"), find("dinitctl")}
	if p.dinit == "" || p.control == "" {
		return nil
	}
	return p
}

func (d *dinit) Name() string       { return "dinit" }
func (d *dinit) Programs() []string { return []string{d.dinit} }

func (d *dinit) Setup(c Colony) error {
	services := filepath.Join(c.Dir, "services")
	boot := filepath.Join(c.Dir, "boot.d")
	for _, dir := range []string{services, boot} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for i := range c.N {
		if err := d.Prepare(c, i); err != nil {
			return err
		}
		if err := os.Symlink(filepath.Join(services, Name(i)), filepath.Join(boot, Name(i))); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(services, "boot"), fmt.Appendf(nil, "type = internal\nwaits-for.d = %s\n", boot), 0o644)
}

func (d *dinit) Command(c Colony) []string {
	return []string{d.dinit, "--user", "--quiet", "--socket-path", d.socket(c), "--services-dir", filepath.Join(c.Dir, "services"), "boot"}
}

func (d *dinit) socket(c Colony) string { return filepath.Join(c.Dir, "socket") }

// Prepare writes a service. One whose restarts are neither delayed nor counted.
func (d *dinit) Prepare(c Colony, i int) error {
	text := fmt.Sprintf("type = process\ncommand = %s\nrestart = yes\nrestart-delay = 0\nrestart-limit-count = 0\n", strings.Join(c.Child, " "))
	return os.WriteFile(filepath.Join(c.Dir, "services", Name(i)), []byte(text), 0o644)
}

func (d *dinit) Add(ctx context.Context, c Colony, i, _ int, run Run) error {
	return run(ctx, []string{d.control, "--socket-path", d.socket(c), "start", Name(i)}, nil)
}
