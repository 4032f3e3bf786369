package colony

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// configDir is the config directory as the core has been told of it.
type configDir struct {
	disk    disk
	clock   func() time.Time
	path    string
	reader  reader
	out     outbox
	trouble *troubles

	id    dirID // of the directory whose content we believe; zero before the first scan
	lost  bool  // the last scan has not found it
	fresh bool  // no scan has told the core yet which services have a file
	files map[string]entry
	told  map[string]found   // what the core knows, by service name
	wait  map[string]suspect // names whose bad news is not told yet
	bad   map[string]string  // files that can be no spec
}

// startOver forgets what the core was told, so that the next scan tells it
// everything. Which directory it was stays known.
func (c *configDir) startOver() {
	c.fresh = true
	c.files, c.told, c.wait = map[string]entry{}, map[string]found{}, map[string]suspect{}
}

// expect has the spec of a service parsed only if its file says another, by
// either of the names it can have.
func (c *configDir) expect(name string, sp *spec.Spec) {
	for _, file := range []string{name, name + ".json"} {
		c.files[file] = entry{found: found{spec: sp}, young: true}
	}
}

// calm is when something has been left alone for long enough: quiet after it
// was last touched, quietMost after it was first.
type calm struct{ first, at time.Time }

// touched returns the calm after one more touch.
func (c calm) touched(now time.Time) calm {
	if c.first.IsZero() {
		c.first = now
	}
	if c.at = now.Add(quiet); c.at.After(c.first.Add(quietMost)) {
		c.at = c.first.Add(quietMost)
	}
	return c
}

// suspect is bad news that has to stay the same for a while before it counts.
type suspect struct {
	calm
	bare, json fileKey
}

func newConfigDir(o outside, path string, t trust, vet vetter, out outbox, trouble *troubles) *configDir {
	path = filepath.Clean(path) // as the hints spell it
	return &configDir{disk: o.disk, clock: o.clock, path: path, reader: reader{disk: o.disk, clock: o.clock, dir: path, trust: t, vet: vet}, out: out, trouble: trouble, fresh: true,
		files: map[string]entry{}, told: map[string]found{}, wait: map[string]suspect{}}
}

// look reads one file and tells the core if that makes its service another.
func (c *configDir) look(file string, now time.Time) {
	switch name, kind := spec.NameOf(file); {
	case kind == spec.FileIgnored:
	case kind == spec.FileBad, c.lost: // in a lost directory, one file may decide about all
		c.scan(false)
	default:
		c.readAgain(file, false)
		c.judge(name, now, false)
	}
}

// readAgain reads a file. If it cannot tell whether there is one, there is if
// the directory has listed it, now or before.
func (c *configDir) readAgain(file string, listed bool) {
	old, known := c.files[file]
	switch e := c.reader.read(file, old); {
	case e.absent():
		delete(c.files, file)
	case listed || known || !e.hidden:
		c.files[file] = e
	}
}

// judge compares what the files of a name amount to with what the core knows.
// Good news is told at once: an incomplete spec does not parse. Bad news has to
// last (settled).
func (c *configDir) judge(name string, now time.Time, settled bool) {
	f := c.verdict(name)
	if f.same(c.told[name]) {
		delete(c.wait, name)
		return
	}
	if f.spec == nil && !settled {
		s, ok := c.wait[name]
		bare, json := c.files[name].key, c.files[name+".json"].key
		if ok && s.bare == bare && s.json == json {
			return // looked at again, but left alone
		}
		c.wait[name] = suspect{s.touched(now), bare, json}
		return
	}
	delete(c.wait, name)
	if f.absent() {
		delete(c.told, name)
	} else {
		c.told[name] = f
	}
	c.out.send(seen{name: name, spec: f.spec, problem: f.problem, gone: f.absent()})
}

// verdict is what the files of one name amount to.
func (c *configDir) verdict(name string) found {
	bare, bareOK := c.files[name]
	json, jsonOK := c.files[name+".json"]
	switch {
	case bareOK && jsonOK:
		return found{problem: &spec.Problem{Message: fmt.Sprintf("both %s and %s.json are there; remove one", name, name)}}
	case bareOK:
		return bare.found
	default:
		return json.found
	}
}

// recheckAt is when recheck has something to do; zero if not.
func (c *configDir) recheckAt() (at time.Time) {
	for _, s := range c.wait {
		if at.IsZero() || s.at.Before(at) {
			at = s.at
		}
	}
	return at
}

// recheck reads what was bad or gone once more, and believes it now.
func (c *configDir) recheck(now time.Time) {
	var due []string
	for name, s := range c.wait {
		if !s.at.After(now) {
			due = append(due, name)
		}
	}
	if len(due) == 0 {
		return
	}
	slices.Sort(due)
	for _, name := range due {
		c.readAgain(name, false)
		c.readAgain(name+".json", false)
		if f := c.verdict(name); f.absent() && !c.there() {
			// Not the file is gone but the directory.
			delete(c.wait, name)
			c.scan(false)
			return
		}
		c.judge(name, now, true)
	}
}

// there reports whether the directory is the one whose content we believe.
func (c *configDir) there() bool {
	fi, id, err := c.disk.statDir(c.path)
	return err == nil && id == c.id && c.reader.trust.dir(c.path, fi) == nil
}

// untold stands for what the core may know of a file from before: whatever
// becomes of the file is news, also that it is gone.
var untold = found{problem: &spec.Problem{}}

// errVanished is the trouble of a directory that cannot mean what it says.
var errVanished = errors.New("another directory has its place and holds no spec; what runs goes on until a spec appears or a rescan is asked for")

// scan reads the whole directory and tells the core what has changed. A
// directory that cannot be read, or that was replaced by an empty one, changes
// nothing: it has vanished, which nobody means by "remove everything".
func (c *configDir) scan(force bool) {
	now := c.clock()
	fi, id, err := c.disk.statDir(c.path)
	if err == nil {
		err = c.reader.trust.dir(c.path, fi)
	}
	var list []string
	if err == nil {
		list, err = c.disk.names(c.path)
	}
	c.lost = true
	if err != nil {
		c.trouble.note("config", fmt.Errorf("cannot be read; what runs goes on: %w", err))
		return
	}
	present := make(map[string]bool, len(list))
	bad := map[string]string{}
	for _, file := range list {
		if _, known := c.files[file]; known {
			present[file] = true
			continue
		}
		switch name, kind := spec.NameOf(file); {
		case kind == spec.FileIgnored, c.isDir(file):
		case kind == spec.FileSpec:
			present[file] = true
		case kind == spec.FileBad:
			bad[fileName(file)] = spec.CheckName(name).Error()
		}
	}
	if c.id != (dirID{}) && id != c.id && len(present) == 0 && !force {
		c.trouble.note("config", errVanished)
		return
	}
	c.trouble.note("config", nil)
	first := c.fresh
	c.id, c.lost, c.fresh = id, false, false
	c.reader.owner = fi.Sys().(*unixStat).Uid
	c.compare(list, present, now)
	if first || !maps.Equal(bad, c.bad) {
		c.bad = bad
		ev := scanned{bad: maps.Clone(bad)}
		if first {
			ev.names = map[string]bool{}
			for file := range present {
				name, _ := spec.NameOf(file)
				ev.names[name] = true
				if c.told[name].absent() {
					c.told[name] = untold
				}
			}
		}
		c.out.send(ev)
	}
}

// isDir reports whether an entry is a directory, and no link to one.
func (c *configDir) isDir(file string) bool {
	fi, err := c.disk.lstat(filepath.Join(c.path, file))
	return err == nil && fi.IsDir()
}

// fileName is a file's name as JSON can hold it.
func fileName(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	return strconv.Quote(name)
}

// compare reads the files that may have changed, and judges their names.
func (c *configDir) compare(list []string, present map[string]bool, now time.Time) {
	names := map[string]bool{}
	again := func(file string) {
		c.readAgain(file, true)
		name, _ := spec.NameOf(file)
		names[name] = true
	}
	same := make([]string, 0, len(present)) // as far as is known
	for _, file := range list {
		switch old, known := c.files[file]; {
		case !present[file]:
		case known && !old.young:
			same = append(same, file)
		default:
			again(file)
		}
	}
	c.disk.keys(c.path, same, func(file string, key fileKey, err error) {
		if err != nil || key != c.files[file].key {
			again(file)
		}
	})
	for file := range c.files {
		if !present[file] {
			delete(c.files, file)
			name, _ := spec.NameOf(file)
			names[name] = true
		}
	}
	for name := range c.told {
		if !present[name] && !present[name+".json"] {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c.judge(name, now, false)
	}
}
