// Package atomicfile replaces files in one step: a reader sees the old content
// or the new one, never a part. Every writer of the project goes through it.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Temp begins the name of every temporary file.
const Temp = ".tmp-"

// Write replaces path with data and mode perm. The temporary file stands in the
// same directory and begins with a dot, which every reader of a colony skips.
// With sync the content is on the disk before the name points to it, so that a
// power cut leaves one version whole.
//
// Something that is there and is no regular file (a device, a FIFO, a
// directory) is refused rather than replaced. An error names path and not the
// temporary file, so that the same trouble reads the same each time.
func Write(path string, data []byte, perm fs.FileMode, sync bool) (err error) {
	if fi, err := os.Stat(path); err == nil && !fi.Mode().IsRegular() {
		return fmt.Errorf("write %s: not a regular file", path)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, cause(err))
		}
	}()
	f, err := os.CreateTemp(filepath.Dir(path), Temp+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close() // it may be closed already
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Chmod(perm); err != nil {
		return err
	}
	if sync {
		if err = f.Sync(); err != nil {
			return err
		}
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// cause is err without the paths it was about.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
