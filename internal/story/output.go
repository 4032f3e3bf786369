package story

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/internal/words"
	"github.com/ncolony/ncolony-go/logs"
)

const (
	// recentLines is how much of its output an explanation ends with, and
	// longestTold how much of each line.
	recentLines = 50
	longestTold = 400
)

// readOutput looks for what a service has written, as far as that is kept.
func (s *Story) readOutput(p spec.Places) {
	last := recentLines
	logs.Read(context.Background(), p, logs.Query{Names: []string{s.name}, Last: &last}, func(l logs.Shown) error {
		text := string(l.Text[:min(len(l.Text), longestTold)])
		if len(l.Text) > longestTold {
			text += "..."
		}
		s.output = append(s.output, text)
		return nil
	})
	if all, err := logs.Crashes(p, s.name); err == nil && len(all) > 0 {
		s.report = all[len(all)-1]
	}
}

// crash says where more is to be found about its last bad end.
func (s *Story) crash() string {
	if s.report == "" {
		return ""
	}
	return "Its last bad end is written down in " + s.report + "."
}

// tellOutput ends the story with its last lines.
func (s *Story) tellOutput(out *strings.Builder) {
	if len(s.output) == 0 {
		return
	}
	out.WriteString("\nwrote\n")
	for _, line := range s.output {
		out.WriteString("  " + words.OneLine(line) + "\n")
	}
}

// Uncaptured says why there is no output of a service to be shown; nil if there is
// or may come to be.
func Uncaptured(p spec.Places, name string) error {
	known := ctl.Known(p, name)
	if _, bad := errors.AsType[*ctl.NameError](known); bad {
		return known
	}
	if kept, err := logs.Kept(p, name); err != nil || kept {
		return err
	}
	if known != nil {
		return known
	}
	switch l := LogOf(p, name); {
	case l.Captured():
		return nil
	case l != nil && l.Null:
		return &uncaptured{"its output is thrown away", fmt.Sprintf(`set "log" to {} in its spec to have it kept ('ncolony ctl edit %s')`, name)}
	}
	return &uncaptured{"its output is not captured: it goes where the supervisor's goes",
		fmt.Sprintf(`add "log": {} to its spec to have it kept ('ncolony ctl edit %s')`, name)}
}

// uncaptured is an error with a way out.
type uncaptured struct{ text, hint string }

func (u *uncaptured) Error() string { return u.text }
func (u *uncaptured) Hint() string  { return u.hint }

// LogOf is the key log in the spec of a service; nil if there is none, or it
// cannot be read.
func LogOf(p spec.Places, name string) *spec.Log {
	content, _, err := ctl.Spec(p, name)
	if err != nil {
		return nil
	}
	s, err := spec.Parse(content)
	if err != nil {
		return nil
	}
	return s.Log
}
