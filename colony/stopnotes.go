package colony

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// inOrderOfStops is the names in which stops are written: what is stopped comes
// before what is not any more, for the notes of instances may take the place of
// the one of their file.
func inOrderOfStops(stops map[string]*spec.StopNote) []string {
	ends := func(name string) int {
		if stops[name] == nil {
			return 1
		}
		return 0
	}
	return slices.SortedFunc(maps.Keys(stops), func(a, b string) int {
		return cmp.Or(cmp.Compare(ends(a), ends(b)), cmp.Compare(a, b))
	})
}

// keepStop writes or removes the note of a stop.
func (p *publisher) keepStop(name string, note *spec.StopNote) error {
	path := filepath.Join(p.places.StoppedDir(), name)
	if note == nil {
		return remove(p.disk, path)
	}
	b, err := asJSON(note)
	if err != nil {
		return err
	}
	return p.disk.write(path, b, 0o640, true)
}
