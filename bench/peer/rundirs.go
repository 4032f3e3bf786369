package peer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Supervisors of the daemontools family read a directory of directories, each
// with a program called run.

// writeRuns writes the directories of all services of a colony.
func writeRuns(c Colony) error {
	for i := range c.N {
		if err := writeRun(filepath.Join(c.Dir, "scan", Name(i)), c); err != nil {
			return err
		}
	}
	return os.MkdirAll(filepath.Join(c.Dir, "scan"), 0o755)
}

// writeRun writes one. The run file names the child as its interpreter, so that
// no shell stands between.
func writeRun(dir string, c Colony) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "run"), fmt.Appendf(nil, "#!%s\n", strings.Join(c.Child, " ")), 0o755)
}

// prepareRun writes the directory of a service beside the one that is read, and
// linkRun adds it there.
func prepareRun(c Colony, i int) error { return writeRun(filepath.Join(c.Dir, "later", Name(i)), c) }

func linkRun(c Colony, i int) error {
	return os.Symlink(filepath.Join(c.Dir, "later", Name(i)), filepath.Join(c.Dir, "scan", Name(i)))
}
