// Package serve is the program behind `ncolony serve`: HTTP for those who would
// rather call than write files.
//
//	listener ──> door: how many, who (peer credentials, or TCP)
//	         ──> access: Host and Origin, role (credentials, or a token)
//	         ──> route: a pattern, the role it needs, and a thin edge
//	         ──> operations: what is done, by package ctl
//	                └─> view: statuses and specs in memory
//
// docs/api.md is what callers are told; openapi.json is the same for programs, and
// the tests hold the routes and the answers against it.
package serve
