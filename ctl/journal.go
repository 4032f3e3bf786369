package ctl

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// journal reads the lines of state/events: those of current.jsonl, to which the
// supervisor appends, and of the files it was before, current.jsonl.1 the
// youngest. Files are told apart by identity and not by name, so that one that
// is renamed between two looks is neither read twice nor lost. They stay open,
// for only then does no other file get their identity.
type journal struct {
	dir   string
	files []*eventFile // the oldest first; the last is current.jsonl
}

// eventFile is one file and how far it is read.
type eventFile struct {
	*os.File
	info os.FileInfo
	at   int64  // what is read
	torn []byte // the beginning of a line that has no end yet
}

// mostEventFiles bounds the search for older files: more than are ever kept.
const mostEventFiles = 100

// read calls take with every whole line that was not read before. What take is
// given is only good until it returns.
func (j *journal) read(ctx context.Context, take func(line []byte) error) error {
	if !j.current() {
		// What the supervisor wrote last, before it began another file.
		if err := j.readFiles(ctx, take); err != nil {
			return err
		}
		if err := j.list(); err != nil {
			return err
		}
	}
	return j.readFiles(ctx, take)
}

func (j *journal) readFiles(ctx context.Context, take func(line []byte) error) error {
	for _, f := range j.files {
		if err := f.read(ctx, take); err != nil {
			return err
		}
	}
	return nil
}

// current says whether current.jsonl is still the file we read last.
func (j *journal) current() bool {
	if len(j.files) == 0 {
		return false
	}
	fi, err := os.Stat(j.path(0))
	return err == nil && os.SameFile(fi, j.files[len(j.files)-1].info)
}

func (j *journal) path(number int) string {
	path := filepath.Join(j.dir, "current.jsonl")
	if number > 0 {
		path += "." + strconv.Itoa(number)
	}
	return path
}

// list finds the files there are. It begins with the youngest: one that is
// renamed meanwhile is then found a second time, where in the other order it
// would be missed.
func (j *journal) list() error {
	var found []*eventFile
	missing := 0 // in a row: one may be, in the midst of a renaming
	for number := 0; number < mostEventFiles && missing < 2; number++ {
		f, err := j.open(number)
		if errors.Is(err, fs.ErrNotExist) {
			missing++
			continue
		}
		missing = 0
		switch {
		case err != nil:
			for _, f := range found {
				f.Close()
			}
			return err
		case slices.ContainsFunc(found, func(o *eventFile) bool { return os.SameFile(o.info, f.info) }):
			f.Close()
		default:
			found = append(found, f)
		}
	}
	slices.Reverse(found)
	begin := len(found) // of what is known or newer
	for i, f := range slices.Backward(found) {
		if old := j.known(f); old != nil {
			f.at, f.torn = old.at, old.torn
			begin = i
		}
	}
	if begin == len(found) { // nothing is known
		begin = 0
	}
	for _, f := range found[:begin] { // was seen, and dropped, or is none of the supervisor's
		f.Close()
	}
	if len(found) == 0 {
		return nil // what was known goes on being so
	}
	j.close()
	j.files = found[begin:]
	return nil
}

// known is what was read of f before, nil if there is nothing.
func (j *journal) known(f *eventFile) *eventFile {
	if i := slices.IndexFunc(j.files, func(old *eventFile) bool { return os.SameFile(f.info, old.info) }); i >= 0 {
		return j.files[i]
	}
	return nil
}

func (j *journal) open(number int) (*eventFile, error) {
	f, err := os.Open(j.path(number))
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &eventFile{File: f, info: fi}, nil
}

func (j *journal) close() {
	for _, f := range j.files {
		f.Close()
	}
	j.files = nil
}

// read takes the lines that f has grown by. A file that somebody has emptied
// begins anew.
func (f *eventFile) read(ctx context.Context, take func(line []byte) error) error {
	fi, err := f.Stat()
	switch {
	case err != nil:
		return err
	case fi.Size() == f.at:
		return nil
	case fi.Size() < f.at:
		f.at, f.torn = 0, nil
	}
	buf := make([]byte, 64<<10)
	for ctx.Err() == nil {
		n, err := f.ReadAt(buf, f.at)
		f.at += int64(n)
		for rest := buf[:n]; len(rest) > 0; {
			line, after, whole := bytes.Cut(rest, []byte("\n"))
			rest = after
			if !whole {
				f.torn = append(f.torn, line...)
				break
			}
			if len(f.torn) > 0 {
				line = append(f.torn, line...)
				f.torn = nil
			}
			if err := take(line); err != nil {
				return err
			}
		}
		if err == io.EOF || err == nil && n == 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
