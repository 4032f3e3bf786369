package convert

import (
	"strconv"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// What supervisord raises its own limits to, if it is told nothing. Machines
// have as much without it.
const (
	usualFiles     = 1024
	usualProcesses = 200
)

// minimum reads minfds or minprocs.
func minimum(e iniEntry) (int, error) {
	n, err := within(e.value, 0, 1<<31-1)
	if err != nil {
		return 0, err
	}
	return *n, nil
}

// iniRights says what becomes of a key of [supervisord] that programs inherit;
// see commonRights.
func (c *conversion) iniRights(e iniEntry, key string) {
	if e.key == "umask" {
		if _, err := mode(e.value); err != nil {
			c.note(e.at, Lost, key, "%v", err)
		}
		return
	}
	n, err := minimum(e)
	switch {
	case err != nil:
		c.note(e.at, Lost, key, "%v", err)
	case e.key == "minfds" && n > usualFiles:
		c.note(e.at, About, key, "supervisord raises its limit to at least that, for all programs; here each has rlimits.nofile, which is exactly that, soft and hard")
	case e.key == "minprocs" && n > usualProcesses:
		c.note(e.at, Lost, key, "it is a minimum, and rlimits.nproc would be a bound, for all processes of the user: start ncolony with as much (ulimit -u %s), or give it to those that need it", strconv.Itoa(n))
	}
}

// commonRights gives a program what it would inherit from supervisord.
func (p *iniProgram) commonRights(common *iniSection) {
	if e, ok := common.get("umask"); ok {
		if _, own := p.section.get("umask"); !own {
			p.spec.Umask, _ = mode(e.value)
		}
	}
	if e, ok := common.get("minfds"); ok {
		if n, err := minimum(e); err == nil && n > usualFiles {
			p.spec.Rlimits = map[string]spec.Rlimit{"nofile": {Soft: spec.Size(n), Hard: spec.Size(n)}}
		}
	}
}
