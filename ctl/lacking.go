package ctl

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// Lacking says what this machine lacks for a service with the spec s to start:
// users, groups, directories, files of variables, programs. They are looked up as
// the supervisor does before each start, but from here: where it takes its own
// PATH, ours stands for that, and a path that begins in its own working directory
// is not looked at. Each is one problem, in words that begin with the key.
func Lacking(s *spec.Spec) []string {
	return thisMachine().lacking(s)
}

func thisMachine() machine { return machine{launch.System(), os.Getenv("PATH")} }

// machine is where users, groups and programs are looked for.
type machine struct {
	accounts launch.Accounts
	path     string
}

func (m machine) lacking(s *spec.Spec) (all []string) {
	add := func(key string, err error) {
		if err != nil {
			all = append(all, key+": "+err.Error())
		}
	}
	if s.User != "" {
		_, err := m.uid(s)
		add("user", err)
	}
	for _, group := range s.Groups {
		_, err := m.accounts.GroupID(group)
		add("groups", err)
	}
	if s.Cwd != "" {
		add("cwd", isDir(s.Cwd))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Credentials)) {
		if fi, err := os.Stat(s.Credentials[name]); err != nil {
			add("credentials: "+name, err)
		} else if !fi.Mode().IsRegular() {
			add("credentials: "+name, fmt.Errorf("%s is not a regular file", s.Credentials[name]))
		}
	}
	path, known := "", true
	for _, file := range s.EnvFile {
		value, err := pathIn(file)
		add("env_file", err)
		known = known && err == nil
		if value != "" {
			path = value
		}
	}
	if value, given := s.Env["PATH"]; given {
		path, known = value, true
	}
	if slices.Contains(s.EnvInherit, "PATH") {
		path, known = m.path, true
	}
	if known { // else the first problem is another
		add("args", m.hasProgram(s.Args[0], path, s.Cwd))
		if len(s.Stop.Command) > 0 {
			add("stop.command", m.hasProgram(s.Stop.Command[0], path, s.Cwd))
		}
	}
	return all
}

// uid is the number of the user that s runs as; -1: as the supervisor does.
func (m machine) uid(s *spec.Spec) (int, error) {
	switch {
	case s.UID != nil:
		return *s.UID, nil
	case s.User == "":
		return -1, nil
	}
	return m.accounts.UserID(s.User)
}

func isDir(path string) error {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrPermission): // the supervisor may see more than we do
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", path, bare(err))
	case !fi.IsDir():
		return fmt.Errorf("%s is not a directory", path)
	}
	return nil
}

// pathIn is the PATH that an element of env_file sets; "" = none.
func pathIn(file string) (path string, err error) {
	file, optional := strings.CutPrefix(file, "-")
	if err := notRegular(file); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	content, err := os.ReadFile(file)
	switch {
	case optional && errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("%s: %w", file, bare(err))
	}
	lines, err := spec.ParseEnvFile(content)
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	for _, line := range lines {
		if value, is := strings.CutPrefix(line, "PATH="); is {
			path = value
		}
	}
	return path, nil
}

// hasProgram looks for a program in the child's PATH, or in ours if that is
// empty; one with a slash stands where it says, from the child's directory on.
func (m machine) hasProgram(name, path, cwd string) error {
	if strings.Contains(name, "/") {
		file := name
		if !filepath.IsAbs(file) {
			if cwd == "" {
				return nil // it begins where the supervisor stands
			}
			file = filepath.Join(cwd, file)
		}
		return isProgram(file)
	}
	if path == "" {
		path, cwd = m.path, ""
	}
	var denied error
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			if dir = filepath.Join(cwd, dir); !filepath.IsAbs(dir) {
				continue
			}
		}
		fi, err := os.Stat(filepath.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrPermission): // it may be there, for the supervisor
			return nil
		case err != nil || fi.IsDir():
			continue
		}
		if denied = isProgram(filepath.Join(dir, name)); denied == nil {
			return nil
		}
	}
	switch {
	case denied != nil:
		return denied
	case path == "":
		return fmt.Errorf("no such program: %q (there is no PATH; give the whole path)", name)
	}
	return fmt.Errorf("no such program: %q in PATH %s", name, path)
}

func isProgram(path string) error {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", path, bare(err))
	case fi.IsDir():
		return fmt.Errorf("%s is a directory", path)
	case fi.Mode()&0o111 == 0:
		return fmt.Errorf("%s is not executable", path)
	}
	return nil
}
