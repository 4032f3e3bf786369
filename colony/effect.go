package colony

import (
	"log/slog"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// effect is something that the loop has to do. The core returns them in the
// order in which they have to happen.
type effect interface{ isEffect() }

type (
	// spawn orders a process. It is answered by started or spawnFailed with the
	// same order number.
	spawn struct {
		order uint64
		life  lifeID
		spec  *spec.Spec
		kind  childKind
		argv  []string // kindStopCommand: what to run
		main  int      // kindStopCommand: the pid it is about
	}

	// relieve gives the remaining orders to a fresh spawner: the one at work
	// does not come back.
	relieve struct{}

	// signal sends one to a child that has not been reaped, or to its group.
	signal struct {
		pid    int
		group  bool
		signal spec.Signal
	}

	// signalRest sends one to processes that are not our children by fork; each
	// is identified again first.
	signalRest struct {
		processes []process
		signal    spec.Signal
	}

	// suspend stops us as `-- CMD` has stopped, if there is a shell to go back
	// to, and has it go on when we do; resume has it go on, in the foreground if
	// that is ours to give; reclaim takes the foreground back.
	suspend struct {
		pid    int
		signal spec.Signal
	}
	resume  struct{ pid int }
	reclaim struct{ pid int }

	// census asks what is left of lives whose main process is gone.
	census struct {
		number uint64
		lives  []lifeQuery
		known  []int // the pids that are main processes or stop commands
	}

	// sweep signals every process below us that is left at the end of a drain.
	sweep struct{ signal spec.Signal }

	// publish says what is true of a service now; retract, that there is none.
	publish struct{ status *spec.Status } // nobody changes it any more
	retract struct{ name string }

	// publishColony says what is true of the colony.
	publishColony struct{ status spec.ColonyStatus }

	// keepSpec stores the spec that the life of a service was started with.
	keepSpec struct {
		name string
		spec *spec.Spec
	}

	// ended tells the ledger that a life's main process was reaped.
	ended struct {
		life lifeID
		pid  int
	}

	// hear has what a life of an earlier supervisor tells of itself heard; the
	// life of an order is heard from before its fork.
	hear struct {
		life lifeID
		pid  int
		spec *spec.Spec
	}

	// release lets go of what the edges have of a life that is over, or has not
	// begun: what hears it, its control group, its credentials.
	release struct {
		life lifeID
		spec *spec.Spec
	}

	// unlisten closes sockets of a service for good, by their addresses.
	unlisten struct {
		owner     string // the service, without the number of an instance
		addresses []string
	}

	// killGroup ends everything in the control group of a life.
	killGroup struct{ life lifeID }

	// record appends to the events.
	record struct{ event spec.Event }

	// answer writes a result.
	answer struct {
		file   string
		result spec.Result
	}

	// keepStop and forgetStop remember across starts that a service is stopped.
	keepStop struct {
		name string
		note spec.StopNote
	}
	forgetStop struct{ name string }

	// rescan asks the watcher for a full look, and to believe what it finds; with
	// afresh, to tell everything again as if it were the first look.
	rescan struct{ afresh bool }

	// report is a line for the log.
	report struct {
		level slog.Level
		text  string
		attrs []slog.Attr
	}

	// examine asks a program whether it can take our place; examined answers.
	examine struct{ path string }

	// handover has it take our place; replaced answers there, or remained here.
	handover struct{}

	// exit ends the supervisor.
	exit struct{ code int }
)

func (spawn) isEffect()         {}
func (relieve) isEffect()       {}
func (signal) isEffect()        {}
func (signalRest) isEffect()    {}
func (suspend) isEffect()       {}
func (resume) isEffect()        {}
func (reclaim) isEffect()       {}
func (census) isEffect()        {}
func (sweep) isEffect()         {}
func (publish) isEffect()       {}
func (retract) isEffect()       {}
func (publishColony) isEffect() {}
func (keepSpec) isEffect()      {}
func (ended) isEffect()         {}
func (hear) isEffect()          {}
func (release) isEffect()       {}
func (unlisten) isEffect()      {}
func (killGroup) isEffect()     {}
func (record) isEffect()        {}
func (answer) isEffect()        {}
func (keepStop) isEffect()      {}
func (forgetStop) isEffect()    {}
func (rescan) isEffect()        {}
func (report) isEffect()        {}
func (examine) isEffect()       {}
func (handover) isEffect()      {}
func (exit) isEffect()          {}

// childKind is what a child is to its service.
type childKind int

const (
	kindService     childKind = iota // the main process of a life
	kindCommand                      // the same, for `-- CMD`: our environment, our terminal
	kindStopCommand                  // stop.command
)

// lifeQuery is a life as a census has to know it: what belongs to it is found
// by the session or group of its main process, or by its token.
type lifeQuery struct {
	life  lifeID
	main  int    // pid its main process had; 0 = that says nothing any more
	start uint64 // of a main process that was not our child; else 0
	group bool   // it has a control group of its own
}
