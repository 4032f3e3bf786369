package spec

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/go-multierror"
)

// Problem is one thing that is wrong with a file. Line and Column count from 1,
// Column in bytes; 0 means that the problem has no place in the text.
type Problem struct {
	Line    int    `json:"line"`    // Line of the file, from 1; 0 = no place in the text.
	Column  int    `json:"column"`  // Column in bytes, from 1; 0 = no place in the text.
	Message string `json:"message"` // What is wrong; further problems follow with their own places.
}

// Error returns the message behind its place in the text, if it has one.
func (p *Problem) Error() string {
	if p.Line == 0 {
		return p.Message
	}
	return fmt.Sprintf("line %d column %d: %s", p.Line, p.Column, p.Message)
}

// AsProblem folds an error of Parse, ParseMessage or ParseEnvFile into one
// Problem: the place is that of the first problem, and the message names every
// one, joined with "; ", the later ones behind their own "line L column C: ".
// Any other error becomes a Problem without a place; nil gives nil.
func AsProblem(err error) *Problem {
	if err == nil {
		return nil
	}
	all := []error{err}
	if many, ok := errors.AsType[*multierror.Error](err); ok && len(many.Errors) > 0 {
		all = many.Errors
	}
	first, ok := errors.AsType[*Problem](all[0])
	if !ok {
		return &Problem{Message: err.Error()}
	}
	folded := *first
	for _, e := range all[1:] {
		folded.Message += "; " + e.Error()
	}
	return &folded
}

// maxProblems bounds what is said about one file: a list of 50,000 wrong
// elements must not become a status file of megabytes.
const maxProblems = 20

// problems collects what is wrong with one text.
type problems struct {
	text  *text
	found []found
	more  int // beyond maxProblems
}

// found is a problem at a byte offset.
type found struct {
	at      int
	message string
}

// add records a problem at byte offset at.
func (p *problems) add(at int, format string, args ...any) {
	if len(p.found) == maxProblems {
		p.more++
		return
	}
	p.found = append(p.found, found{at, fmt.Sprintf(format, args...)})
}

// err returns everything that was added, in the order of the text, or nil.
func (p *problems) err() error {
	sort.SliceStable(p.found, func(i, j int) bool { return p.found[i].at < p.found[j].at })
	var all *multierror.Error
	for _, f := range p.found {
		line, column := p.text.place(f.at)
		all = multierror.Append(all, &Problem{Line: line, Column: column, Message: f.message})
	}
	if p.more > 0 {
		all = multierror.Append(all, &Problem{Message: fmt.Sprintf("and %d more", p.more)})
	}
	if all != nil {
		all.ErrorFormat = oneLine
	}
	return all.ErrorOrNil()
}

// oneLine joins errors for a log line and a status field.
func oneLine(errs []error) string {
	parts := make([]string, len(errs))
	for i, e := range errs {
		parts[i] = e.Error()
	}
	return strings.Join(parts, "; ")
}

// quoted is %q of s, cut to a length that a terminal line can bear.
func quoted(s string) string {
	const most = 64
	if len(s) <= most {
		return fmt.Sprintf("%q", s)
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%q...", s[:cut])
}
