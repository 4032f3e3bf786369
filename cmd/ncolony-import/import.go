package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/ctl/convert"
	"github.com/ncolony/ncolony-go/internal/places"
)

type importFlags struct {
	from, to              string
	dryRun, force, strict bool
}

// format is --from, or what the names of the files say.
func (f *importFlags) format(paths []string) (string, error) {
	if f.from != "" {
		if !slices.Contains(convert.Formats, f.from) {
			return "", &usageError{fmt.Errorf("flag --from: %q is none of %s", f.from, strings.Join(convert.Formats, ", "))}
		}
		if f.from == "systemd" && slices.Contains(paths, "-") {
			return "", &usageError{errors.New("a unit has the name of its file, standard input has none")}
		}
		return f.from, nil
	}
	found := ""
	for _, path := range paths {
		format := guess(path)
		if format == "" || found != "" && format != found {
			return "", &usageError{fmt.Errorf("whose files these are cannot be seen from %s: give --from", path)}
		}
		found = format
	}
	return found, nil
}

// guess tells a format by the name of a file; "" = it does not.
func guess(path string) string {
	switch ext := filepath.Ext(path); {
	case slices.Contains([]string{".service", ".socket", ".timer", ".target"}, ext), ext == ".conf" && strings.HasSuffix(filepath.Dir(path), ".service.d"):
		return "systemd"
	case ext == ".conf" || ext == ".ini":
		return "supervisord"
	case ext == ".yaml" || ext == ".yml":
		return "compose"
	}
	return ""
}

// maxFile bounds what is read: more is no configuration.
const maxFile = 8 << 20

// read reads all files, and those that they include, and converts them.
func read(format string, paths []string, in io.Reader) (*convert.Result, error) {
	var files []convert.File
	for i := 0; i < len(paths); i++ {
		file, err := readFile(format, paths[i], in)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(files, func(f convert.File) bool { return f.Path == file.Path }) {
			continue
		}
		files = append(files, file)
		if format != "supervisord" {
			continue
		}
		for _, pattern := range convert.Includes(file) {
			more, _ := filepath.Glob(pattern)
			paths = append(paths[:len(paths):len(paths)], more...)
		}
	}
	return convert.Convert(format, files)
}

// readFile reads one file. An instance of a unit that is not there is read from
// its template, as systemd does.
func readFile(format, path string, in io.Reader) (convert.File, error) {
	if path == "-" {
		text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
		dir, dirErr := os.Getwd()
		return convert.File{Path: filepath.Join(dir, "stdin"), Text: text}, errors.Join(err, dirErr, tooLarge("standard input", text))
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return convert.File{}, fmt.Errorf("read %s: %w", path, err)
	}
	from := absolute
	prefix, instance, isInstance := strings.Cut(filepath.Base(path), "@")
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) && format == "systemd" && isInstance && instance != ".service" {
		from = filepath.Join(filepath.Dir(absolute), prefix+"@.service")
		if _, err := os.Stat(from); err != nil {
			from = absolute
		}
	}
	if fi, err := os.Stat(from); err == nil && !fi.Mode().IsRegular() {
		return convert.File{}, fmt.Errorf("read %s: not a regular file", path)
	}
	f, err := os.Open(from)
	if err != nil {
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err
		}
		return convert.File{}, fmt.Errorf("read %s: %w", path, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return convert.File{}, fmt.Errorf("read %s: %w", path, err)
	}
	return convert.File{Path: absolute, Text: text}, tooLarge(path, text)
}

func tooLarge(path string, text []byte) error {
	if len(text) > maxFile {
		return fmt.Errorf("read %s: larger than 8 MiB", path)
	}
	return nil
}

// write puts the specs in place, or prints them, and tells what was lost.
func (f *importFlags) write(out, errOut io.Writer, where places.Flags, r *convert.Result) error {
	notes := r.All()
	for i := range notes {
		notes[i].File = shorten(notes[i].File)
	}
	switch {
	case f.strict && len(notes) > 0:
		tell(errOut, notes)
		return &hint{fmt.Errorf("%s, and --strict: nothing is written", count(len(notes), "thing to tell", "things to tell")), "without --strict the services are written all the same"}
	case f.dryRun:
		return printJSON(out, r)
	case len(r.Services) == 0:
		tell(errOut, notes)
		return errors.New("there is no service that could be written")
	}
	p, err := f.places(where)
	if err != nil {
		return err
	}
	if !f.force {
		if there := standing(p, r); len(there) > 0 {
			return &hint{fmt.Errorf("%s: %s there already, and nothing is written", strings.Join(there, ", "), map[bool]string{true: "a spec is", false: "specs are"}[len(there) == 1]),
				"--force replaces them, --to writes to another directory"}
		}
	}
	for _, s := range r.Services {
		if err := ctl.Add(p, s.Name, s.Text); err != nil {
			return fmt.Errorf("write %q: %w", s.Name, err)
		}
		fmt.Fprintf(out, "%s: written to %s\n", s.Name, p.Config)
		for _, n := range s.Notes {
			n.File = shorten(n.File)
			fmt.Fprintf(out, "  %s\n", n)
		}
	}
	tell(out, notes[:len(r.Notes)])
	fmt.Fprintf(errOut, "ncolony: import: %s written, %s to tell\n", count(len(r.Services), "service", "services"), count(len(notes), "thing", "things"))
	return nil
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func tell(w io.Writer, notes []convert.Note) {
	for _, n := range notes {
		fmt.Fprintln(w, named(n))
	}
}

// named is a note that does not stand below the name of its service.
func named(n convert.Note) string {
	if n.Service != "" {
		n.Text += " (" + n.Service + ")"
	}
	return n.String()
}

// shorten makes a path relative where that is shorter to read.
func shorten(path string) string {
	cwd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(cwd, path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}

// places are those of the colony, but for the config directory with --to.
func (f *importFlags) places(where places.Flags) (spec.Places, error) {
	if f.to != "" {
		dir, err := filepath.Abs(f.to)
		return spec.Places{Config: dir}, err
	}
	return where.Find()
}

// standing lists the services that have a spec already.
func standing(p spec.Places, r *convert.Result) (names []string) {
	for _, s := range r.Services {
		if _, _, err := ctl.Spec(p, s.Name); !errors.Is(err, ctl.ErrNoService) {
			names = append(names, s.Name)
		}
	}
	return names
}

// imported is a service as --dry-run prints it.
type imported struct {
	Name  string          `json:"name"`
	Spec  json.RawMessage `json:"spec"`
	Notes []convert.Note  `json:"notes"`
}

func printJSON(w io.Writer, r *convert.Result) error {
	all := struct {
		Services []imported     `json:"services"`
		Notes    []convert.Note `json:"notes"`
	}{[]imported{}, shortened(r.Notes)}
	for _, s := range r.Services {
		all.Services = append(all.Services, imported{s.Name, s.Text, shortened(s.Notes)})
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	if err := out.Encode(all); err != nil {
		return err
	}
	if len(r.Services) == 0 {
		return errors.New("there is no service that could be written")
	}
	return nil
}

func shortened(notes []convert.Note) []convert.Note {
	out := []convert.Note{}
	for _, n := range notes {
		n.File = shorten(n.File)
		out = append(out, n)
	}
	return out
}
