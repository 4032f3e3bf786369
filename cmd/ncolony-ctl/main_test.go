package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Tests find ncolony-ctl in PATH, which is this test. What it does with a supervisor is in
// the scripts, which cmd/ncolony runs.
func TestMain(m *testing.M) {
	if os.Getenv("GORACE") == "" { // else each lingers for a second at its end
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	testscript.Main(m, map[string]func(){"ncolony-ctl": main})
}
