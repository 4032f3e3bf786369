// Package top shows a colony on a terminal, to be looked at and acted upon.
//
//	status, hearts, probes ─ looker ─┐
//	/proc ────────────────── sampler ┤          ┌────────────┐   ┌─ overview
//	events, specs ────────── teller ─┼─ news ──>│  the loop  │──>├─ details  ── canvas ──> terminal
//	output ───────────────── follower┤          │            │   └─ output
//	results of requests ──── asker ──┘  keys ──>└────────────┘
//
// The loop alone owns what is shown, and nothing in it waits for a file. What takes
// time is done beside it, and hands the loop a function to be called when it is done.
// The screen holds at most what is visible: a colony of ten thousand is drawn as
// fast as one of ten.
package top
