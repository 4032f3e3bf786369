package logs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Names in the directory of a stream, beside spec.Pipe.
const (
	current    = "current" // a symbolic link to the file that is written
	plainEnd   = ".log"
	gzipEnd    = ".log.gz"
	indexEnd   = ".index"
	tempBegin  = "."
	dirMode    = 0o750
	fileMode   = 0o640
	stderrName = "stderr" // the directory of the other stream
)

// Position is a byte of a stream. Later bytes have larger positions, across
// files and restarts of whatever reads or writes them.
type Position struct {
	// Generation is the number of the file: the unix time at which it was begun, or
	// one more than that of the file before, whichever is larger.
	Generation uint64
	Offset     int64 // in the file, uncompressed
}

func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Generation, p.Offset) }

// MarshalText is String.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is ParsePosition.
func (p *Position) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePosition(string(b))
	return err
}

// Compare orders positions.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Generation, q.Generation), cmp.Compare(p.Offset, q.Offset))
}

// ParsePosition is the opposite of String.
func ParsePosition(s string) (p Position, err error) {
	generation, offset, _ := strings.Cut(s, ":")
	if p.Generation, err = strconv.ParseUint(generation, 10, 64); err == nil {
		p.Offset, err = strconv.ParseInt(offset, 10, 64)
	}
	if err != nil || p.Offset < 0 {
		return Position{}, fmt.Errorf("read position %q: must be GENERATION:OFFSET", s)
	}
	return p, nil
}

// part is one file of a stream.
type part struct {
	generation uint64
	gzip       bool
}

func (p part) path(dir string) string {
	if p.gzip {
		return gzipPath(dir, p.generation)
	}
	return plainPath(dir, p.generation)
}

func number(dir string, generation uint64, end string) string {
	return filepath.Join(dir, strconv.FormatUint(generation, 10)+end)
}
func plainPath(dir string, generation uint64) string { return number(dir, generation, plainEnd) }
func gzipPath(dir string, generation uint64) string  { return number(dir, generation, gzipEnd) }
func indexPath(dir string, generation uint64) string { return number(dir, generation, indexEnd) }

// generationOf reads the name of a file; ok is false if it is none of ours.
func generationOf(base string) (generation uint64, end string, ok bool) {
	digits, end, _ := strings.Cut(base, ".")
	end = "." + end
	if end != plainEnd && end != gzipEnd && end != indexEnd || digits == "" || digits[0] == '0' || len(digits) > 19 {
		return 0, "", false
	}
	generation, err := strconv.ParseUint(digits, 10, 64)
	return generation, end, err == nil
}

// parts lists the files of the stream in dir, the oldest first. A directory that
// is not there has none.
func parts(dir string) ([]part, error) {
	names, err := readNames(dir)
	if err != nil {
		return nil, err
	}
	var all []part
	for _, name := range names {
		if generation, end, ok := generationOf(name); ok && end != indexEnd {
			all = append(all, part{generation, end == gzipEnd})
		}
	}
	slices.SortFunc(all, func(a, b part) int {
		switch {
		case a.generation != b.generation || a.gzip == b.gzip:
			return cmp.Compare(a.generation, b.generation)
		case b.gzip:
			return -1
		}
		return 1
	})
	// Both are there for the instant in which one takes the place of the other.
	return slices.CompactFunc(all, func(a, b part) bool { return a.generation == b.generation }), nil
}

// readNames lists a directory; one that is not there is empty.
func readNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}
