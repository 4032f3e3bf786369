package colony

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

const (
	// processors bounds those we use: the loop's, and one for the edges.
	processors = 2
	// threads is how many are made at the start: the first, which does nothing, and
	// as many as can be in system calls at once: two of os/signal, waiter, wards,
	// watcher, publisher, log, a census, spawners. The runtime makes some more meanwhile, for
	// itself and to run what is in none.
	threads = 1 + ofSignals + 6 + spawners
	// ofSignals are made by catching the first signal.
	ofSignals = 2
)

// makeThreads keeps the number of our threads small, and known. When the
// runtime needs another and there is no process left to be had, because some
// service has taken all that the container or the user may have, it ends us, and
// nothing can recover from that. All we will need are made before the first
// start; the runtime keeps them. They are held until all signals are caught, for
// else the threads for that would be some of them.
func makeThreads(caught <-chan struct{}) {
	holdThreads(threads-1-ofSignals, caught)
}

// offFirstThread runs f while the first thread is kept idle. As long as it never
// forks, its children are those that the kernel has given us (see orphanage).
func offFirstThread(f func()) {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(min(runtime.GOMAXPROCS(0), processors))
	}
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() { // so it is in our main function
		done := make(chan struct{})
		go func() {
			defer close(done)
			f()
		}()
		<-done
		return
	}
	runtime.UnlockOSThread()
	holdThreads(threads, nil) // more than there are, and so the first is one of them
	f()
}

// holdThreads has the runtime make n threads at least: they are all held at the
// same time, until something is done if that is not nil. If the first is one of
// them, it stays so.
func holdThreads(n int, done <-chan struct{}) {
	up, release := make(chan struct{}), make(chan struct{}, 1)
	for range n {
		go func() {
			runtime.LockOSThread()
			up <- struct{}{}
			<-release
			release <- struct{}{} // one after the other, so that others get a turn between
			if unix.Gettid() == os.Getpid() {
				select {} // locked to it for ever
			}
			runtime.UnlockOSThread()
		}()
	}
	for range n {
		<-up
	}
	if done != nil {
		<-done
	}
	release <- struct{}{}
}
