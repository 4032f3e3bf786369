package ctl

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// onePlace adds to the findings, of those that are asked for, which services want
// to listen where another does.
func (r *Report) onePlace(g *Graph, warning bool, asked func(name string) bool) {
	addresses := map[string][]string{}
	for _, name := range g.Names() {
		if n := g.Node(name); n.Spec != nil {
			addresses[name] = n.Spec.Addresses()
		}
	}
	for name, texts := range clashes(addresses) {
		for _, text := range texts {
			if asked(name) {
				r.add(g.Node(name).Path, warning, spec.Problem{Message: text})
			}
		}
	}
}

// clashes says which of the services that listen at the addresses cannot all
// have them: two at one address, or one at a port of every address. Of each
// pair the later in the alphabet is told. An address that it cannot read is
// compared as it is written.
func clashes(addresses map[string][]string) map[string][]string {
	type taken struct{ name, address string }
	by := map[string][]taken{} // network and port, or the whole address
	told := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(addresses)) {
		for _, address := range addresses[name] {
			key, host := port(address)
			for _, t := range by[key] {
				if _, other := port(t.address); host == other || host == "" || other == "" {
					told[name] = append(told[name], fmt.Sprintf("listen: %s is at %s already", t.name, t.address))
				}
			}
			by[key] = append(by[key], taken{name, address})
		}
	}
	return told
}

// port takes an address apart; a host of "" is every one.
func port(address string) (key, host string) {
	network, rest, found := strings.Cut(address, "://")
	if !found {
		network, rest = "tcp", address
	}
	at := strings.LastIndexByte(rest, ':')
	if network == "unix" || at < 0 {
		return network + "://" + rest, "" // the whole of it is one place
	}
	host = strings.Trim(rest[:at], "[]")
	if host == "0.0.0.0" || host == "::" || host == "*" {
		host = ""
	}
	return network + rest[at:], host
}
