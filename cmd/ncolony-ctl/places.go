package main

import "github.com/ncolony/ncolony-go/internal/places"

// placeFlags are the flags that name a colony, which every command takes.
type placeFlags struct{ places.Flags }
