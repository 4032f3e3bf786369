// Package systemd holds the unit in this directory against systemd and against
// itself.
package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
)

const binary = "/usr/local/bin/ncolony"

func unit(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("ncolony.service")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestVerify: systemd finds nothing to say about the unit.
func TestVerify(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skipf("no systemd here: %v", err)
	}
	// systemd asks whether the program is there; nothing runs it.
	dir := t.TempDir()
	program := filepath.Join(dir, "ncolony")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	verify := func(text string) (said string) {
		copied := filepath.Join(dir, "ncolony.service")
		if err := os.WriteFile(copied, []byte(strings.ReplaceAll(text, binary, program)), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(analyze, "verify", "--man=no", copied).CombinedOutput()
		// It looks at the units that ours refers to as well, whose faults are not
		// ours.
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "ncolony") && !strings.Contains(line, "'DelegateSubgroup'") { // not known to older ones
				said += line
			}
		}
		if said == "" && err != nil {
			t.Skipf("systemd-analyze verify: %v\n%s", err, out)
		}
		return said
	}
	text := unit(t)
	if said := verify(text); said != "" {
		t.Error(said)
	}
	if said := verify(strings.Replace(text, "KillMode=", "KilMode=", 1)); !strings.Contains(said, "KilMode") {
		t.Errorf("of a key that does not exist it says only %q; does it look at all?", said)
	}
}

// TestBudget: the supervisor is done before systemd loses patience.
func TestBudget(t *testing.T) {
	values := map[string]string{}
	for line := range strings.Lines(unit(t)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			values[key] = value
		}
	}
	_, rest, _ := strings.Cut(values["ExecStart"], " --shutdown-timeout ")
	budget, err := spec.ParseDuration(strings.TrimSpace(rest))
	if err != nil {
		t.Fatal(err)
	}
	patience, err := spec.ParseDuration(values["TimeoutStopSec"])
	if err != nil {
		t.Fatal(err)
	}
	if patience <= budget {
		t.Errorf("TimeoutStopSec is %s, and --shutdown-timeout %s", patience, budget)
	}
}
