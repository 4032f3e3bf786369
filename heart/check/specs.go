package check

import (
	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// wishes are what a spec says that is ours to see.
type wishes struct {
	heart *spec.Beatcheck // nil: nobody expects beats, or never understood
	ready *spec.Readiness // nil: likewise
	dump  spec.Signal     // what it is asked by what it is doing; 0 = nothing is
	group []string
}

// specs is what the config directory says about hearts; file, one file of it.
type (
	specs = helper.Specs[wishes]
	file  = helper.File[wishes]
)

func newSpecs(dir string) *specs {
	return &specs{Dir: dir, Take: func(s *spec.Spec) wishes { return wishes{s.Heart, s.Ready, s.Stop.Dump, s.Group} }}
}

// hearts returns which services are expected to beat, and how.
func hearts(s *specs, before map[string]*patient) map[string]*file {
	found := s.ByService(func(name string) *file {
		if p := before[name]; p != nil {
			return p.file
		}
		return nil
	})
	for name, f := range found {
		if f.Spec.heart == nil {
			delete(found, name)
		}
	}
	return found
}
