package ctl

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Services lists the services that a name stands for: those that its spec makes
// (web@1, web@2 with "instances": 2), as far as there is a good one; else those
// that the supervisor knows of it; else name itself.
func Services(p Places, name string) []string {
	if content, _, err := Spec(p, name); err == nil {
		if s, err := spec.Parse(content); err == nil && s.Runs() {
			return s.Services(name)
		}
	}
	if members := withStatus(p, name); len(members) > 0 {
		return members
	}
	return []string{name}
}

// withStatus lists what has a status of all that a name stands for: the service
// of that name, and the instances of the file that is called so.
func withStatus(p Places, name string) (members []string) {
	if _, number := spec.Instance(name); number > 0 {
		if _, err := StatusOf(p, name); err == ErrNoService {
			return nil
		}
		return []string{name}
	}
	names, _ := statusNames(p)
	for _, service := range names {
		if file, _ := spec.Instance(service); file == name {
			members = append(members, service)
		}
	}
	return members
}

// expand puts for each name the services that it stands for and that have a
// status; names of which nobody has one stay.
func expand(p Places, names []string) (all []string) {
	for _, name := range names {
		if members := withStatus(p, name); len(members) > 0 {
			all = append(all, members...)
		} else {
			all = append(all, name)
		}
	}
	return all
}

// made says whether name is an instance that the spec of its file makes.
func made(p Places, name string) bool {
	file, number := spec.Instance(name)
	return number > 0 && slices.Contains(Services(p, file), name)
}

// ByService compares the names of services in the order of Status: helpers last,
// and instances by number.
func ByService(a, b string) int {
	helper := func(name string) int { return strings.Count(name[:min(1, len(name))], "@") }
	fileA, numberA := spec.Instance(a)
	fileB, numberB := spec.Instance(b)
	return cmp.Or(cmp.Compare(helper(a), helper(b)), cmp.Compare(fileA, fileB), cmp.Compare(numberA, numberB))
}
