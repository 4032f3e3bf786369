package ctl

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Timetable returns what @schedule knows of a service: when it has been started
// and is due. Of a service without a schedule, and of one that @schedule has not
// seen, it is nil.
func Timetable(p Places, name string) (*spec.Timetable, error) {
	if err := checkTarget(name); err != nil {
		return nil, err
	}
	t, err := readJSON[spec.Timetable](p.Schedule(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the schedule of %q: %w", name, err)
	}
	return t, nil
}
