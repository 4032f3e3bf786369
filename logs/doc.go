// Package logs keeps what services write: the program behind `ncolony log`, which
// runs as the service @log, and the reader behind `ncolony ctl logs`.
//
//	service ──writes──> pipe (a FIFO) ──mover: splice(2)──> GENERATION.log, .index
//	                                                            │
//	  sealer: gzip, limits   <──────────────────────────────────┤
//	  teer: supervisor's standard output  <─────────────────────┤
//	  witness: READY by a line, crash reports  <────────────────┤
//	  Reader: ctl logs  <───────────────────────────────────────┘
//
// The pipe is made by the supervisor, which holds it and never reads it. The mover
// has the kernel move bytes from the pipe to the file, so that none is ever only
// in our memory: after a kill -9 the next mover goes on where the file ends. All
// else is derived from the files, by readers that may be slow without slowing the
// service.
//
// A Position in a stream is GENERATION:OFFSET: which file, and which byte of it.
// Positions only grow.
package logs
