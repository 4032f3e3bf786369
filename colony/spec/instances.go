package spec

import (
	"strconv"
	"strings"
)

// MaxInstances bounds the key "instances": each is a process, with a file for
// its status. A larger number is a slip of the keyboard.
const MaxInstances = 1000

// Services lists the services that the file called name makes with s: name
// itself or, with instances, NAME@1, NAME@2 and so on; with 0 of them, none.
func (s *Spec) Services(name string) []string {
	if s.Instances == nil {
		return []string{name}
	}
	all := make([]string, *s.Instances)
	for i := range all {
		all[i] = InstanceName(name, i+1)
	}
	return all
}

// Runs reports whether the spec asks for any process: it does, but for
// "instances": 0.
func (s *Spec) Runs() bool { return s.Instances == nil || *s.Instances > 0 }

// InstanceName is the name of one instance of the file called name.
func InstanceName(name string, number int) string { return name + "@" + strconv.Itoa(number) }

// Instance takes the name of a service apart: "web@2" is instance 2 of the file
// "web". A service that is its file's only one has the number 0, and so has a
// helper.
func Instance(service string) (file string, number int) {
	at := strings.LastIndexByte(service, '@')
	if at <= 0 {
		return service, 0
	}
	digits := service[at+1:]
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > MaxInstances || strconv.Itoa(n) != digits {
		return service, 0
	}
	return service[:at], n
}

// OnlyScaled reports whether two specs with instances differ at most in their
// number, and in how they are written.
func OnlyScaled(a, b *Spec) bool {
	return a.Instances != nil && b.Instances != nil && a.Common == b.Common
}

// instances reads how many there are.
func (r *reader) instances(n *node) {
	i, ok := r.integer(n, "instances", 0, MaxInstances)
	if !ok {
		return
	}
	count := int(i)
	r.spec.Instances = &count
}

// checkInstances finds what several of one cannot do. It comes after all keys.
func (r *reader) checkInstances() {
	if r.spec.Instances == nil {
		return
	}
	if r.spec.Main {
		r.add(max(r.at["instances"], r.at["main"]), "instances: excludes main, of which there is one")
	}
	if r.spec.Stdin == StdinInherit {
		r.add(max(r.at["instances"], r.at["stdin"]), `instances: excludes stdin "inherit", from which each would take a part`)
	}
}
