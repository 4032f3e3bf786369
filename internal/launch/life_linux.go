package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// LifeName is the name of what there is of a life, in a directory of many.
func LifeName(service string, generation uint64) string {
	return service + ":" + strconv.FormatUint(generation, 10)
}

// MemoryDirs are where a file system may be that is never written to a disk.
var MemoryDirs = []string{"/run", "/dev/shm"}

// CredentialsRoot is the directory of the directories of credentials of a colony,
// which is named by its id: in one of memory, or else at disk.
func CredentialsRoot(colony string, memory []string, disk string) (dir string, inMemory bool) {
	for _, at := range memory {
		var fs unix.Statfs_t
		if unix.Statfs(at, &fs) == nil && (fs.Type == unix.TMPFS_MAGIC || fs.Type == unix.RAMFS_MAGIC) && unix.Access(at, unix.W_OK) == nil {
			return filepath.Join(at, fmt.Sprintf("ncolony-%d-%s", os.Getuid(), colony)), true
		}
	}
	return disk, false
}
