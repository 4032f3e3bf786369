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
func (p Places) Colony() string            { return filepath.Join(p.State, "colony.json") }
func (p Places) Lock() string              { return filepath.Join(p.State, "lock") }
func (p Places) ID() string                { return filepath.Join(p.State, "id") }
func (p Places) Children() string          { return filepath.Join(p.State, "children") }
