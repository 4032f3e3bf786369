package heart

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// create makes path. The time of its making is the first beat, unless another
// program was faster: then the file is touched.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|syscall.O_NONBLOCK, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(touch(path), f.Close())
}

// rewrite changes the mtime of path where touch is not possible, as on systems
// and file systems that let only a file's owner set its times. It writes the
// first byte over itself, or a newline into an empty file.
func rewrite(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	first := []byte{'\n'}
	if _, err = f.ReadAt(first, 0); err == nil || errors.Is(err, io.EOF) {
		_, err = f.WriteAt(first, 0)
	}
	return errors.Join(err, f.Close())
}
