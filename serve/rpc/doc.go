// Package rpc answers JSON-RPC 2.0 (https://www.jsonrpc.org/specification): what a
// colony can be asked, as methods.
//
//	channel: lines on stdin and stdout, a POST, memory
//	  ──> Serve: how much at a time, and what is outstanding at the end
//	  ──> Answer: a message in, an answer out (messages as package jrpc2 reads them)
//	  ──> method: role, parameters, time
//	  ──> operations
//
// docs/api.md is what callers are told, and the method rpc.discover tells programs.
package rpc
