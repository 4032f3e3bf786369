package ctl

import (
	"fmt"
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// check adds to the findings what only all specs together show, and what this
// machine lacks for the new ones.
//
// What a new spec needs and there is not is an error, and so is what this plan
// takes away from another. What was not there before either is none of its doing, and a
// warning. The same goes for what the machine lacks; but where no supervisor runs
// nothing starts now, and it may still come: the directory may be part of an image,
// or of a machine that is not this one.
func (b *builder) check() {
	written := map[string]bool{}
	for _, c := range b.plan.Changes {
		written[c.Name] = c.Action != ActionRemove
	}
	g := b.result()
	for _, k := range g.Knots() {
		if at := slices.IndexFunc(k.Members, b.wants); at >= 0 {
			b.report.add(g.Node(k.Members[at]).Path, false, spec.Problem{Message: k.String()})
		}
	}
	for _, name := range b.want.Names() {
		n := b.want.Node(name)
		for _, m := range g.missing(name) {
			ours := m.absent && (written[name] || b.standing[m.need] != nil)
			b.report.add(n.Path, !ours, m.Problem)
		}
		if n.Spec == nil {
			continue
		}
		for _, problem := range b.lacking(n.Spec) {
			b.report.add(n.Path, !written[name] || !b.plan.Supervisor, spec.Problem{Message: problem})
		}
	}
	b.oneMain(g)
	b.report.onePlace(g, false, b.wants)
	b.report.sort()
}

// wants says whether name is one of the services of the directory.
func (b *builder) wants(name string) bool { return b.want.Node(name) != nil }

// lacking is Lacking, and what a supervisor that is not root may not do.
func (b *builder) lacking(s *spec.Spec) []string {
	all := Lacking(s)
	if b.uid > 0 {
		uid, err := thisMachine().uid(s)
		if err == nil && uid >= 0 && uid != b.uid {
			all = append(all, fmt.Sprintf("user: the supervisor runs as uid %d and cannot start programs as another user", b.uid))
		}
	}
	return all
}

// oneMain finds services that want to be main beside another.
func (b *builder) oneMain(g *Graph) {
	b.report.mains = nil // they know of this directory alone
	var mains []string
	for _, name := range g.Names() {
		if n := g.Node(name); n.Spec != nil && (n.Spec.Main || b.command && name == mainName) {
			mains = append(mains, name)
		}
	}
	first := "the command that the supervisor was started with"
	if !b.command && len(mains) > 0 {
		at := max(slices.IndexFunc(mains, func(name string) bool { return !b.wants(name) }), 0)
		first = mains[at]
		mains = slices.Delete(mains, at, at+1)
	}
	for _, name := range mains {
		if b.wants(name) {
			b.report.add(g.Node(name).Path, false, spec.Problem{Message: "main: " + first + " is main already"})
		}
	}
}
