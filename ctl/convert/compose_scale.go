package convert

import (
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// instances reads how many containers there are of a service. One is the service
// itself.
func (s *composeItem) instances(f field, value *yaml.Node) {
	text, isText := scalar(value)
	n, err := strconv.Atoi(s.interpolate(f, text))
	if !isText || err != nil || n < 0 || n > spec.MaxInstances {
		s.lost(f, "it is no number from 0 to %d", spec.MaxInstances)
		return
	}
	if n == 1 {
		s.spec.Instances = nil
		return
	}
	s.spec.Instances = &n
	if n > 1 {
		s.about(f, "%d instances of one service, %s to %s", n, spec.InstanceName(s.name, 1), spec.InstanceName(s.name, n))
	}
}
