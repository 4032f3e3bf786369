package colony

import (
	"os"
	"runtime"
)

const (
	// processors bounds those we use: the loop's, and one for the edges.
	processors = 2
	// threads is how many PID 1 makes at the start, beside some of the runtime's
	// own: more than can be in system calls at once, with some to run the others.
	threads = 9
)

// limitThreads keeps the number of our threads small, and known. When the
// runtime needs another and the container has no process number left, because
// some service has taken them all, it ends the process, and nothing can recover
// from that. PID 1, with which everything else ends, makes all it will need in
// advance; the runtime keeps them.
func limitThreads() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(min(runtime.GOMAXPROCS(0), processors))
	}
	if os.Getpid() == 1 {
		makeThreads(threads)
	}
}

// makeThreads has the runtime make n threads at least.
func makeThreads(n int) {
	up, release := make(chan struct{}), make(chan struct{})
	for range n {
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			up <- struct{}{}
			<-release
		}()
	}
	for range n {
		<-up
	}
	close(release)
}
