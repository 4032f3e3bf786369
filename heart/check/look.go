package check

import (
	"path/filepath"

	"github.com/ncolony/ncolony-go/internal/helper"
)

// markOf is what of a file a beat changes.
func markOf(v helper.Version) mark { return mark{mtime: v.Mtime, ino: v.Ino, size: v.Size} }

// beatFile is where a service beats: status or, if that is a directory, the file
// within it that is named after the service.
type beatFile struct {
	status, within string
	isDir          bool // as seen last; the right guess saves a stat
}

func newBeatFile(status, name string) beatFile {
	return beatFile{status: status, within: filepath.Join(status, name)}
}

// look says which of the two files it is at the moment, whether it is there, and
// how it looks. A file that is missing is no error.
func (b *beatFile) look() (path string, m mark, found bool, err error) {
	if b.isDir {
		if v, _, err := helper.Stat(b.within); err == nil {
			return b.within, markOf(v), true, nil
		}
	}
	v, isDir, err := helper.Stat(b.status)
	path, b.isDir = b.status, isDir
	if isDir {
		path = b.within
		v, _, err = helper.Stat(b.within)
	}
	if err != nil && helper.Missing(err) {
		return path, mark{}, false, nil
	}
	return path, markOf(v), err == nil, err
}
