package heart_test

import (
	"context"
	"log"

	"github.com/ncolony/ncolony-go/heart"
)

// A program that only wants to be restarted when its process hangs as a whole
// starts its heart and forgets it.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if _, err := heart.Start(ctx); err != nil {
		log.Fatal(err) // the spec asks for beats in a way that makes no sense
	}
	// ... the program
	// Output:
}

// A program with a main loop beats from there, so that a hang of the loop is
// seen.
func ExampleBeat() {
	for _, job := range []func(){func() {}, func() {}} {
		if err := heart.Beat(); err != nil {
			log.Print(err) // it is tried again with the next job
		}
		job()
	}
	// Output:
}

// A Heart of one's own reports failed beats.
func ExampleHeart_Run() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	h, err := heart.FromEnv()
	if err != nil {
		log.Fatal(err)
	}
	if h != nil { // nil outside ncolony
		h.OnError = func(err error) { log.Print(err) }
		go h.Run(ctx)
	}
	// Output:
}
