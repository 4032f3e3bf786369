package ctl

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/go-multierror"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/cron"
)

// Finding is one thing that a check has to say about a file.
type Finding struct {
	spec.Problem
	Path    string
	Warning bool // it stops nothing
}

// String is the finding as compilers print theirs, for editors to jump to.
func (f Finding) String() string {
	place, kind := f.Path, ""
	if f.Line != 0 {
		place = fmt.Sprintf("%s:%d:%d", f.Path, f.Line, f.Column)
	}
	if f.Warning {
		kind = "warning: "
	}
	return place + ": " + kind + f.Message
}

// Report is what a check has found.
type Report struct {
	Specs    int // that were looked at, good or not
	Findings []Finding
	mains    []string // paths of the specs with "main": true
}

// Errors and Warnings count the findings.
func (r *Report) Errors() int   { return len(r.Findings) - r.Warnings() }
func (r *Report) Warnings() int { return count(r.Findings, func(f Finding) bool { return f.Warning }) }

func count[T any](all []T, is func(T) bool) (n int) {
	for _, each := range all {
		if is(each) {
			n++
		}
	}
	return n
}

func (r *Report) add(path string, warning bool, p spec.Problem) {
	r.Findings = append(r.Findings, Finding{p, path, warning})
}

// Dir checks the files of a directory as the supervisor looks at those of the
// config directory: by the same names, with the same parser, and how they depend
// on each other. What depends on the machine and on who the supervisor is (users, programs, who may write a
// file) is not asked. The error says why the directory cannot be read.
func (r *Report) Dir(dir string) error {
	g, err := r.files(dir)
	if err != nil {
		return err
	}
	r.Findings = append(r.Findings, g.Findings()...)
	r.oneMain()
	// Somebody may mean to run one of the two at a time.
	r.onePlace(g, true, func(string) bool { return true })
	r.sort()
	return nil
}

// files checks the files of a directory, each by itself.
func (r *Report) files(dir string) (*Graph, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := map[string]bool{}
	for _, e := range entries {
		files[e.Name()] = true
	}
	var g Graph
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		name, kind := spec.NameOf(e.Name())
		switch {
		case e.IsDir() || kind == spec.FileIgnored || linksToDir(path, e.Type()):
		case kind == spec.FileBad:
			r.add(path, false, spec.Problem{Message: spec.CheckName(name).Error()})
		case e.Name() != name && files[name]:
			r.content(path)
			g.Put(name, path, nil)
			r.add(path, false, spec.Problem{Message: fmt.Sprintf("both %s and %s.json are there; remove one", name, name)})
		default:
			g.Put(name, path, r.content(path))
		}
	}
	return &g, nil
}

// oneMain says of all main services but the first that there is one already.
// The supervisor takes the first that it sees, and that is a matter of luck.
func (r *Report) oneMain() {
	slices.Sort(r.mains)
	for _, path := range r.mains[min(1, len(r.mains)):] {
		r.add(path, false, spec.Problem{Message: fmt.Sprintf("main: %s is main already", filepath.Base(r.mains[0]))})
	}
	r.mains = nil
}

// sort puts the findings in the order of the files, and leaves those of one file
// in theirs.
func (r *Report) sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(a.Path, b.Path) })
}

// linksToDir says whether a symbolic link is, to the supervisor, a sub-directory.
func linksToDir(path string, mode fs.FileMode) bool {
	if mode&fs.ModeSymlink == 0 {
		return false
	}
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// File checks one file, also its name, for it is meant to be put into a config
// directory.
func (r *Report) File(path string) {
	switch name, kind := spec.NameOf(filepath.Base(path)); kind {
	case spec.FileIgnored:
		r.add(path, true, spec.Problem{Message: spec.CheckName(filepath.Base(path)).Error()})
	case spec.FileBad:
		r.add(path, false, spec.Problem{Message: spec.CheckName(name).Error()})
	}
	r.content(path)
	r.mains = nil
}

// content checks the file at path, and returns its spec; nil = it is none.
func (r *Report) content(path string) *spec.Spec {
	content, err := readSpec(path)
	if err != nil {
		r.Specs++
		r.add(path, false, spec.Problem{Message: err.Error()})
		return nil
	}
	return r.Content(path, content)
}

// Content checks the text of a spec, which is said to stand at path, and returns
// the spec; nil = it is none. What the spec says of other services is not looked
// at.
func (r *Report) Content(path string, content []byte) *spec.Spec {
	r.Specs++
	s, err := spec.Parse(content)
	for _, p := range problems(err) {
		r.add(path, false, p)
	}
	if err != nil {
		return nil
	}
	if s.Schedule != nil {
		if _, err := cron.Zone(s.Schedule.Zone); err != nil {
			r.add(path, false, spec.Problem{Message: "schedule.zone: " + err.Error()})
		}
	}
	for _, warning := range s.Warnings {
		r.add(path, true, spec.Problem{Message: warning})
	}
	if s.Main {
		r.mains = append(r.mains, path)
	}
	return s
}

// problems takes apart what spec.Parse has returned.
func problems(err error) (all []spec.Problem) {
	if err == nil {
		return nil
	}
	each := []error{err}
	if many, ok := errors.AsType[*multierror.Error](err); ok {
		each = many.Errors
	}
	for _, e := range each {
		all = append(all, *spec.AsProblem(e))
	}
	return all
}

// notRegular says why path cannot be read as a file, though it is there: a
// FIFO would make us wait. nil = try.
func notRegular(path string) error {
	fi, err := os.Stat(path)
	switch {
	case err == nil && !fi.Mode().IsRegular():
		return errors.New("not a regular file")
	case errors.Is(err, fs.ErrNotExist):
		if to, linkErr := os.Readlink(path); linkErr == nil {
			return fmt.Errorf("dangling symbolic link to %s", to)
		}
	}
	return nil
}

// readSpec reads a file as far as it takes to see that it is too large.
func readSpec(path string) ([]byte, error) {
	if err := notRegular(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read: %w", bare(err))
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, spec.MaxSpecSize+1))
	if err != nil {
		return nil, fmt.Errorf("read: %w", bare(err))
	}
	return content, nil
}

// bare takes the path off an error that is told behind that path.
func bare(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
