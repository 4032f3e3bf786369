package companion

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Name is the name of the program that is run as `ncolony COMMAND`.
func Name(command string) string { return "ncolony-" + command }

// Find looks for the program of a command beside our own, then in PATH; "" = there
// is none. A name with a slash is none.
func Find(command string) string {
	if strings.Contains(command, "/") {
		return ""
	}
	var dirs []string
	if self, err := os.Executable(); err == nil {
		dirs = append(dirs, filepath.Dir(self))
	}
	for _, dir := range append(dirs, filepath.SplitList(os.Getenv("PATH"))...) {
		if !filepath.IsAbs(dir) { // what runs must not depend on where we stand
			continue
		}
		path := filepath.Join(dir, Name(command))
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// Become has the program of a command take our place. It returns only if there is
// none, or if it cannot be run.
func Become(command string, args []string) error {
	path := Find(command)
	if path == "" {
		return &missing{command}
	}
	return fmt.Errorf("run %s: %w", path, syscall.Exec(path, append([]string{path}, args...), os.Environ()))
}

// missing is that there is no program for a command.
type missing struct{ command string }

func (e *missing) Error() string { return "there is no program " + Name(e.command) }

// Hint is the way out.
func (e *missing) Hint() string { return "put it beside ncolony, or in a directory of PATH" }
