package colony

import (
	"strconv"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/launch"
)

// instant is a point on the monotonic clock of this boot, in nanoseconds; the
// zero instant is never.
type instant time.Duration

func (i instant) add(d time.Duration) instant { return i + instant(d) }
func (i instant) sub(o instant) time.Duration { return time.Duration(i - o) }

// moment is now, twice: mono for every decision, wall for what people read.
type moment struct {
	mono instant
	wall time.Time
}

// event is something that has happened. step is the only reader.
type event interface{ isEvent() }

type (
	// ticked: time has passed; what is due is done after every event anyway.
	ticked struct{}

	// seen: the file of one service was looked at, and is not what it was.
	// Exactly one of spec, problem and gone is set.
	seen struct {
		name    string
		spec    *spec.Spec
		problem *spec.Problem
		gone    bool
	}

	// scanned: the whole config directory was looked at; what changed came
	// before as seen.
	scanned struct {
		bad   map[string]string // files that can be no spec, and why
		names map[string]bool   // of a look afresh: the services that have a file
	}

	// received: a message was taken out of the messages directory, and its
	// unfinished result written.
	received struct {
		file    string // its name; the result's name without .json
		at      time.Time
		message *spec.Message // nil: problem says why
		problem *spec.Problem
		trusted bool   // from root or our own uid
		old     bool   // it was there before the supervisor started
		by      string // for the record: the owner's uid
	}

	// started: an ordered spawn has become a process.
	started struct {
		order   uint64
		pid     int
		warning string // what it could not be given; "" = nothing
	}

	// spawnFailed: an ordered spawn has not.
	spawnFailed struct {
		order uint64
		fault fault
	}

	// exited: a child of ours is dead. Unless reaped is set it is still a
	// zombie, which keeps its pid and its process group's number ours.
	exited struct {
		pid    int
		status exitStatus
		reaped bool
		alone  bool // certainly nothing is left of it, or of any other
	}

	// notified: a life has told something of itself, by sd_notify or through its
	// readiness descriptor.
	notified struct {
		life lifeID
		says notification
	}

	// counted: a census is complete.
	counted struct {
		number       uint64               // of the census
		left         map[lifeID][]process // what is left of the lives that were asked about
		unattributed int                  // processes below us that belong to no life
	}

	// signalled: somebody has sent us a signal.
	signalled struct{ signal spec.Signal }

	// suspended: the main process of `-- CMD`, on our terminal, was stopped.
	suspended struct{ signal spec.Signal }

	// examined: the program that is to replace us was asked whether it can.
	examined struct{ why string }

	// remained: we could not hand over, or not yet.
	remained struct{ why string }

	// replaced: this process has changed its program; or, with why, has its old
	// one again.
	replaced struct {
		from, to string  // versions
		since    instant // when nobody supervised any more
		why      string
		trouble  map[string]error // what the edges could not have
	}

	// degraded: an edge cannot do part of its work; why "" means that it can
	// again.
	degraded struct{ what, why string }

	// recovered: something panicked. If it was a step, the event that did it was
	// dropped, and the model made anew.
	recovered struct {
		what, stack string
		dropped     event // nil = an edge panicked, and was started again
	}
)

func (ticked) isEvent()      {}
func (seen) isEvent()        {}
func (scanned) isEvent()     {}
func (received) isEvent()    {}
func (started) isEvent()     {}
func (spawnFailed) isEvent() {}
func (exited) isEvent()      {}
func (notified) isEvent()    {}
func (counted) isEvent()     {}
func (signalled) isEvent()   {}
func (suspended) isEvent()   {}
func (examined) isEvent()    {}
func (remained) isEvent()    {}
func (replaced) isEvent()    {}
func (degraded) isEvent()    {}
func (recovered) isEvent()   {}

// exitStatus is how a process ended, kept whole: signal is 0 unless it was
// killed by one, and then code is 0.
type exitStatus struct {
	code    int
	signal  spec.Signal
	core    bool
	unknown bool // nobody has seen it
	oom     bool // for its control group's limit of memory
}

// fault is why a spawn failed.
type fault struct {
	text  string
	class faultClass
}

type faultClass int

const (
	faultOther     faultClass = iota // the spec asks for something that cannot be done now
	faultMissing                     // no such program: a main gives 127
	faultTransient                   // the machine is out of something: tried again whatever the policy
	faultBusy                        // the program is being written: tried again soon
)

// lifeID names one life of one service for ever.
type lifeID struct {
	name       string
	generation uint64
}

// lifeName is the name of what there is of a life, in a directory of many.
func lifeName(life lifeID) string { return launch.LifeName(life.name, life.generation) }

// lifeOf is the life of a name.
func lifeOf(name string) (life lifeID, ok bool) {
	service, number, _ := strings.Cut(name, ":")
	generation, err := strconv.ParseUint(number, 10, 64)
	return lifeID{service, generation}, err == nil
}

// process is one process, told apart from a later one with the same pid by its
// start time (clock ticks since boot, /proc/PID/stat field 22).
type process struct {
	processID
	command string // its name, for people
	inGroup bool   // in the process group of the life's main process
}

type processID struct {
	pid   int
	start uint64
}
