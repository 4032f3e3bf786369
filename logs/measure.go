package logs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/ncolony/ncolony-go/internal/atomicfile"
)

// lostName is the file in the directory of a stream that holds its Lost.
const lostName = "dropped"

// Lost is what of a stream was not kept, since its directory was made. It is
// written when the log itself says so, at most once a second.
type Lost struct {
	Lines int64 `json:"lines"`
	Bytes int64 `json:"bytes"`
}

// ReadLost returns what was not kept of the stream in dir. Where nothing was ever
// dropped, that is nothing.
func ReadLost(dir string) (l Lost, err error) {
	b, err := os.ReadFile(filepath.Join(dir, lostName))
	if errors.Is(err, fs.ErrNotExist) {
		return Lost{}, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &l)
	}
	if err == nil && (l.Lines < 0 || l.Bytes < 0) {
		err = errors.New("less than nothing was dropped")
	}
	if err != nil {
		return Lost{}, fmt.Errorf("read what was dropped in %s: %w", dir, err)
	}
	return l, nil
}

// addLost adds to what is in the file. One that cannot be read begins anew.
func addLost(dir string, more Lost) error {
	l, _ := ReadLost(dir)
	l.add(more)
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, lostName), append(b, '\n'), fileMode, false)
}

func (l *Lost) add(more Lost) {
	l.Lines += min(more.Lines, math.MaxInt64-l.Lines)
	l.Bytes += min(more.Bytes, math.MaxInt64-l.Bytes)
}

// Part is a file of a stream.
type Part struct {
	Generation uint64
	Bytes      int64 // of output in it, uncompressed
	Size       int64 // on the disk, without its index
	Aside      bool  // nothing is added to it any more
}

// Measure lists the files of the stream in dir, the oldest first. A directory
// that is not there has none. Only names, sizes and, of what is compressed, the
// index are looked at.
func Measure(dir string) ([]Part, error) {
	all, err := parts(dir)
	if err != nil {
		return nil, err
	}
	var kept []Part
	for i, p := range all {
		fi, err := os.Stat(p.path(dir))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile, or just compressed: then it is there the next time
		}
		if err != nil {
			return nil, err
		}
		k := Part{p.generation, fi.Size(), fi.Size(), i+1 < len(all)}
		if p.gzip {
			if k.Bytes, err = sizeOf(dir, p); err != nil {
				continue
			}
		}
		kept = append(kept, k)
	}
	return kept, nil
}
