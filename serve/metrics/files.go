package metrics

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// maxFileSize is far above what the supervisor and its helpers write.
const maxFileSize = 1 << 20

// settled is the age at which a file is not written again without a sign: two
// writes within a tick of the file system's clock look like one.
const settled = 50 * time.Millisecond

// unchanging reports whether v is old enough to be told from the next version.
func unchanging(v helper.Version) bool { return time.Since(time.Unix(0, v.Mtime)) > settled }

// file is what is known of a file of JSON, which is read only when it has changed.
type file[T any] struct {
	version helper.Version
	content *T // nil: there is none, or none that can be read
}

// read takes in the file at path. One that is not there is no error.
func (f *file[T]) read(path string, good func(*T) error) error {
	v, _, err := helper.Stat(path)
	if err == nil && v == f.version {
		return nil
	}
	*f = file[T]{}
	var data []byte
	if err == nil {
		data, v, err = helper.ReadRegular(path, maxFileSize)
	}
	switch {
	case helper.Missing(err):
		return nil
	case err != nil:
		return err
	}
	content := new(T)
	if err = json.Unmarshal(data, content); err == nil {
		err = good(content)
	}
	if err != nil {
		return fmt.Errorf("read %q: %w", path, err)
	}
	f.content = content
	if unchanging(v) {
		f.version = v
	}
	return nil
}

// folder is a directory with a file for each service.
type folder[T any] struct {
	dir      string
	optional bool                // it may not be there
	known    map[string]*file[T] // by service
}

// read takes in the whole directory.
func (d *folder[T]) read(good func(*T) error, fail func(error)) {
	names, err := namesIn(d.dir)
	if err != nil && !(d.optional && helper.Missing(err)) {
		fail(err)
	}
	known := make(map[string]*file[T], len(names))
	for _, base := range names {
		name, ok := strings.CutSuffix(base, ".json")
		if !ok || !isService(name) {
			continue
		}
		f := d.known[name]
		if f == nil {
			f = new(file[T])
		}
		if err := f.read(d.dir+"/"+base, good); err != nil {
			fail(err)
		}
		known[name] = f
	}
	d.known = known
}

// of is the content of a service's file; nil = there is none.
func (d *folder[T]) of(name string) *T {
	if f := d.known[name]; f != nil {
		return f.content
	}
	return nil
}

// namesIn lists a directory, in no order.
func namesIn(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// isService reports whether name can be that of a service or a helper.
func isService(name string) bool {
	base, _ := spec.Instance(name)
	return spec.CheckName(strings.TrimPrefix(base, "@")) == nil
}
