package spec

import "path/filepath"

// Places are the three directories of a colony.
type Places struct {
	Config   string
	Messages string
	State    string
}

// Below State.
func (p Places) Status(name string) string { return filepath.Join(p.StatusDir(), name+".json") }
func (p Places) StatusDir() string         { return filepath.Join(p.State, "status") }
func (p Places) Result(file string) string { return filepath.Join(p.ResultsDir(), file+".json") }
func (p Places) ResultsDir() string        { return filepath.Join(p.State, "results") }
func (p Places) StoppedDir() string        { return filepath.Join(p.State, "stopped") }
func (p Places) LivesDir() string          { return filepath.Join(p.State, "lives") }
func (p Places) EventsDir() string         { return filepath.Join(p.State, "events") }
func (p Places) NotifyDir() string         { return filepath.Join(p.State, "notify") }
func (p Places) CredentialsDir() string    { return filepath.Join(p.State, "credentials") }
func (p Places) Probe(name string) string  { return filepath.Join(p.ProbeDir(), name+".json") }
func (p Places) ProbeDir() string          { return filepath.Join(p.State, "probe") }
func (p Places) StdinDir() string          { return filepath.Join(p.State, "stdin") }
func (p Places) Stdin(name string) string  { return filepath.Join(p.StdinDir(), name) }
func (p Places) LogDir() string            { return filepath.Join(p.State, "log") }

// Streams are the directories of the streams that a log captures of a service:
// that of its output, and that of standard error if it is apart. Each holds the
// pipe that the service writes to, named as Pipe, and what was read from it.
func (p Places) Streams(name string, l *Log) []string {
	if !l.Captured() {
		return nil
	}
	out := filepath.Join(p.LogDir(), name)
	if l.Stderr == LogApart {
		return []string{out, filepath.Join(out, "stderr")}
	}
	return []string{out}
}

// Pipe is the name of the FIFO in the directory of a stream.
const Pipe = "pipe"

// Below State, too.
func (p Places) Colony() string   { return filepath.Join(p.State, "colony.json") }
func (p Places) Lock() string     { return filepath.Join(p.State, "lock") }
func (p Places) ID() string       { return filepath.Join(p.State, "id") }
func (p Places) Children() string { return filepath.Join(p.State, "children") }
