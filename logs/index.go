package logs

import (
	"encoding/binary"
	"sort"
	"time"
)

// The index of a file is a header and entries of 16 bytes, appended. Whoever
// loses it loses times and speed, and no byte of what was written.
//
//	header   magic (8), teed (8), generation (8), that of the file before (8; 0 = unknown), nothing yet (32)
//	entry    kind (4 bits), offset (44), check (16); value (64)
//
// Each entry has its own check, so that one that is torn spoils no other.
const (
	indexMagic  = "ncolidx1"
	headerSize  = 64
	entrySize   = 16
	teedAt      = 8 // where the header has it
	previousAt  = 24
	maxOffset   = 1<<44 - 1
	neverTeed   = -1
	maxIndex    = 4 << 20 // bytes of times: then a file is put aside, however short
	maxIndexAll = 8 << 20 // what is read of an index
)

// entryKind says what the value of an entry is.
type entryKind uint8

const (
	timeEntry   entryKind = 1 // unix nanoseconds at which the byte at offset came, and those behind it
	linesEntry  entryKind = 2 // how many lines end before offset
	memberEntry entryKind = 3 // where in the compressed file the member begins whose first byte is that at offset
	endEntry    entryKind = 4 // the size of the compressed file; offset is that of what is in it
)

// entry is one of them.
type entry struct {
	kind   entryKind
	offset int64
	value  int64
}

func (e entry) append(b []byte) []byte {
	head := uint64(e.kind)<<60 | uint64(e.offset&maxOffset)<<16
	head |= uint64(check(head, uint64(e.value)))
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, head), uint64(e.value))
}

// readEntry returns what the first entrySize bytes of b say; ok is false if they
// are spoilt.
func readEntry(b []byte) (e entry, ok bool) {
	head, value := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	if uint16(head) != check(head&^0xffff, value) {
		return entry{}, false
	}
	e = entry{entryKind(head >> 60), int64(head >> 16 & maxOffset), int64(value)}
	return e, e.kind != 0 && e.value >= 0
}

// check tells an entry from zeros and from a half of one.
func check(head, value uint64) uint16 {
	h := (head ^ 0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
	h = (h ^ h>>32 ^ value) * 0xc4ceb9fe1a85ec53
	return uint16(h >> 48)
}

// indexHeader is the beginning of an index.
func indexHeader(generation, previous uint64, teed int64) []byte {
	b := make([]byte, headerSize)
	copy(b, indexMagic)
	binary.BigEndian.PutUint64(b[teedAt:], uint64(teed))
	binary.BigEndian.PutUint64(b[16:], generation)
	binary.BigEndian.PutUint64(b[previousAt:], previous)
	return b
}

// index is what is known about a file.
type index struct {
	generation uint64
	whole      bool    // the header is good
	previous   uint64  // generation of the file before; 0 = unknown
	teed       int64   // how much of the file went to the supervisor's output; neverTeed
	times      []entry // in the order of their offsets; the first is at 0
	lines      []entry
	members    []entry
	end        entry // the kind is 0 if there is none
	read       int64 // bytes of the index that were looked at
}

// newIndex is the index of a file of which only the name is known.
func newIndex(generation uint64) *index {
	return &index{generation: generation, teed: neverTeed, times: []entry{{timeEntry, 0, int64(min(generation, 1<<33)) * int64(time.Second)}}}
}

// decodeIndex reads an index from its beginning.
func decodeIndex(generation uint64, b []byte) *index {
	x := newIndex(generation)
	if len(b) < headerSize || string(b[:len(indexMagic)]) != indexMagic || binary.BigEndian.Uint64(b[16:]) != generation {
		return x
	}
	x.whole = true
	if teed := int64(binary.BigEndian.Uint64(b[teedAt:])); teed >= 0 && teed <= maxOffset {
		x.teed = teed
	}
	x.previous = binary.BigEndian.Uint64(b[previousAt:])
	x.read = headerSize
	x.more(b[headerSize:])
	return x
}

// more takes in entries that were appended.
func (x *index) more(b []byte) {
	for ; len(b) >= entrySize; b = b[entrySize:] {
		x.read += entrySize
		e, ok := readEntry(b)
		if !ok {
			continue
		}
		switch e.kind {
		case timeEntry:
			x.times = insert(x.times, e)
		case linesEntry:
			x.lines = insert(x.lines, e)
		case memberEntry:
			x.members = insert(x.members, e)
		case endEntry:
			x.end = e
		}
	}
}

// insert adds e to entries that are ordered by their offsets: one of the same
// offset is replaced, and one that goes back is no good.
func insert(all []entry, e entry) []entry {
	switch n := len(all); {
	case n == 0 || e.offset > all[n-1].offset:
		return append(all, e)
	default:
		if i := sort.Search(n, func(i int) bool { return all[i].offset >= e.offset }); all[i].offset == e.offset {
			all[i] = e
		}
		return all
	}
}

// before returns the last entry whose offset is not behind offset; ok is false
// if there is none.
func before(all []entry, offset int64) (e entry, ok bool) {
	i := sort.Search(len(all), func(i int) bool { return all[i].offset > offset })
	if i == 0 {
		return entry{}, false
	}
	return all[i-1], true
}

// timeOf says when the byte at offset came.
func (x *index) timeOf(offset int64) time.Time {
	e, _ := before(x.times, offset)
	return time.Unix(0, e.value)
}

// since returns the offset of the first bytes that came at t or later; ok is
// false if none did. Clocks are set back now and then: what came between two
// that are late enough is taken to be so too.
func (x *index) since(t time.Time) (offset int64, ok bool) {
	for _, e := range x.times {
		if e.value >= t.UnixNano() {
			return e.offset, true
		}
	}
	return 0, false
}

// until returns the offset before which all that came at t or earlier stands; ok
// is false if that is the whole file.
func (x *index) until(t time.Time) (offset int64, ok bool) {
	for i := len(x.times); i > 0; i-- {
		if x.times[i-1].value <= t.UnixNano() {
			if i == len(x.times) {
				return 0, false
			}
			return x.times[i].offset, true
		}
	}
	return 0, true
}
