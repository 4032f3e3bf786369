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
	threads = 1 + 8 + spawners
)

// limitThreads keeps the number of our threads small, and known. When the
// runtime needs another and there is no process left to be had, because some
// service has taken all that the container or the user may have, it ends us, and
// nothing can recover from that. All we will need are made in advance; the
// runtime keeps them.
//
// The first thread is kept idle for ever. As long as it never forks, its children
// are those that the kernel has given us (see orphanage).
func limitThreads() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(min(runtime.GOMAXPROCS(0), processors))
	}
	makeThreads(threads)
}

// makeThreads has the runtime make n threads at least. They are all held at the
// same time, and so the first is one of them.
func makeThreads(n int) {
	up, release := make(chan struct{}), make(chan struct{})
	for range n {
		go func() {
			runtime.LockOSThread()
			up <- struct{}{}
			<-release
			if unix.Gettid() == os.Getpid() {
				select {} // locked to it for ever
			}
			runtime.UnlockOSThread()
		}()
	}
	for range n {
		<-up
	}
	close(release)
}
