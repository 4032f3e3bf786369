package ctl

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Probes returns what the health checks of a service have found. Of a service
// without checks, and of one of which none was made yet, it is nil.
func Probes(p Places, name string) (*spec.Probes, error) {
	if err := checkTarget(name); err != nil {
		return nil, err
	}
	found, err := readJSON[spec.Probes](p.Probe(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the health checks of %q: %w", name, err)
	}
	return found, nil
}
