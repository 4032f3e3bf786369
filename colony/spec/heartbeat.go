package spec

import (
	"path/filepath"
	"time"
)

// Heartbeat is state/heart/NAME.json: what @heartcheck knows of a service that is
// expected to beat.
type Heartbeat struct {
	Name       string     `json:"name"`       // The service.
	State      string     `json:"state"`      // One of HeartStates.
	Generation uint64     `json:"generation"` // Of the life that this is about.
	File       string     `json:"file"`       // The heartbeat file.
	Period     float64    `json:"period"`     // Seconds in which it has to change.
	LastBeat   *time.Time `json:"last_beat"`  // When a change was seen last, a minute old or, where there are many, more while it beats; null = none in this life.
	Misses     int        `json:"misses"`     // Looks since then that have found none, when this was written; fewer than three are 0.
}

// The states of a heart.
const (
	HeartOff     = "off"     // the service is not up
	HeartWaiting = "waiting" // it is up, and has not beaten yet
	HeartBeating = "beating"
	HeartOverdue = "overdue" // its restart was requested
	HeartHeld    = "held"    // it is overdue, and too many of its group are being restarted
)

// HeartStates lists them.
var HeartStates = []string{HeartOff, HeartWaiting, HeartBeating, HeartOverdue, HeartHeld}

// HeartDir holds what @heartcheck tells; Heart is the file of a service.
func (p Places) HeartDir() string         { return filepath.Join(p.State, "heart") }
func (p Places) Heart(name string) string { return filepath.Join(p.HeartDir(), name+".json") }
