package main

import (
	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/places"
)

// placeFlags are the flags that name a colony, which every command takes.
type placeFlags struct{ places.Flags }

func (f *placeFlags) places() (spec.Places, error) {
	p, err := f.Find()
	if err != nil {
		return spec.Places{}, hinted(err, places.Hint)
	}
	return p, nil
}
