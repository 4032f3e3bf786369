package convert

import (
	"fmt"
	"math"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// capSet is a set of capabilities by their numbers.
type capSet uint64

// allCaps are those that a spec can name.
var allCaps = capSet(1)<<len(spec.Capabilities) - 1

// capOf is the capability of a name with CAP_ in front, or, if bare, without
// too; in any case.
func capOf(name string, bare bool) (capSet, bool) {
	short, prefixed := strings.CutPrefix(strings.ToUpper(name), "CAP_")
	n := slices.Index(spec.Capabilities, short)
	if n < 0 || !prefixed && !bare {
		return 0, false
	}
	return 1 << n, true
}

// names are those of c as a spec has them. They are never nil: no capability is
// not the same as those that its user has.
func (c capSet) names() []string {
	list := make([]string, 0, bits.OnesCount64(uint64(c)))
	for n, name := range spec.Capabilities {
		if c&(1<<n) != 0 {
			list = append(list, name)
		}
	}
	return list
}

// rights is what a service may have where it comes from: the capabilities that
// its processes are given, and what bounds those of programs that it executes.
type rights struct {
	bound, ambient capSet
	root           bool // its user is
	inverted       bool // one of the sets is "all but"
}

// onlyBound says why a bound becomes no list.
const onlyBound = "it only bounds what set-user-ID programs may get, because the user is not root; a list here is what the service itself has too: \"capabilities\": [] or \"no_new_privs\": true denies them all of it"

// capabilities makes one list of r, which is all five sets. It returns what is
// to be said of it.
func (d *draft) capabilities(r rights) (kind Kind, text string) {
	list, bounded := r.ambient, r.bound != allCaps
	nothingNew := d.spec.NoNewPrivs // a bound is not felt then
	switch {
	case r.root && bounded:
		list |= r.bound
	case r.root: // it has all, whatever is ambient
		return "", ""
	case list == 0 && !bounded: // it has none anyway
		return "", ""
	case list == 0 && r.bound != 0 && !nothingNew:
		return Lost, onlyBound
	}
	d.spec.Capabilities = list.names()
	switch {
	case r.inverted && bits.OnesCount64(uint64(list)) > len(spec.Capabilities)/2:
		return About, "capabilities lists all the others; it cannot start under a supervisor that has not all of these: leave out what it does not need"
	case !nothingNew && r.bound != list:
		return About, "the bounding set is the same list here: set-user-ID programs that it executes get no more"
	}
	return "", ""
}

// mostOf is the largest size that a spec can have.
const mostOf = spec.Size(1 << 53)

// rlimit sets a resource limit, or says why it cannot be.
func (d *draft) rlimit(name string, soft, hard spec.Size) error {
	switch {
	case name == "nofile" && hard == spec.Unlimited:
		return fmt.Errorf("the kernel takes no infinity for it, nor more than fs.nr_open: \"rlimits\": {\"nofile\": 1048576} is the most that there usually is")
	case soft > hard:
		return fmt.Errorf("the soft limit is more than the hard one")
	case soft > mostOf && soft != spec.Unlimited || hard > mostOf && hard != spec.Unlimited:
		return fmt.Errorf("more than a machine can have")
	}
	if d.spec.Rlimits == nil {
		d.spec.Rlimits = map[string]spec.Rlimit{}
	}
	d.spec.Rlimits[name] = spec.Rlimit{Soft: soft, Hard: hard}
	return nil
}

// hasLimits is what there is instead of other limits.
const hasLimits = "cgroup has memory_max, memory_high, cpu_max and pids_max"

// cgroup is the control group of the spec, made on first use.
func (d *draft) cgroup() *spec.Cgroup {
	if d.spec.Cgroup == nil {
		d.spec.Cgroup = &spec.Cgroup{}
	}
	return d.spec.Cgroup
}

// memory checks a limit of memory.
func memory(n spec.Size) error {
	switch {
	case n == 0:
		return fmt.Errorf("a limit of 0 leaves no memory at all")
	case n > mostOf:
		return fmt.Errorf("more than a machine can have")
	}
	return nil
}

// cpus sets how many processors it may use.
func (d *draft) cpus(n float64) error {
	if !(n >= 0.01 && n <= 10000) {
		return fmt.Errorf("cpu_max is from 0.01 to 10000 processors, not %g", n)
	}
	c := spec.CPUs(math.Round(n*1e5) / 1e5) // the kernel counts in 1 us of 100 ms
	d.cgroup().CPUMax = &c
	return nil
}

// pids sets how many processes and threads it may have.
func (d *draft) pids(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1<<22 {
		return fmt.Errorf("%q is no number from 1 to %d", text, 1<<22)
	}
	d.cgroup().PidsMax = &n
	return nil
}

// within reads a whole number within bounds.
func within(text string, least, most int) (*int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < least || n > most {
		return nil, fmt.Errorf("%q is no number from %d to %d", text, least, most)
	}
	return &n, nil
}

// mode reads an umask in octal.
func mode(text string) (*spec.Mode, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "0o"), 8, 32)
	if err != nil || n > 0o777 || strings.HasPrefix(text, "+") {
		return nil, fmt.Errorf("%q is no umask from 0000 to 0777", text)
	}
	m := spec.Mode(n)
	return &m, nil
}

// How sizes are written: a number, perhaps with a fraction, and a unit of 1024.
var (
	unitSize    = regexp.MustCompile(`^([0-9]+)(\.[0-9]+)?\s*([BKMGTPE]?)$`)
	composeSize = regexp.MustCompile(`^([0-9]+)(\.[0-9]+)? ?(?:([kKmMgGtTpP])?(?:[iI]?[bB])?)$`)
)

// sizeIn reads a size of that form. One that is more than a spec can say is just
// too much.
func sizeIn(form *regexp.Regexp, text string) (spec.Size, error) {
	m := form.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, fmt.Errorf("%q is no size", text)
	}
	shift := 10 * max(0, strings.Index("BKMGTPE", strings.ToUpper(m[3])))
	whole, err := strconv.ParseUint(m[1], 10, 64)
	if err != nil || whole > uint64(mostOf)>>shift {
		return mostOf + 1, nil
	}
	fraction, _ := strconv.ParseFloat("0"+m[2], 64)
	return spec.Size(whole<<shift) + spec.Size(math.Ldexp(fraction, shift)), nil
}
