package colony

import (
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// policy is what holds where a spec is silent.
type policy struct {
	threshold time.Duration
	grace     time.Duration
	minDelay  time.Duration
	maxDelay  time.Duration
	budget    time.Duration // of a drain; 0 = none
	helpers   map[string]*spec.Spec
}

// The field's usual values, for what has no flag.
const (
	defaultFactor = 2.0
	defaultJitter = 0.1
)
