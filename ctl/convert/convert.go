// Package convert turns what other supervisors read into specs: the
// configuration of supervisord, units of systemd, files of Docker Compose. It
// reads no file and asks nothing of the machine, so what it says depends on the
// text alone.
//
// What has no counterpart is not dropped in silence: it becomes a Note, which
// names the key and where it stands.
package convert

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// File is one file to convert. Relative paths in it are those below the
// directory of Path, if that is absolute. For systemd the last part of Path is
// also the name of the unit.
type File struct {
	Path string
	Text []byte
}

// Kind says what a Note means for whoever relies on the key.
type Kind string

const (
	Lost    Kind = "lost"    // what the key asks for does not happen
	About   Kind = "about"   // it happens, but not exactly so
	Skipped Kind = "skipped" // a service, or a whole section, is not converted
)

// Note is what could not be said in a spec.
type Note struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`    // from 1; 0 = unknown
	Service string `json:"service,omitempty"` // "" = about the file
	Key     string `json:"key,omitempty"`     // as it stands there, with its section or path
	Kind    Kind   `json:"kind"`
	Text    string `json:"text"`
}

// String is the note as compilers print theirs, for editors to jump to.
func (n Note) String() string {
	place, key := n.File, ""
	if n.Line > 0 {
		place = fmt.Sprintf("%s:%d", n.File, n.Line)
	}
	if n.Key != "" {
		key = n.Key + ": "
	}
	return fmt.Sprintf("%s: %s: %s%s", place, n.Kind, key, n.Text)
}

// Service is one service with its spec. Text is Spec as a file, which
// spec.Parse has accepted.
type Service struct {
	Name  string
	Spec  *spec.Spec
	Text  []byte
	Notes []Note
}

// Result is what some files came to: services in the order of the files, and
// what is to be said about the files as such.
type Result struct {
	Services []Service
	Notes    []Note
}

// All returns the notes on the files and those on the services.
func (r *Result) All() []Note {
	all := append([]Note(nil), r.Notes...)
	for _, s := range r.Services {
		all = append(all, s.Notes...)
	}
	return all
}

// Formats are what Convert understands.
var Formats = []string{"supervisord", "systemd", "compose"}

// Convert reads files of one of the Formats, all together: services may name
// each other across files. The error says where a text cannot be read at all.
func Convert(format string, files []File) (*Result, error) {
	convert := map[string]func(*conversion, []File) error{
		"supervisord": (*conversion).supervisord, "systemd": (*conversion).systemd, "compose": (*conversion).compose,
	}[format]
	if convert == nil {
		return nil, fmt.Errorf("unknown format %q, it is one of %s", format, strings.Join(Formats, ", "))
	}
	for _, f := range files {
		// JSON can say neither, and what it says instead is something else.
		if !utf8.Valid(f.Text) {
			return nil, fmt.Errorf("read %s: not UTF-8 text", f.Path)
		}
		if bytes.IndexByte(f.Text, 0) >= 0 {
			return nil, fmt.Errorf("read %s: contains a NUL character", f.Path)
		}
	}
	var c conversion
	if len(files) == 0 {
		return nil, errors.New("there is no file")
	}
	if err := convert(&c, files); err != nil {
		return nil, err
	}
	return c.finish(), nil
}

// conversion collects what the readers of the formats find.
type conversion struct {
	drafts []*draft
	notes  []Note
}

// place is where something stands.
type place struct {
	file string
	line int
}

func (c *conversion) note(at place, kind Kind, key, format string, args ...any) {
	c.notes = append(c.notes, Note{File: at.file, Line: at.line, Key: key, Kind: kind, Text: fmt.Sprintf(format, args...)})
}

// draft is a service in the making.
type draft struct {
	name   string
	at     place
	spec   spec.Spec
	args   []word
	env    map[string]word
	once   bool  // it is not started again; see settle
	job    bool  // and others wait for its end
	refs   []ref // what it depends on
	check  *health
	why    string // it has no command
	closed bool   // nothing of the supervisor's environment is for it
	note   []Note
}

// ref is a dependency as it stands in a file.
type ref struct {
	name     string // of the other service
	key      string
	at       place
	requires bool
	ended    bool   // the other has to have ended well
	healthy  bool   // the other has to be well
	missing  string // what to say if the other is not converted; "" = nothing
}

func (d *draft) say(at place, kind Kind, key, format string, args ...any) {
	d.note = append(d.note, Note{File: at.file, Line: at.line, Service: d.name, Key: key, Kind: kind, Text: fmt.Sprintf(format, args...)})
}

// add begins a service. A name that ours cannot have is changed, which is said.
func (c *conversion) add(name string, at place) *draft {
	d := &draft{name: name, at: at, env: map[string]word{}}
	if spec.CheckName(name) != nil {
		d.name = goodName(name)
		d.say(at, About, "", "no service can be called %q, it is %q here", name, d.name)
	}
	c.drafts = append(c.drafts, d)
	return d
}

// goodName makes a name of a service of any text.
func goodName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.+-", r) {
			return r
		}
		return '-'
	}, s)
	s = strings.TrimLeft(s, "-+.")
	s = s[:min(len(s), spec.MaxNameLength-len("_"))]
	if spec.CheckName(s) != nil {
		s += "_" // for the sake of names that end like those of backups
	}
	if spec.CheckName(s) != nil {
		return "service"
	}
	return s
}

// finish makes services of the drafts that can become some.
func (c *conversion) finish() *Result {
	good := map[string]*draft{}
	var kept []*draft
	for _, d := range c.drafts {
		cause := ""
		if other := good[d.name]; other != nil {
			cause = fmt.Sprintf("%s has a service of that name already", other.at.file)
		} else if err := d.assemble(); err != nil {
			cause = err.Error()
		}
		if cause != "" {
			c.notes = append(append(c.notes, Note{File: d.at.file, Line: d.at.line, Service: d.name, Kind: Skipped, Text: cause}), d.note...)
			continue
		}
		good[d.name] = d
		kept = append(kept, d)
	}
	settle(kept, good)
	r := &Result{Notes: c.notes}
	for _, d := range kept {
		// In the order of the file; what is about the whole of it last.
		slices.SortStableFunc(d.note, func(a, b Note) int { return cmp.Compare(uint(a.Line-1), uint(b.Line-1)) })
		text, err := d.spec.Marshal()
		if err == nil {
			_, err = spec.Parse(text)
		}
		if err != nil { // its dependencies have made it too large
			r.Notes = append(r.Notes, Note{File: d.at.file, Line: d.at.line, Service: d.name, Kind: Skipped, Text: plainProblems(err)})
			continue
		}
		r.Services = append(r.Services, Service{d.name, &d.spec, text, d.note})
	}
	return r
}

// assemble puts command and environment together, and has the spec checked. Its
// dependencies come later, when it is known which services there are.
func (d *draft) assemble() error {
	if len(d.args) == 0 {
		return errors.New(cmp.Or(d.why, "there is no command"))
	}
	d.write()
	text, err := d.spec.Marshal()
	if err != nil {
		return err
	}
	if _, err := spec.Parse(text); err != nil {
		return errors.New(plainProblems(err))
	}
	return nil
}

// plainProblems leaves out where in the spec a problem is: nobody has seen it.
func plainProblems(err error) string {
	return spec.AsProblem(err).Message
}

// settle turns names into dependencies, and says what a service that is not
// started again is. With "never" others would wait for its end, which is right
// for a job alone; a daemon is not restarted because its limit does not let it.
func settle(kept []*draft, good map[string]*draft) {
	awaited := map[string]bool{} // as one that runs
	jobs := map[string]bool{}
	healthy := map[string]bool{} // awaited, as one that is well
	for _, d := range kept {
		for _, ref := range d.refs {
			other := good[ref.name]
			switch {
			case other == nil && ref.missing != "":
				d.say(ref.at, Lost, ref.key, "%s", ref.missing)
			case other == nil || other == d:
			case ref.ended:
				jobs[ref.name] = true
				d.depend(ref)
			default:
				awaited[ref.name] = true
				healthy[ref.name] = healthy[ref.name] || ref.healthy
				if ref.healthy && other.check == nil {
					d.say(ref.at, Lost, ref.key, "%s: service_healthy: its health check is not known here, so this one starts when %s runs", ref.name, ref.name)
				}
				d.depend(ref)
			}
		}
	}
	for _, d := range kept {
		d.spec.After = without(d.spec.After, d.spec.Requires)
		d.settleHealth(healthy[d.name])
		switch {
		case !d.once:
			if jobs[d.name] {
				d.say(d.at, About, "", "others wait for its end, but it is started again when it has ended")
			}
		case d.job || jobs[d.name] || !awaited[d.name]:
			d.spec.Restart = spec.RestartNever
			if awaited[d.name] && !d.job {
				d.say(d.at, About, "", "some wait for its end, others for its start: here all wait for its end")
			}
		default:
			d.spec.Restart = spec.RestartOnFailure
			d.spec.Limit = &spec.Limit{Restarts: 0, Within: second}
			d.say(d.at, About, "", "others wait for it, which with restart never would be for its end: so it is on-failure with limit.restarts 0")
		}
	}
}

func (d *draft) depend(r ref) {
	list := &d.spec.After
	if r.requires {
		list = &d.spec.Requires
	}
	if !contains(*list, r.name) {
		*list = append(*list, r.name)
	}
}
