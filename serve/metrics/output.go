package metrics

import (
	"maps"
	"path/filepath"

	"github.com/ncolony/ncolony-go/internal/helper"
	"github.com/ncolony/ncolony-go/logs"
)

// streams are what may be captured of a service. Unless standard error is apart,
// stdout has both.
var streams = []string{"stdout", "stderr"}

// output is what was seen of a stream.
type output struct {
	size, written int64 // bytes
	lost          logs.Lost
}

// outputs are the streams of a service, as known.
type outputs [2]measured

// measured is a stream whose directory is looked at again when it has changed:
// otherwise only the last file grows.
type measured struct {
	output
	version helper.Version
	last    uint64           // generation of the last file; 0 = none
	seen    map[uint64]int64 // bytes of output in a file, by generation
}

// measure looks at the stream in dir. False: there is none.
func (m *measured) measure(dir string) (there bool, err error) {
	v, isDir, err := helper.Stat(dir)
	if helper.Missing(err) || err == nil && !isDir {
		*m = measured{output: output{written: m.written}}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if v == m.version && m.last != 0 {
		if f, _, err := helper.Stat(filepath.Join(dir, "current")); err == nil && f.Size >= m.seen[m.last] {
			m.size += f.Size - m.seen[m.last]
			m.saw(m.last, f.Size)
			return true, nil
		}
	}
	m.version = helper.Version{}
	parts, err := logs.Measure(dir)
	if err != nil {
		return false, err
	}
	if m.lost, err = logs.ReadLost(dir); err != nil {
		return false, err
	}
	m.size, m.last = 0, 0
	for _, p := range parts {
		m.size += p.Size
		m.saw(p.Generation, p.Bytes)
		m.last = p.Generation
	}
	maps.DeleteFunc(m.seen, func(generation uint64, _ int64) bool { return len(parts) == 0 || generation < parts[0].Generation })
	if unchanging(v) {
		m.version = v
	}
	return true, nil
}

// saw counts what has come since a file was seen last.
func (m *measured) saw(generation uint64, bytes int64) {
	if m.seen == nil {
		m.seen = map[uint64]int64{}
	}
	m.written += max(0, bytes-m.seen[generation])
	m.seen[generation] = bytes
}

// addOutput adds what is captured of services.
func (r *reader) addOutput(now *reading, fail func(error)) {
	known := make(map[string]*outputs, len(r.outputs))
	for i := range now.services {
		s := &now.services[i]
		if !s.status.Watched.Log {
			continue
		}
		o := r.outputs[s.name]
		if o == nil {
			o = new(outputs)
		}
		known[s.name] = o
		dir := filepath.Join(r.o.Places.LogDir(), s.name)
		for j, dir := range []string{dir, filepath.Join(dir, "stderr")} {
			there, err := o[j].measure(dir)
			if err != nil {
				fail(err)
			}
			if !there {
				break
			}
			s.outputs = append(s.outputs, o[j].output)
		}
	}
	r.outputs = known
}
