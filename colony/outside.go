package colony

import (
	"math/rand/v2"
	"time"
)

// outside is the world as the edges meet it: this machine's, or the simulator's.
type outside struct {
	disk  disk
	procs procs
	now   func() moment    // for the loop
	clock func() time.Time // for the edges' own intervals; setting the wall clock does not change them
	seed  uint64           // of the jitter of a new model
}

func thisMachine() outside {
	return outside{osDisk{}, procFS{}, now, time.Now, rand.Uint64()}
}
