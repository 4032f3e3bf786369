package main

import (
	"testing"
	"time"
)

func TestSinceTime(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, zone)
	for text, want := range map[string]time.Time{
		"10m":                       now.Add(-10 * time.Minute),
		"90":                        now.Add(-90 * time.Second),
		"0":                         now,
		"2026-01-30":                time.Date(2026, 1, 30, 0, 0, 0, 0, zone),
		"2026-01-30 10:11":          time.Date(2026, 1, 30, 10, 11, 0, 0, zone),
		"2026-01-30 10:11:12":       time.Date(2026, 1, 30, 10, 11, 12, 0, zone),
		"2026-01-30T10:11:12":       time.Date(2026, 1, 30, 10, 11, 12, 0, zone),
		"2026-01-30T10:11:12.5Z":    time.Date(2026, 1, 30, 10, 11, 12, 5e8, time.UTC),
		"2026-01-30T10:11:12-07:00": time.Date(2026, 1, 30, 17, 11, 12, 0, time.UTC),
		"09:30":                     time.Date(2026, 1, 31, 9, 30, 0, 0, zone),
		"9:30:05":                   time.Date(2026, 1, 31, 9, 30, 5, 0, zone),
	} {
		if got, err := sinceTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("sinceTime(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "-10m", "25:00", "2026-13-01"} {
		if got, err := sinceTime(text, now); err == nil {
			t.Errorf("sinceTime(%q) = %v, want an error", text, got)
		}
	}
}
