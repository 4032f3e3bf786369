package colony

// standingFor is what the services of a file are to others, and known whether
// there is one, though it may be about to go.
func (m *model) standingFor(file string) (st standing, known bool) {
	if f := m.families[file]; f != nil {
		return f.standing, len(f.members) > 0 || m.services[file] != nil
	}
	if s := m.services[file]; s != nil {
		return s.standing, true
	}
	return absent, false
}

// excuseFor is what those say that wait for a file, if it does not come by
// itself.
func (m *model) excuseFor(file string) string {
	if f := m.families[file]; f != nil {
		return f.excuse
	}
	if s := m.services[file]; s != nil && s.standing != absent {
		return s.excuse
	}
	return ""
}

// isFailedJob reports whether d has ended for good, and not well.
func isFailedJob(d *service) bool {
	return d.spec != nil && d.over == hasExited && d.lastExit != nil && d.stopped == nil && !d.gone && d.spec.Runs() && !succeeded(d)
}

// sum works out what all services of a family's file are, together, to those that
// depend on them. They are lost when all are: while one is there, those that run
// have it.
func (m *model) sum(f *family) {
	var some [lost + 1]int
	all := 0
	f.excuse, f.failed = "", nil
	for s := range m.of(f.name) {
		if s.standing == absent {
			continue // it is about to go
		}
		all++
		some[s.standing]++
		if f.failed == nil && isFailedJob(s) {
			f.failed, f.excuse = s, s.excuse
		}
		if f.excuse == "" {
			f.excuse = s.excuse
		}
	}
	f.standing = coming
	switch all {
	case 0:
		f.standing = absent
	case some[fit]:
		f.standing = fit
	case some[lost]:
		f.standing = lost
	}
}

// stays reports whether any service of a file is or will be there for those that
// depend on it.
func (m *model) stays(file string) bool {
	if f := m.families[file]; f != nil && (f.standing == lost || f.standing == absent) {
		return false // if that is not true any more, all are looked at again
	}
	for s := range m.of(file) {
		if st := m.standingOf(s); st == coming || st == fit {
			return true
		}
	}
	return false
}
