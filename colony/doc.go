// Package colony is the supervisor: the parent of every process of a colony,
// driven by files.
//
//	config dir ──┐ truth                                  ┌──────── the core ────────┐
//	             ├─ watcher: inotify = hint, scan = net ─>│ step(now, event) effects │
//	messages dir ┘                                        │  wanted: specs, requests │
//	signals ─────────────────────────────────────────────>│  actual: lives, pid index│
//	waiter, SIGCHLD ── peek, step, reap ─────────────────>│ deadline(): when to wake │
//	one timer ───────────────────────────────────────────>└───────────┬──────────────┘
//	                                                                  │
//	        the loop performs the effects in order <──────────────────┘
//	        spawn -> spawner -> started | spawnFailed
//	        signal, census -> counted, publish -> publisher, report -> log
//
// Files are read into specs, specs become the wanted state, one pure function
// compares wanted with actual and returns effects, one loop performs them, and
// every exit comes back as one more event.
//
// Where to look:
//
//	restart.go    what follows a life that is over: the restart decision
//	reconcile.go  wanted against actual, for one service
//	orders.go     who may fork, and what is on its way
//	lives.go      a life from fork to empty
//	stop.go       how a life is ended
//	drain.go      how the colony ends
//	requests.go   messages and their results
//	family.go     several services of one file; family_requests.go, family_depend.go
//	signals.go    signals to us, and job control of `-- CMD`
//	schedule.go   who is started by START alone; helpers.go, programs that are started while a spec needs them
//	upgrade.go    another program in our place; adopt.go, lives of a supervisor that was killed
//	snapshot.go, restore.go, mend.go         the model as data, and after a panic; squeeze.go makes that short
//	model.go, event.go, effect.go, step.go   the words and the entry
//	listen.go     which sockets of a service stay open
//	status.go     what is published
//	loop.go       the only caller of step, wait and kill, and what it asks for
//	assemble.go, run.go                      all of it put together, and the select
//	outside.go, disk.go, procs_linux.go      the world as the edges meet it
//	kernel_linux.go, census.go               the kernel; what is left of a life
//	waiter_linux.go                          who is dead
//	spawner.go, prepare.go, identity.go      forks; internal/launch, as whom and with what
//	sockets_linux.go, bind_linux.go, regain_linux.go  sockets of services; fifo_linux.go, their standard inputs
//	watcher.go, configdir.go, scan.go, messages.go    the two directories
//	publisher.go, journal.go, results.go, ledger.go, stopnotes.go   what is written below state/
//	places.go, epoch.go, survivors.go        directories, locks, what earlier starts have left
//	successor_linux.go, handover.go          upgrades; wards_linux.go waits for what was adopted
//	ears_linux.go, ear_linux.go, hearing_linux.go    what lives tell of themselves; carry.go, in upgrades
//	terminal.go, notify.go                   the terminal, the service manager
//	threads.go, thrift.go                    our own threads and memory
//
// The core (everything up to status.go) has no clock, no I/O, no goroutine and
// no lock.
package colony
