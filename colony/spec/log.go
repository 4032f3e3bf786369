package spec

import "encoding/json"

// Log is the key "log": what becomes of a service's output. A nil Log leaves it
// to go where the supervisor's goes; an empty one captures it with the defaults.
type Log struct {
	// Thrown away; then nothing else counts. In a file: "null" instead of an object.
	Null bool `json:"-"`
	// The file current is put aside before it is larger. Default 10M.
	Size *Size `json:"size,omitempty"`
	// How many files that were put aside are kept. Default 5.
	Files *int `json:"files,omitempty"`
	// Those that were put aside longer ago than this are removed. Without the key:
	// none is for its age.
	Age *Duration `json:"age,omitempty"`
	// The oldest of them are removed when all together have more bytes than this.
	Total *Size `json:"total,omitempty"`
	// Whether they are compressed with gzip. Default true.
	Compress *bool `json:"compress,omitempty"`
	// Whether lines are shown with the time at which they came.
	Timestamps bool `json:"timestamps,omitempty"`
	// How lines are shown: text, or json for an object a line. The files have what
	// was written, in any case.
	Format string `json:"format,omitempty"`
	// True: also to the supervisor's standard output, each line after [NAME].
	Tee bool `json:"tee,omitempty"`
	// Bytes a second; what is more is dropped, and counted in the log.
	Rate *Size `json:"rate,omitempty"`
	// What becomes of standard error: merged into the same files, in the order in
	// which it was written; or apart, in files of its own.
	Stderr string `json:"stderr,omitempty"`
}

// Values of Log.Format and Log.Stderr; the first of each is the default.
const (
	LogText   = "text"
	LogJSON   = "json"
	LogMerged = "merged"
	LogApart  = "apart"
)

// Defaults of a log.
const (
	DefaultLogSize  = Size(10 << 20)
	DefaultLogFiles = 5
)

// NoLog is the Log of a service whose output is thrown away.
func NoLog() *Log { return &Log{Null: true} }

// Captured reports whether the output of a service is kept in files.
func (l *Log) Captured() bool { return l != nil && !l.Null }

// plainLog is a Log without its methods.
type plainLog Log

// MarshalJSON writes "null", or an object.
func (l Log) MarshalJSON() ([]byte, error) {
	if l.Null {
		return []byte(`"null"`), nil
	}
	return json.Marshal(plainLog(l))
}

// log reads the key.
func (r *reader) log(n *node) {
	if n.kind == isString && n.text == "null" {
		r.spec.Log = NoLog()
		return
	}
	if n.kind != isObject {
		if n.kind == isString {
			r.add(n.at, `log: must be "null" or an object; without the key the output is the supervisor's own`)
		} else {
			r.is(n, "log", isObject, `"null" or an object`)
		}
		return
	}
	var l Log
	size := func(to **Size, least Size) func(*node, string) {
		return func(n *node, key string) {
			s, ok := r.size(n, key)
			if ok && s < least {
				r.add(n.at, "%s: must be at least %d", key, least)
			}
			*to = &s
		}
	}
	flag := func(to *bool) func(*node, string) {
		return func(n *node, key string) { *to, _ = r.boolean(n, key) }
	}
	r.fields(n, "log", true, map[string]func(*node, string){
		"size":  size(&l.Size, leastLogSize),
		"files": func(n *node, key string) { l.Files = r.between(n, key, 0, mostLogFiles) },
		"age": func(n *node, key string) {
			if d, ok := r.duration(n, key); ok {
				l.Age = &d
			}
		},
		"total": size(&l.Total, 0),
		"compress": func(n *node, key string) {
			yes, _ := r.boolean(n, key)
			l.Compress = &yes
		},
		"timestamps": flag(&l.Timestamps),
		"format":     func(n *node, key string) { l.Format, _ = r.choice(n, key, LogText, LogJSON) },
		"tee":        flag(&l.Tee),
		"rate":       size(&l.Rate, leastLogRate),
		"stderr":     func(n *node, key string) { l.Stderr, _ = r.choice(n, key, LogMerged, LogApart) },
	})
	r.spec.Log = &l
}

// Bounds of a log: smaller ones are slips, or would rotate at each line.
const (
	leastLogSize = Size(4 << 10)
	leastLogRate = Size(1 << 10)
	mostLogFiles = 10000
)

// captured is what of the value of the key log decides about the process: where
// its output goes. How it is kept is taken live.
func captured(n *node) *node {
	if n.kind != isObject {
		return n
	}
	kept := &node{kind: isObject}
	for _, m := range n.members {
		if m.key == "stderr" && m.value.text != LogMerged {
			kept.members = append(kept.members, m)
		}
	}
	return kept
}
