// Package procstat reads what /proc/PID/stat says that those ask who show what
// processes use.
package procstat

import (
	"bytes"
	"strconv"
)

// Ticks is what processor and start times are counted in: USER_HZ, 100 a second
// wherever Go runs on Linux.
const Ticks = 100

// Process is one at a moment.
type Process struct {
	Session int
	Dead    bool   // it is a zombie, or about to vanish
	CPU     uint64 // ticks
	Begun   uint64 // ticks since the machine was started
	Pages   uint64 // resident
}

// Parse reads the fields behind the name, in which there may be anything.
func Parse(text []byte) (p Process, ok bool) {
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return p, false
	}
	fields := bytes.Fields(text[end+1:])
	if len(fields) < 22 {
		return p, false
	}
	ok = true
	number := func(field int) uint64 { // as proc(5) counts them
		n, err := strconv.ParseUint(string(fields[field-3]), 10, 64)
		ok = ok && err == nil
		return n
	}
	p = Process{Session: int(number(6)), Dead: fields[0][0] == 'Z' || fields[0][0] == 'X',
		CPU: number(14) + number(15), Begun: number(22), Pages: number(24)}
	return p, ok
}
