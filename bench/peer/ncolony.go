package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// ncolony is the one this is all about.
type ncolony struct{ program string }

func (n *ncolony) Name() string       { return "ncolony" }
func (n *ncolony) Programs() []string { return []string{n.program} }

func (n *ncolony) Setup(c Colony) error {
	if err := os.MkdirAll(n.places(c).Config, 0o755); err != nil {
		return err
	}
	text := n.spec(c)
	for i := range c.N {
		if err := os.WriteFile(filepath.Join(n.places(c).Config, Name(i)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (n *ncolony) Command(c Colony) []string {
	return []string{n.program, "--root", c.Dir, "--no-helpers"}
}

func (n *ncolony) places(c Colony) ctl.Places {
	return ctl.Places{Config: filepath.Join(c.Dir, "config"), Messages: filepath.Join(c.Dir, "messages"), State: filepath.Join(c.Dir, "state")}
}

func (n *ncolony) spec(c Colony) []byte {
	keys := map[string]any{"args": c.Child}
	var names []string
	for _, e := range c.Env {
		name, _, _ := strings.Cut(e, "=")
		names = append(names, name)
	}
	if names != nil {
		keys["env_inherit"] = names
	}
	if c.Eager {
		keys["backoff"] = map[string]any{"min": 0}
	}
	text, _ := json.Marshal(keys) // strings and numbers only
	return text
}

func (n *ncolony) Prepare(c Colony, i int) error {
	return os.WriteFile(filepath.Join(n.places(c).Config, "."+Name(i)), n.spec(c), 0o644)
}

func (n *ncolony) Add(_ context.Context, c Colony, i, _ int, _ Run) error {
	dir := n.places(c).Config
	return os.Rename(filepath.Join(dir, "."+Name(i)), filepath.Join(dir, Name(i)))
}

func (n *ncolony) Upgrade(ctx context.Context, c Colony) error {
	file, err := ctl.Send(n.places(c), spec.Message{Type: spec.Upgrade, Path: n.program})
	if err != nil {
		return err
	}
	r, err := ctl.Wait(ctx, n.places(c), file)
	if err == nil && !r.OK {
		err = fmt.Errorf("upgrade: %s", r.Error)
	}
	return err
}

func (n *ncolony) Adopted(ctx context.Context, c Colony, pid, services int) error {
	for {
		st, err := ctl.Colony(n.places(c))
		if err == nil && st.PID == pid && st.Counts[spec.Running] == services {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the adoption of %d services: %w", services, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}
