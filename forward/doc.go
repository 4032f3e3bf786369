// Package forward sends what services have written to where logs are collected:
// it is the program behind `ncolony forward`.
//
//	state/log/NAME/ ──logs.Follower──> gather ──batch──> sink ──> syslog, Loki, OTLP
//	                                     ^                 │
//	              state/forward/ID.json ─┴──── settled ────┘
//
// It reads files, as anybody may, and so holds up neither a service nor the logger
// however slow the receiver is. What the receiver has taken is remembered in a
// cursor; after a failure, whether ours or the receiver's, the lines behind it are
// read and sent again. So each line arrives at least once, unless it is removed
// before: then that is counted, and said in a line of its own.
package forward
