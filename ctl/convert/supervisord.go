package convert

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// maxProcs bounds numprocs: more is a slip of the keyboard.
const maxProcs = 1000

// supervisord reads configuration of supervisord.
func (c *conversion) supervisord(files []File) error {
	var all []*iniSection
	for _, f := range files {
		sections, err := readIni(f)
		if err != nil {
			return err
		}
		all = append(all, sections...)
	}
	all = mergeIni(all)
	common := &iniSection{at: place{files[0].Path, 0}}
	for _, s := range all {
		if s.name == "supervisord" {
			common = s
		}
	}
	programs := map[string][]*draft{}
	for _, s := range all {
		kind, name, _ := strings.Cut(s.name, ":")
		name = strings.TrimSpace(name)
		key := "[" + s.name + "]"
		switch kind {
		case "program":
			programs[name] = c.program(s, name, common)
		case "supervisord":
			c.supervisordItself(s)
		case "include":
			c.iniInclude(s, files)
		case "group":
		case "eventlistener":
			c.note(s.at, Skipped, key, "there is no protocol of event listeners: follow 'ncolony ctl events -f --json' or state/events instead")
		case "fcgi-program":
			c.note(s.at, Skipped, key, `its socket is standard input there; those of "listen" are descriptors from 3 on, with LISTEN_FDS: have the program take that, or open its own`)
		case "unix_http_server", "inet_http_server":
			c.note(s.at, Lost, key, "the supervisor has no socket: it is driven by files, and 'ncolony ctl' writes them")
		case "supervisorctl", "rpcinterface", "ctlplugin":
			c.note(s.at, Lost, key, "'ncolony ctl' finds a colony by its directories")
		default:
			c.note(s.at, Skipped, key, "nothing is known of such a section")
		}
	}
	if len(c.drafts) > 0 {
		// Which of its variables they need is not in the file.
		c.note(common.at, About, "[supervisord] environment", "supervisord gave programs all of its environment; here they get PATH and what env and env_inherit name")
	}
	for _, s := range all {
		if name, ok := strings.CutPrefix(s.name, "group:"); ok {
			c.iniGroup(s, strings.TrimSpace(name), programs)
		}
	}
	return nil
}

// Includes are the absolute patterns of the files that a configuration of
// supervisord includes. What cannot be read includes nothing.
func Includes(f File) (patterns []string) {
	sections, _ := readIni(f)
	for _, s := range sections {
		if e, ok := s.get("files"); ok && s.name == "include" {
			p, _ := includePatterns(e)
			patterns = append(patterns, p...)
		}
	}
	return patterns
}

// includePatterns reads the key files of [include].
func includePatterns(e iniEntry) (patterns []string, err error) {
	here := filepath.Dir(e.at.file)
	text, err := expand(e.value, map[string]string{"here": here, "host_node_name": "*"})
	if err != nil {
		return nil, err
	}
	for _, p := range strings.Fields(text) {
		if !filepath.IsAbs(p) {
			p = filepath.Join(here, p)
		}
		patterns = append(patterns, p)
	}
	return patterns, nil
}

func (c *conversion) iniInclude(s *iniSection, files []File) {
	for _, e := range s.entries {
		patterns, err := includePatterns(e)
		if e.key != "files" || err != nil {
			c.note(e.at, Lost, "[include] "+e.key, "cannot be read")
			continue
		}
		for _, p := range patterns {
			if !slices.ContainsFunc(files, func(f File) bool { ok, _ := filepath.Match(p, f.Path); return ok }) {
				c.note(e.at, Skipped, "[include] files", "there is no file %s", p)
			}
		}
	}
}

// supervisordItself reads what the daemon is told about itself.
func (c *conversion) supervisordItself(s *iniSection) {
	for _, e := range s.entries {
		key := "[supervisord] " + e.key
		switch e.key {
		case "environment": // of the programs
		case "nodaemon", "silent", "logfile", "logfile_maxbytes", "logfile_backups", "loglevel", "pidfile", "childlogdir", "identifier", "nocleanup", "strip_ansi":
		case "umask", "minfds", "minprocs":
			c.iniRights(e, key)
		case "user", "directory":
			if e.key == "user" && (e.value == "root" || e.value == "0") {
				continue
			}
			c.note(e.at, Lost, key, "ncolony stays who and where it was started; each service has %q of its own", map[string]string{"user": "user", "directory": "cwd"}[e.key])
		default:
			c.note(e.at, Lost, key, "nothing here is its counterpart")
		}
	}
}

// iniGroup puts programs into a restart group.
func (c *conversion) iniGroup(s *iniSection, name string, programs map[string][]*draft) {
	for _, e := range s.entries {
		key := "[" + s.name + "] " + e.key
		if e.key != "programs" {
			c.note(e.at, Lost, key, `there is no order by numbers; say "after" in the specs`)
			continue
		}
		for _, p := range strings.Split(e.value, ",") {
			if p = strings.TrimSpace(p); len(programs[p]) == 0 && p != "" {
				c.note(e.at, Lost, key, "there is no program %q", p)
			}
			for _, d := range programs[p] {
				d.spec.Group = []string{name} // it leaves the group of its own
			}
		}
	}
}

// program reads a section [program:NAME]: one service, or numprocs of them. If
// nothing in them differs, they are instances of one.
func (c *conversion) program(s *iniSection, name string, common *iniSection) (drafts []*draft) {
	number := func(key string, standard int) int {
		e, ok := s.get(key)
		if !ok {
			return standard
		}
		n, err := strconv.Atoi(e.value)
		if err != nil || n < 0 || n > maxProcs {
			c.note(e.at, Lost, "["+s.name+"] "+key, "%q is no number from 0 to %d", e.value, maxProcs)
			return standard
		}
		return n
	}
	count, first := number("numprocs", 1), number("numprocs_start", 0)
	if count > 1 && !numbered(s, common) {
		d := c.process(s, name, common, first, count, name)
		d.spec.Instances = &count
		d.say(s.at, About, "["+s.name+"] numprocs", "%d instances of one service, %s to %s", count, spec.InstanceName(d.name, 1), spec.InstanceName(d.name, count))
		return []*draft{d}
	}
	for n := first; n < first+count; n++ {
		called := ""
		if count > 1 {
			called = fmt.Sprintf("%s_%02d", name, n)
		}
		d := c.process(s, name, common, n, count, called)
		if count > 1 {
			d.say(s.at, About, "["+s.name+"] numprocs", "%d services, each with a file of its own, in group %q", count, name)
		}
		drafts = append(drafts, d)
	}
	return drafts
}

// numbered reports whether the processes of a program differ by their number, but
// for their names and where their output goes.
func numbered(sections ...*iniSection) bool {
	for _, s := range sections {
		for _, e := range s.entries {
			switch e.key {
			case "process_name", "stdout_logfile", "stderr_logfile":
			default:
				if strings.Contains(e.value, "%(process_num)") {
					return true
				}
			}
		}
	}
	return false
}

// process reads a section [program:NAME] for one of its processes.
func (c *conversion) process(s *iniSection, name string, common *iniSection, n, count int, called string) *draft {
	vars := map[string]string{
		"program_name": name, "group_name": name, "here": filepath.Dir(s.at.file),
		"process_num": strconv.Itoa(n), "numprocs": strconv.Itoa(count),
	}
	bad := ""
	if e, ok := s.get("process_name"); ok && called != name {
		if text, err := expand(e.value, vars); err != nil || strings.Contains(text, "\x00") {
			bad = "process_name cannot be read"
			called = name
		} else {
			called = text
		}
	} else if called == "" {
		called = name
	}
	p := &iniProgram{draft: c.add(called, s.at), section: s, vars: vars}
	if bad != "" {
		p.lost("process_name", "%s", bad)
	}
	if count > 1 {
		p.spec.Group = []string{name}
	}
	p.environment(common)
	p.environment(s)
	for _, e := range s.entries {
		if last, _ := s.get(e.key); last == e {
			p.entry(e)
		}
	}
	p.commonRights(common)
	p.settle()
	return p.draft
}

// iniProgram is a process of a section [program:NAME].
type iniProgram struct {
	*draft
	section *iniSection
	vars    map[string]string
}

func (p *iniProgram) about(key, format string, args ...any) { p.tell(About, key, format, args...) }
func (p *iniProgram) lost(key, format string, args ...any)  { p.tell(Lost, key, format, args...) }

func (p *iniProgram) tell(kind Kind, key, format string, args ...any) {
	e, ok := p.section.get(key)
	if !ok {
		e.at = p.section.at
	}
	p.say(e.at, kind, "["+p.section.name+"] "+key, format, args...)
}

// environment reads the key of that name of the program, or of [supervisord].
func (p *iniProgram) environment(s *iniSection) {
	e, ok := s.get("environment")
	if !ok {
		return
	}
	text, err := expand(e.value, p.vars)
	var vars []variable
	if err == nil {
		vars, err = iniEnvironment(text)
	}
	if err != nil {
		p.say(e.at, Lost, "["+s.name+"] environment", "%v", err)
		return
	}
	for _, v := range vars {
		p.env[v.name] = literal(v.value)
	}
	// What is set here is known to the expansions that follow.
	for name, value := range p.env {
		if text, plain := value.plain(); plain {
			p.vars["ENV_"+name] = text
		}
	}
}

// settle says what follows from several keys, or from none.
func (p *iniProgram) settle() {
	if p.env["PATH"] == nil {
		p.inherit("PATH")
	}
	if p.spec.Stop.Grace == nil {
		p.spec.Stop.Grace = span(10 * second)
	}
	if p.spec.Restart == "" && !p.once {
		p.spec.Restart = spec.RestartOnFailure // supervisord's "unexpected"
	}
	p.logs()
	p.retries()
}

// retries makes a limit of startretries: so many short lives in a row, which
// here is so many restarts in the time that they take.
func (p *iniProgram) retries() {
	e, ok := p.section.get("startretries")
	retries, err := strconv.Atoi(e.value)
	if ok && (err != nil || retries < 0 || retries > maxProcs) {
		p.lost(e.key, "%q is no number from 0 to %d", e.value, maxProcs)
		return
	}
	if !ok || p.once {
		return
	}
	threshold := second
	if t := p.spec.Backoff.Threshold; t != nil {
		threshold = *t
	}
	if threshold == 0 {
		p.lost(e.key, "with startsecs 0 no life is a short one")
		return
	}
	longest := spec.Duration(max(retries, 1)) * second
	p.spec.Backoff.Max = &longest
	p.spec.Limit = &spec.Limit{Restarts: retries, Within: timeOf(retries, longest, threshold)}
	p.about(e.key, "supervisord counts short lives in a row, waiting 1, 2, 3 ... s between them; limit counts restarts within the time that these take here")
}

// timeOf is how long so many restarts take with delays of 1, 2, 4 ... seconds,
// each up to a tenth longer, between lives of at most life.
func timeOf(restarts int, longest, life spec.Duration) (total spec.Duration) {
	delay := second
	for range restarts {
		total += delay + delay/10
		delay = min(2*delay, longest)
	}
	total += min(life, spec.MaxDuration/(maxProcs+1)) * spec.Duration(restarts+1)
	return min((total+second-1)/second*second, spec.MaxDuration)
}
