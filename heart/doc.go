// Package heart lets a program that runs under ncolony show that it is alive. It
// needs nothing but the standard library.
//
// A service whose spec has the key "ncolony.beatcheck" promises to change the
// mtime of one file, its heartbeat file, at least once a period. The supervisor
// restarts it when that stops. A program keeps the promise with one line:
//
//	h, err := heart.Start(ctx)
//
// which beats in the background, three times a period, and does nothing at all
// when the program runs outside ncolony or its spec does not ask for beats. So
// the line may stay in every build.
//
// A beat in the background proves that the process runs, not that it works. A
// program with a main loop should beat from there, so that a hang is seen:
//
//	for job := range jobs {
//		heart.Beat()
//		job.Do()
//	}
//
// Where the file is and how often it is due come from two environment variables
// that the supervisor sets: NCOLONY_CONFIG, the spec as JSON, and NCOLONY_NAME.
// Programs started by the service inherit both, so one of them that uses this
// package beats for the service too.
//
// docs/hearts.md tells the same for other languages.
package heart
