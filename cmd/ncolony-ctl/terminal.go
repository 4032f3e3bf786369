package main

import (
	"io"
	"os"

	"github.com/ncolony/ncolony-go/internal/terminal"
)

// wantsColour says whether w is a terminal that may be coloured.
func wantsColour(w io.Writer) bool {
	return terminal.Is(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
