// Package python holds the Python package ncolony, and has it tested.
package python

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience is for all tests of a module together, of which the slowest wait for
// programs that hang.
const patience = 5 * time.Minute

// TestPython runs the tests of the package with this machine's Python and the
// programs as they are now.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skipf("needs Python: %v", err)
	}
	const supported = "import sys; sys.exit(sys.version_info < (3, 9))"
	if err := exec.Command(python, "-c", supported).Run(); err != nil {
		t.Skipf("needs Python 3.9 or later: %v", err)
	}
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir, "./cmd/ncolony", "./cmd/ncolony-ctl", "./cmd/ncolony-heartcheck", "./cmd/ncolony-log", "./cmd/ncolony-probe", "./cmd/ncolony-serve")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	source, err := filepath.Abs("src")
	if err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Glob("tests/test_*.py")
	if err != nil || len(modules) == 0 {
		t.Fatalf("found %d modules: %v", len(modules), err)
	}
	for _, module := range modules { // most of them wait most of the time
		t.Run(strings.TrimSuffix(filepath.Base(module), ".py"), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, python, "-W", "error", "-m", "unittest", "discover", "--verbose", "--catch", "-s", "tests", "-p", filepath.Base(module))
			cmd.Env = append(os.Environ(), "PYTHONPATH="+source, "PYTHONDONTWRITEBYTECODE=1", "NCOLONY="+filepath.Join(dir, "ncolony"), "NCOLONY_SERVE="+filepath.Join(dir, "ncolony-serve"))
			// The test that runs then goes on to its end, and ends what it has started.
			cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
			cmd.WaitDelay = 90 * time.Second
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Error(err)
			}
		})
	}
}
