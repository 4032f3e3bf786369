package logs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

const (
	// settleFor is how long the last words of a life are waited for.
	settleFor = 2 * time.Second

	crashLines   = 50      // in a report
	crashLine    = 4 << 10 // bytes of each
	crashReports = 20      // that are kept of a service
	eventsTail   = 1 << 20 // of the events, where the end of a life is looked for
)

// CrashesDir is where the reports about a service are.
func CrashesDir(p spec.Places, name string) string {
	return filepath.Join(p.State, "crashes", name)
}

// Crashes are the paths of the reports about a service, the oldest first.
func Crashes(p spec.Places, name string) ([]string, error) {
	names, err := readNames(CrashesDir(p, name))
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return strings.HasPrefix(name, tempBegin) || !strings.HasSuffix(name, ".json")
	})
	slices.Sort(names)
	for i := range names {
		names[i] = filepath.Join(CrashesDir(p, name), names[i])
	}
	return names, nil
}

// death is an end that is to be written down.
type death struct {
	name    string
	subject *subject
	status  *spec.Status // that told of it
	until   time.Time    // when its last words are waited for no longer
}

// failure reports whether a life has ended badly; whoever asked for the end is
// looked for later.
func failure(e *spec.Exit, success []int) bool {
	if e.Code == nil || e.Reason != "" {
		return true
	}
	if success == nil {
		return *e.Code != 0
	}
	return !slices.Contains(success, *e.Code)
}

// bury writes down the ends whose last words are there, and reports whether there
// are others.
func (w *witness) bury(now time.Time) (waiting bool) {
	w.deaths = slices.DeleteFunc(w.deaths, func(d *death) bool {
		dirs := w.dirs(d.name, d.subject)
		if now.Before(d.until) && slices.ContainsFunc(dirs, unsettled) {
			return false
		}
		err := w.report(d, dirs)
		if w.news.Is("crash", d.name, err) {
			w.log.Warn("crash not written down", "service", d.name, "err", err)
		}
		return true
	})
	return len(w.deaths) > 0
}

// unsettled reports whether there are bytes in the pipe of a stream.
func unsettled(dir string) bool {
	fd, _, err := openPipe(filepath.Join(dir, spec.Pipe))
	if err != nil {
		return false
	}
	defer closeFD(fd)
	return waiting(fd) > 0
}

// report writes the report, unless there is one or somebody asked for the end.
func (w *witness) report(d *death, dirs []string) error {
	e := d.status.LastExit
	dir := CrashesDir(w.places, d.name)
	path := filepath.Join(dir, e.At.UTC().Format("20060102T150405.000000000Z")+".json")
	have, err := Crashes(w.places, d.name)
	if err != nil {
		return err
	}
	if slices.Contains(have, path) || len(have) >= crashReports && path < have[0] {
		return nil // written before our start
	}
	generation, asked := w.circumstances(d.name, e)
	if asked && e.Reason == "" {
		return nil
	}
	c := spec.Crash{
		Name: d.name, Generation: generation, Exit: e, Restarts: d.status.Restarts, SpecSHA256: d.status.SpecSHA256,
		Lines: []string{},
	}
	if e.Ran > 0 {
		started := e.At.Add(-time.Duration(e.Ran * float64(time.Second)))
		c.Started = &started
	}
	for i, dir := range dirs {
		text, err := finalLines(dir, e)
		if err != nil {
			return err
		}
		if i == 0 {
			c.Lines = text
		} else {
			c.Stderr = text
		}
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	if err := atomicfile.Write(path, append(data, '\n'), fileMode, false); err != nil {
		return err
	}
	for i := 0; i <= len(have)-crashReports; i++ {
		if err := os.Remove(have[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	w.log.Info("crash written down", "service", d.name, "generation", generation, "report", path)
	return nil
}

// circumstances looks in the events for the end of a life: which it was, and
// whether somebody asked for it. Unknown, the generation is 0.
func (w *witness) circumstances(name string, e *spec.Exit) (generation uint64, asked bool) {
	var events []spec.Event
	for _, file := range []string{"current.jsonl.1", "current.jsonl"} {
		events = append(events, lastEvents(filepath.Join(w.places.EventsDir(), file), name)...)
	}
	for i, v := range slices.Backward(events) {
		if (v.Type != spec.EventExited && v.Type != spec.EventSpawnFailed) || v.Exit == nil || !v.Exit.At.Equal(e.At) {
			continue
		}
		for _, u := range events[:i] {
			if u.Generation == v.Generation && u.Type == spec.EventTerminating {
				asked = true
			}
		}
		return v.Generation, asked
	}
	return 0, false
}

// lastEvents are the last events about a service in a file.
func lastEvents(path, name string) (all []spec.Event) {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	if fi, err := f.Stat(); err == nil && fi.Size() > eventsTail {
		f.Seek(-eventsTail, io.SeekEnd)
	}
	quoted, _ := json.Marshal(name)
	in := bufio.NewReader(f)
	for {
		line, err := in.ReadBytes('\n')
		var v spec.Event
		if bytes.Contains(line, quoted) && json.Unmarshal(line, &v) == nil && v.Name == name {
			all = append(all, v)
		}
		if err != nil {
			return all
		}
	}
}

// finalLines are the last lines that came before an end.
func finalLines(dir string, e *spec.Exit) ([]string, error) {
	text := []string{}
	// What was written last came a moment later.
	err := Tail(dir, crashLines, e.At.Add(settleFor), func(l Line) {
		text = append(text, strings.ToValidUTF8(string(l.Text[:min(len(l.Text), crashLine)]), "\uFFFD"))
	})
	return text, err
}
