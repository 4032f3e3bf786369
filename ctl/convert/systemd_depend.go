package convert

import (
	"slices"
	"strings"
)

// unitOrder are the keys of dependencies.
var unitOrder = map[string]bool{
	"Unit.After": true, "Unit.Before": true, "Unit.Requires": true, "Unit.Requisite": true, "Unit.BindsTo": true, "Unit.Wants": true, "Unit.Upholds": true,
}

// depend reads the dependencies on units that are converted too. What else a unit
// comes after is said: it has to be there before the supervisor is.
func (s *unitService) depend(services map[string]*unitService) {
	for _, key := range s.unit.keys {
		if !unitOrder[key] {
			continue
		}
		var missing []string
		var at place
		for _, line := range s.unit.all[key] {
			for _, name := range strings.Fields(s.specify(key, line.at, line.value)) {
				if strings.HasSuffix(name, ".target") && key != "Unit.Requires" && key != "Unit.BindsTo" && usualTargets[name] {
					continue
				}
				if !s.dependOn(services[name], name, key, line.at) {
					missing, at = append(missing, name), line.at
				}
			}
		}
		switch {
		case len(missing) == 0 || key == "Unit.Wants" || key == "Unit.Before":
		default:
			s.say(at, Lost, key, "not converted along with it: %s", strings.Join(missing, ", "))
		}
	}
}

// usualTargets are reached before anybody starts a supervisor.
var usualTargets = map[string]bool{
	"basic.target": true, "sysinit.target": true, "local-fs.target": true, "remote-fs.target": true, "network.target": true, "network-online.target": true,
	"nss-lookup.target": true, "nss-user-lookup.target": true, "time-sync.target": true, "multi-user.target": true, "syslog.target": true, "network-pre.target": true,
}

// dependOn adds one dependency, if there is such a service.
func (s *unitService) dependOn(other *unitService, name, key string, at place) bool {
	if other == nil {
		return false
	}
	missing := name + " could not be converted"
	switch key {
	case "Unit.After":
		s.refs = append(s.refs, ref{name: other.name, key: key, at: at, missing: missing})
	case "Unit.Before":
		other.refs = append(other.refs, ref{name: s.name, key: key, at: at})
	case "Unit.Requires", "Unit.Requisite", "Unit.BindsTo":
		s.refs = append(s.refs, ref{name: other.name, key: key, at: at, requires: true, missing: missing})
		// Here what is required also comes first.
		for _, line := range other.unit.all["Unit.After"] {
			if slices.Contains(strings.Fields(line.value), s.unit.name) {
				s.refs = s.refs[:len(s.refs)-1]
				s.say(at, Lost, key, "%s starts after it, and here what is required comes first", name)
				break
			}
		}
	}
	return true // Wants and Upholds: all that is converted is started
}
