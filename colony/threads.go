package colony

import (
	"os"
	"runtime"
)

const (
	// processors bounds those we use: the loop's, and one for the edges.
	processors = 2
	// waiters are the threads that can be held up at the same time: the one that
	// receives signals, watcher, publisher, log, spawner and a census. The loop is
	// none of them, for nothing in it may block.
	waiters = 6
)

// limitThreads keeps the number of our threads small, and known. When the
// runtime needs another and there is no process left to be had, because some
// service has taken all that the container or the user may have, it ends us, and
// nothing can recover from that. All we will need are made in advance; the
// runtime keeps them, and has two of its own beside them.
func limitThreads() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(min(runtime.GOMAXPROCS(0), processors))
	}
	makeThreads(waiters + processors)
}

// makeThreads has the runtime make n threads at least, ours among them. It lets
// only one run meanwhile, else the runtime makes more, to look for work.
func makeThreads(n int) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	up, release := make(chan struct{}), make(chan struct{})
	for range n - 1 {
		go func() {
			runtime.LockOSThread()
			up <- struct{}{}
			<-release
			runtime.UnlockOSThread()
			up <- struct{}{}
		}()
	}
	for range n - 1 {
		<-up
	}
	close(release)
	for range n - 1 {
		<-up
	}
}
