package proc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Kinds of records; see programs/c/record.h.
const (
	KindChild  = 1 // a child's first instruction
	KindLaunch = 2 // a supervisor is about to be executed
	KindBegun  = 3 // somebody begins to make orphans
	KindMade   = 4 // and has made them
)

const recordSize = 16

// Record is what a process has said of itself.
type Record struct {
	At   int64 // CLOCK_MONOTONIC, nanoseconds
	PID  int
	Kind int
}

// Records is the file that the processes of a measurement append to.
type Records struct {
	Path string
	file *os.File
	kind map[int][]Record // as read so far
	at   int64
}

// NewRecords makes an empty file.
func NewRecords(path string) (*Records, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o666)
	if err != nil {
		return nil, err
	}
	return &Records{Path: path, file: f, kind: map[int][]Record{}}, nil
}

// Close closes the file.
func (r *Records) Close() error { return r.file.Close() }

// Of returns all records of a kind, in the order in which they were written.
func (r *Records) Of(kind int) []Record {
	buf := make([]byte, 4096*recordSize)
	for {
		n, err := r.file.ReadAt(buf, r.at)
		n -= n % recordSize
		for b := buf[:n]; len(b) > 0; b = b[recordSize:] {
			rec := parse(b)
			r.kind[rec.Kind] = append(r.kind[rec.Kind], rec)
		}
		r.at += int64(n)
		if n == 0 || errors.Is(err, io.EOF) {
			return r.kind[kind]
		}
	}
}

func parse(b []byte) Record {
	return Record{At: int64(binary.NativeEndian.Uint64(b)), PID: int(binary.NativeEndian.Uint32(b[8:])), Kind: int(binary.NativeEndian.Uint32(b[12:]))}
}

// Until waits for n records of a kind. The times are in the records: how often
// they are looked for does not matter.
func (r *Records) Until(ctx context.Context, kind, n int) ([]Record, error) {
	for {
		if list := r.Of(kind); len(list) >= n {
			return list, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %d reports, have %d: %w", n, len(r.kind[kind]), ctx.Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// Latest is the largest time of some records.
func Latest(list []Record) (at int64) {
	for _, r := range list {
		at = max(at, r.At)
	}
	return at
}
