package logs

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// Stream is what a service writes: both of its outputs, or one of the two.
type Stream struct {
	Service string
	Stderr  bool // it is standard error, which is apart
	dir     string
}

// Streams lists the streams of which there are files, or may be soon.
func Streams(p spec.Places) (all []Stream, err error) {
	names, err := readNames(p.LogDir())
	for _, name := range names {
		if strings.HasPrefix(name, tempBegin) {
			continue
		}
		for i, dir := range streamDirs(p.LogDir(), name) {
			if fi, err := os.Stat(dir); err == nil && fi.IsDir() {
				all = append(all, Stream{name, i == 1, dir})
			}
		}
	}
	return all, err
}

// Version tells two states of the file apart that is written. While it stays the
// same, nothing has come; zero: there is none.
func (s Stream) Version() helper.Version {
	v, _, err := helper.Stat(filepath.Join(s.dir, current))
	if err != nil {
		return helper.Version{}
	}
	return v
}

// End is the position behind what there is.
func (s Stream) End() (Position, error) { return end(s.dir) }

// Follower reads the lines of one stream, across its files.
type Follower struct{ lines *lines }

// Follow begins at a position, where a line begins, or with the oldest line that
// there is behind it. It has to be closed.
func (s Stream) Follow(at Position) *Follower { return &Follower{newLines(s.dir, at)} }

// Next returns the next line that has an end. io.EOF: there is none yet. What it
// returns is good until the next call.
func (f *Follower) Next() (Line, error) { return f.lines.next() }

// Rest returns what there is of a line that has no end yet; ok is false if there
// is nothing. The next line is what comes behind it.
func (f *Follower) Rest() (line Line, ok bool) { return f.lines.rest() }

// At is the position of what Next returns next.
func (f *Follower) At() Position { return f.lines.at }

// Missed returns, once, between which positions bytes were removed before they
// were read; ok is false if none were.
func (f *Follower) Missed() (from, to Position, ok bool) {
	g := f.lines.missed
	f.lines.missed = gap{}
	return g.from, g.to, g.to != (Position{})
}

// Close closes the files.
func (f *Follower) Close() { f.lines.close() }
