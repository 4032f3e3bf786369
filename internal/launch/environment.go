// Package launch is what a process that runs as a service does is made of,
// whoever starts it: the supervisor, or who checks the service by a program.
package launch

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Variables are those that a spec asks for: of its user, of the files, its own
// and those of ours that it inherits. A later one wins.
func Variables(sp *spec.Spec, id Identity, read func(path string, limit int) ([]byte, error)) (*Environment, error) {
	env := NewEnvironment()
	env.Add(id.Env...)
	for _, file := range sp.EnvFile {
		kvs, err := ReadEnvFile(file, read)
		if err != nil {
			return nil, err
		}
		env.Add(kvs...)
	}
	for _, k := range slices.Sorted(maps.Keys(sp.Env)) { // the same list at each start
		env.Set(k, sp.Env[k])
	}
	for _, k := range sp.EnvInherit {
		env.Set(k, os.Getenv(k))
	}
	return env, nil
}

// Environment is a list of variables in which the last value of a name wins.
type Environment struct {
	order  []string
	values map[string]string
}

// NewEnvironment is an empty one.
func NewEnvironment() *Environment { return &Environment{values: map[string]string{}} }

// Set gives a variable a value.
func (e *Environment) Set(k, v string) {
	if _, ok := e.values[k]; !ok {
		e.order = append(e.order, k)
	}
	e.values[k] = v
}

// Add takes NAME=value; what is none is passed over.
func (e *Environment) Add(kvs ...string) {
	for _, kv := range kvs {
		if k, v, ok := strings.Cut(kv, "="); ok && k != "" {
			e.Set(k, v)
		}
	}
}

// Get is the value of a variable; "" = it has none.
func (e *Environment) Get(k string) string { return e.values[k] }

// List is what exec takes.
func (e *Environment) List() []string {
	l := make([]string, len(e.order))
	for i, k := range e.order {
		l[i] = k + "=" + e.values[k]
	}
	return l
}

// ReadEnvFile reads one element of env_file; "-path" need not exist.
func ReadEnvFile(file string, read func(path string, limit int) ([]byte, error)) ([]string, error) {
	path, optional := strings.CutPrefix(file, "-")
	b, err := read(path, spec.MaxEnvFileSize)
	if optional && errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("env_file %s: %w", path, err)
	}
	kvs, err := spec.ParseEnvFile(b)
	if err != nil {
		return nil, fmt.Errorf("env_file %s: %w", path, err)
	}
	return kvs, nil
}

// ErrNoProgram marks a program that cannot be found.
var ErrNoProgram = errors.New("no such program")

// LookPath finds a program: a name with a slash is taken as it is (relative to
// the child's directory), another is looked up in the child's PATH, or in ours
// if it has none.
func LookPath(name, path, cwd string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	if path == "" {
		path, cwd = os.Getenv("PATH"), "" // what is relative in it is so to our directory
	}
	var denied string
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(cwd, dir)
			if !filepath.IsAbs(dir) {
				continue // "." in PATH means whoever writes our directory
			}
		}
		file := filepath.Join(dir, name)
		fi, err := os.Stat(file)
		switch {
		case err != nil || fi.IsDir():
		case fi.Mode()&0o111 == 0:
			denied = file
		default:
			return file, nil
		}
	}
	if denied != "" {
		return "", fmt.Errorf("execute %s: permission denied (it is not executable)", denied)
	}
	if path == "" {
		return "", fmt.Errorf("%w: %q (there is no PATH; give the whole path)", ErrNoProgram, name)
	}
	return "", fmt.Errorf("%w: %q in PATH %s", ErrNoProgram, name, path)
}
