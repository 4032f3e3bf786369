package ctl

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Send puts m into the messages directory, which it makes if need be, and
// returns the name of the file: what Wait needs. Two messages of one process
// are taken in the order in which they were sent.
//
// Send does not ask whether somebody is there to read it. A message that the
// supervisor would not understand is refused.
func Send(p Places, m spec.Message) (file string, err error) {
	file = messageFile(time.Now())
	if err := SendAs(p, file, m); err != nil {
		return "", err
	}
	return file, nil
}

// SendAs is Send with the name of the file given. Who calls it so that a message
// is sent once at most looks first whether there is one of that name, or its
// result.
func SendAs(p Places, file string, m spec.Message) error {
	if m.Name != "" {
		if err := checkTarget(m.Name); err != nil {
			return err
		}
	}
	content, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if _, err := spec.ParseMessage(content); err != nil {
		return err
	}
	if err := os.MkdirAll(p.Messages, 0o755); err != nil {
		return err
	}
	return replace(filepath.Join(p.Messages, file), append(content, '\n'))
}

// Restart asks for a new life of name, whatever it is doing now.
func Restart(p Places, name string) (file string, err error) {
	return Send(p, spec.Message{Type: spec.RestartService, Name: name})
}

// RestartAll asks for a new life of every service that is not stopped.
func RestartAll(p Places) (file string, err error) {
	return Send(p, spec.Message{Type: spec.RestartAll})
}

// RestartGroup asks for a new life of every service of the restart group that
// is not stopped.
func RestartGroup(p Places, group string) (file string, err error) {
	return Send(p, spec.Message{Type: spec.RestartGroup, Group: group})
}

// Start asks for name to run, and forgets an earlier Stop.
func Start(p Places, name string) (file string, err error) {
	return Send(p, spec.Message{Type: spec.StartService, Name: name})
}

// Stop asks for name to be down until a Start or Restart, also across starts of
// the supervisor.
func Stop(p Places, name string) (file string, err error) {
	return Send(p, spec.Message{Type: spec.StopService, Name: name})
}

// Ready says that name, which runs, does its work.
func Ready(p Places, name string) (file string, err error) {
	return Send(p, spec.Message{Type: spec.Ready, Name: name})
}

// Signal asks for sig to be sent to the main process of name.
func Signal(p Places, name string, sig spec.Signal) (file string, err error) {
	return Send(p, spec.Message{Type: spec.SendSignal, Name: name, Signal: sig})
}

// Rescan asks for the directories to be read now, and for what is found to be
// believed: an empty config directory then means that nothing shall run.
func Rescan(p Places) (file string, err error) {
	return Send(p, spec.Message{Type: spec.Rescan})
}

// Shutdown asks the supervisor to stop everything and to end.
func Shutdown(p Places) (file string, err error) {
	return Send(p, spec.Message{Type: spec.Shutdown})
}

// lastSent is the number in the newest message name of this process, in
// nanoseconds of Unix time.
var lastSent atomic.Int64

// messageFile returns a name that no other message has, and that sorts behind
// those of this process: the supervisor goes by mtime, which is the same for
// files written within a clock tick, and then by name.
//
// Time and pid tell messages apart but for those of two containers at the same
// moment, with the same pid: pid 1, as likely as not. Hence the random number.
func messageFile(now time.Time) string {
	for {
		last := lastSent.Load()
		next := max(now.UnixNano(), last+1)
		if lastSent.CompareAndSwap(last, next) {
			return fmt.Sprintf("%019d-%d-%08x", next, os.Getpid(), rand.Uint32())
		}
	}
}
