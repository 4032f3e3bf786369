// Package ctl drives a colony from outside, through its files alone: it writes
// specs and messages, and reads status and results. There is no connection to
// the supervisor and nothing here that cp, rm and cat could not do as well;
// what the package adds is that a bad spec is never written, that readers never
// see half a file, and that one can wait for what was asked.
//
// Everything but the waiting works while no supervisor runs: specs are found
// at its next start, and messages lie in their directory until then.
package ctl

import (
	"errors"
	"io/fs"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Places are the three directories of the colony that is driven.
type Places = spec.Places

// ErrNoSupervisor says that nobody holds state/lock, so that nobody can answer.
var ErrNoSupervisor = errors.New("no supervisor is running")

// ErrNoService says that the colony has no service of that name. It is also an
// fs.ErrNotExist.
var ErrNoService error = noService{}

type noService struct{}

// Error is the text that results carry too; see Answer.
func (noService) Error() string        { return "no such service" }
func (noService) Is(target error) bool { return target == fs.ErrNotExist }
