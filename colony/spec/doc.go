// Package spec defines every file that goes into a colony and every file that
// comes out of it: Spec (config/NAME), Message (messages/ANYTHING), and
// Result, Status, ColonyStatus and Event below state/. It parses, validates and
// names; it starts nothing and watches nothing, and it is the one package that
// the supervisor, the command line and the helpers share.
//
// docs/format.md is the same contract in prose.
package spec
