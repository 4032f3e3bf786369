package ctl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// How often a wait looks: soon at first, for most answers take milliseconds.
const (
	firstPoll = 5 * time.Millisecond
	lastPoll  = 50 * time.Millisecond

	// alivePoll is how often a wait asks whether there is still somebody to
	// wait for. The question takes the lock for an instant, so it is rarer.
	alivePoll = 250 * time.Millisecond
)

// Wait returns what became of the message that Send called file, once that is
// known: whether it was obeyed stands in the result. The error is
// ErrNoSupervisor when nobody is left who could finish it, or ctx's.
func Wait(ctx context.Context, p Places, file string) (*spec.Result, error) {
	var res *spec.Result
	err := poll(ctx, p, func() (done bool, err error) {
		res, err = readJSON[spec.Result](p.Result(file))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil && res.Finished != nil, err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// Answer turns a result into an error: nil if it is ok, ErrNoService if the
// supervisor does not know the service, else its text.
func Answer(res *spec.Result) error {
	switch {
	case res.OK:
		return nil
	case strings.HasPrefix(res.Error, ErrNoService.Error()): // the name follows
		return ErrNoService
	case res.Error == "":
		return errors.New("refused")
	}
	return errors.New(res.Error)
}

// Do sends m and waits for its result. The error is Send's, Wait's or Answer's;
// with the last of them there is a result too.
func Do(ctx context.Context, p Places, m spec.Message) (*spec.Result, error) {
	file, err := Send(p, m)
	if err != nil {
		return nil, err
	}
	res, err := Wait(ctx, p, file)
	if err != nil {
		return nil, err
	}
	return res, Answer(res)
}

// Statuses are published up to 100 ms late.
const (
	// patience is how long a status that refuses a spec must stand before it is
	// taken for the answer to this spec and not to the one before it.
	patience = 400 * time.Millisecond

	// lateness is for how long a new life may be over without a word of it.
	lateness = 150 * time.Millisecond
)

// WaitAdded returns the status of name once the supervisor governs it by the
// spec content and it runs and is ready, has ended as the spec allows, or waits
// for its schedule. A process that ends
// right after its start is not taken for one that runs. If the service does not
// get there the last status, if any was seen, comes with an error: a *Refused,
// ctx's, or ErrNoSupervisor. With instances each of them has to get there: the
// status is of the first that does not, or of the last.
//
// It asks for a rescan first, so that it works where nobody is told of changed
// files; call it after Add.
func WaitAdded(ctx context.Context, p Places, name string, content []byte) (st *spec.Status, err error) {
	want, err := spec.Parse(content)
	if err != nil {
		return nil, err
	}
	if err := waitRescan(ctx, p); err != nil {
		return nil, err
	}
	services := want.Services(name)
	if len(services) == 0 {
		services = []string{name} // which says that there is none
	}
	for _, service := range services {
		if st, err = waitGoverned(ctx, p, service, want); err != nil {
			break
		}
	}
	return st, err
}

// waitGoverned is WaitAdded for one service of the file.
func waitGoverned(ctx context.Context, p Places, name string, want *spec.Spec) (*spec.Status, error) {
	var last *spec.Status
	var refused, started time.Time
	err := poll(ctx, p, func() (bool, error) {
		st, err := StatusOf(p, name)
		if err == ErrNoService { // not seen yet
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if last == nil || last.Generation != st.Generation {
			started = time.Now()
		}
		last = st
		verdict, settled := judge(st, want)
		if settled && st.State == spec.Running && time.Since(st.Since) < lateness && time.Since(started) < lateness {
			return false, nil
		}
		if verdict == nil || settled {
			return settled, verdict
		}
		// This may still be what was said of the file's former content.
		if refused.IsZero() {
			refused = time.Now()
		}
		if time.Since(refused) < patience {
			return false, nil
		}
		return true, verdict
	})
	return last, err
}

// Refused says that a service does not run as its new spec asks.
type Refused struct {
	State  spec.State
	Reason string
}

func (e *Refused) Error() string { return e.Reason }

// judge says what a status means to somebody who waits for the spec
// want. settled: it is about that spec, and verdict is final. Otherwise a
// verdict is what the supervisor has against a spec that may be an older one.
func judge(st *spec.Status, want *spec.Spec) (verdict error, settled bool) {
	refuse := func(reason string) error { return &Refused{st.State, reason} }
	if st.SpecSHA256 != want.Digest() {
		if st.SpecError != nil {
			return refuse(st.SpecError.Message), false
		}
		return nil, false
	}
	switch st.State {
	case spec.Running:
		return nil, true
	case spec.Exited:
		success := want.SuccessCodes
		if success == nil {
			success = []int{0}
		}
		if st.LastExit != nil && st.LastExit.Code != nil && slices.Contains(success, *st.LastExit.Code) {
			return nil, true
		}
		return refuse(ending(st)), true
	case spec.Backingoff:
		return refuse(ending(st)), true
	case spec.Failed:
		if st.Reason != "" {
			return refuse("it has failed: " + st.Reason), true
		}
		return refuse(ending(st)), true
	case spec.Waiting:
		if UntilDue(st) {
			return nil, true
		}
		// What it waits for may have been added just now, too.
		if st.Reason != "" {
			return refuse("it waits: " + st.Reason), false
		}
	case spec.Stopped:
		if !want.Runs() {
			return nil, true
		}
		return refuse("it is stopped, and a new spec does not start it"), true
	case spec.Invalid:
		if st.SpecError != nil {
			// Cycles are looked for a moment later than specs are taken in.
			return refuse(st.SpecError.Message), !strings.HasPrefix(st.SpecError.Message, "cycle: ")
		}
		return refuse("the spec is refused"), true
	}
	return nil, false
}

// ending puts a last exit into words.
func ending(st *spec.Status) string {
	switch {
	case st.LastExit == nil:
		return fmt.Sprintf("it is %s", st.State)
	case st.LastExit.SpawnError != "":
		return "it cannot be started: " + st.LastExit.SpawnError
	}
	return fmt.Sprintf("its process has ended (%s)", st.LastExit)
}

// WaitRemoved returns once name has no status any more, nor any instance of it:
// its spec is gone and the last process of it too. Without a supervisor nobody
// can tell, whatever the status files say, and the error is ErrNoSupervisor.
func WaitRemoved(ctx context.Context, p Places, name string) error {
	return waitGone(ctx, p, func() (bool, error) {
		if len(withStatus(p, name)) > 0 {
			return false, nil
		}
		_, err := StatusOf(p, name)
		if err == ErrNoService {
			return true, nil
		}
		return false, err
	})
}

// WaitGone is WaitRemoved for one service, whatever becomes of the others of its
// file.
func WaitGone(ctx context.Context, p Places, service string) error {
	return waitGone(ctx, p, func() (bool, error) {
		_, err := StatusOf(p, service)
		if err == ErrNoService {
			return true, nil
		}
		return false, err
	})
}

func waitGone(ctx context.Context, p Places, gone func() (bool, error)) error {
	if _, alive, err := Alive(p); err != nil {
		return err
	} else if !alive {
		return ErrNoSupervisor
	}
	return poll(ctx, p, gone)
}

// WaitEnded returns once the supervisor with this pid has given up the lock.
// file is the SHUTDOWN that was sent to it; if that is refused, the refusal is
// the error.
func WaitEnded(ctx context.Context, p Places, pid int, file string) error {
	return poll(ctx, p, func() (bool, error) {
		res, err := readJSON[spec.Result](p.Result(file))
		if err == nil && res.Finished != nil {
			if err := Answer(res); err != nil {
				return false, err
			}
		}
		now, alive, err := Alive(p)
		return err == nil && (!alive || now != pid), err
	})
}

// waitRescan has the config directory read by a supervisor that knows what has
// been written up to now. One that does not answer is not waited for, nor is
// one that we may not write to: it may have seen the file all the same.
func waitRescan(ctx context.Context, p Places) error {
	file, err := Rescan(p)
	if err != nil {
		return nil
	}
	brief, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err = Wait(brief, p, file)
	if err == ErrNoSupervisor || ctx.Err() != nil {
		return err
	}
	return nil
}

// poll calls look until it is done or fails, ctx ends, or no supervisor lives.
func poll(ctx context.Context, p Places, look func() (done bool, err error)) error {
	pause := firstPoll
	var asked time.Time
	for {
		if done, err := look(); done || err != nil {
			return err
		}
		if time.Since(asked) >= alivePoll {
			asked = time.Now()
			_, alive, err := Alive(p)
			if err != nil {
				return err
			}
			if !alive {
				// Its last deed may have been what we wait for.
				if done, err := look(); done || err != nil {
					return err
				}
				return ErrNoSupervisor
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(pause*3/2, lastPoll)
	}
}
