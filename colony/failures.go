package colony

import (
	"errors"
	"fmt"
	"syscall"
)

// failures is the first of several: one full disk need not be told for each
// service.
type failures struct{ first error }

// add takes in how something went, and reports whether it failed. Of what the
// system refuses it keeps the directory only: the next service's file is not
// another trouble.
func (f *failures) add(dir string, err error) bool {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		err = fmt.Errorf("write in %s: %w", dir, errno)
	}
	if f.first == nil {
		f.first = err
	}
	return err != nil
}
