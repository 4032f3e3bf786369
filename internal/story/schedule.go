package story

import (
	"fmt"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
)

// scheduled says that the service is started by its schedule.
func (s *Story) scheduled() bool { return s.spec != nil && s.spec.Schedule != nil }

// dueAt is when a service is due next, to go on a sentence; "" = that is not
// known.
func (s *Story) dueAt(t *spec.Timetable) string {
	if t == nil || t.Next == nil {
		return ""
	}
	return ", at " + s.at(*t.Next)
}

// schedule is when the service is started, and what has come of that so far.
func (s *Story) schedule() string {
	if !s.scheduled() {
		return ""
	}
	now := s.spec.Schedule
	text := fmt.Sprintf("It is started every %s, counted from its last start.", words.Span(now.Every.D()))
	if now.Every == 0 {
		zone := "the supervisor's time zone"
		if now.Zone != "" {
			zone = "the time zone " + now.Zone
		}
		text = fmt.Sprintf("It is started when %q says so, in %s.", now.Cron, zone)
	}
	parts := []string{text}
	if s.alive && s.status != nil && !s.status.Watched.Schedule {
		parts = append(parts, "But nobody looks at that now.")
	}
	if s.status == nil || s.status.Schedule == nil {
		return strings.Join(parts, " ")
	}
	t := s.status.Schedule
	if t.Last != nil {
		parts = append(parts, fmt.Sprintf("The last time was at %s.", s.at(*t.Last)))
	}
	if t.Next != nil {
		parts = append(parts, fmt.Sprintf("The next is at %s.", s.at(*t.Next)))
	}
	if t.Skipped > 0 {
		text := fmt.Sprintf("%s skipped", timesWere(t.Skipped))
		if t.SkippedAt != nil {
			text += fmt.Sprintf(", the last at %s, because %s", s.at(*t.SkippedAt), t.SkippedFor)
		}
		parts = append(parts, text+".")
	}
	if t.Missed > 0 {
		parts = append(parts, timesWere(t.Missed)+" missed, for nobody was there.")
	}
	if t.Error != "" {
		parts = append(parts, fmt.Sprintf("The last start was refused: %s.", t.Error))
	}
	return strings.Join(parts, " ")
}

func timesWere(n int) string {
	if n == 1 {
		return "One time was"
	}
	return fmt.Sprintf("%d times were", n)
}
