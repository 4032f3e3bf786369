package colony

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

// emptyTries is how often we look whether a pipe is empty, a millisecond apart.
const emptyTries = 5

// noteBegin says where in a stream a life begins, for @log to take no line of the
// life before for one that says that this one is ready. Nobody writes now: when
// the pipe is empty, the end of the file is where it begins. If it is not empty
// soon, because @log does not read, that goes by the time.
func noteBegin(dir string, pipe int, life uint64) {
	for try := 0; ; try++ {
		if n, err := unix.IoctlGetInt(pipe, unix.TIOCINQ); err == nil && n == 0 {
			break
		}
		if try == emptyTries {
			return
		}
		time.Sleep(time.Millisecond)
	}
	file, err := os.Readlink(filepath.Join(dir, "current"))
	if err != nil {
		return // of the first life
	}
	generation, err := strconv.ParseUint(strings.TrimSuffix(file, ".log"), 10, 64)
	if err != nil {
		return
	}
	fi, err := os.Stat(filepath.Join(dir, file))
	if err != nil {
		return
	}
	atomicfile.Write(filepath.Join(dir, spec.Begun), spec.FormatBegun(life, generation, fi.Size()), 0o640, false) // else by the time
}
