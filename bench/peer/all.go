package peer

import "slices"

// Built are the programs that are ours.
type Built struct{ Ncolony, BareC, BareGo string }

// All are the peers that there are here: ours, the limits, and what is
// installed.
func All(b Built) []Peer {
	all := []Peer{&ncolony{b.Ncolony}, &bare{"bare-c", []string{b.BareC}}, &bare{"bare-go", []string{b.BareGo}},
		&bare{"bare-go-goroutines", []string{b.BareGo, "-each"}}}
	for _, make := range []func() Peer{findDinit, findS6, findRunit, findDaemontools, findSupervisord, findPebble,
		func() Peer { return findInit("tini", "-s") }, func() Peer { return findInit("dumb-init") }} {
		if p := make(); p != nil {
			all = append(all, p)
		}
	}
	return all
}

// Choose picks peers by their names; no names: all.
func Choose(all []Peer, names []string) []Peer {
	if len(names) == 0 {
		return all
	}
	var some []Peer
	for _, p := range all {
		if slices.Contains(names, p.Name()) {
			some = append(some, p)
		}
	}
	return some
}
