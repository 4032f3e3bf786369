package convert

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// iniSection is a section of supervisord's configuration, or of one file.
type iniSection struct {
	name    string
	at      place
	entries []iniEntry
}

type iniEntry struct {
	key, value string
	at         place
}

// get is the last value of a key.
func (s *iniSection) get(key string) (iniEntry, bool) {
	for i := len(s.entries) - 1; i >= 0; i-- {
		if s.entries[i].key == key {
			return s.entries[i], true
		}
	}
	return iniEntry{}, false
}

var iniHeader = regexp.MustCompile(`^\[(.+)\]`)

// readIni reads the dialect of Python's configparser as supervisord sets it up:
// "=" and ":" part key and value, keys are in any case, " ;" and " #" begin a
// comment also behind a value, an indented line goes on with the value above it,
// and a section may come twice. Readers of ini that there are for Go differ in
// all of these, and to lose half a command at a semicolon is worse than a reader
// of 60 lines.
func readIni(f File) (sections []*iniSection, err error) {
	var section *iniSection
	open := false // the last entry of section may go on
	indent := 0
	number := 0
	for line := range strings.Lines(string(f.Text)) {
		number++
		value := strings.TrimSpace(line[:iniComment(line)])
		if value == "" {
			if open && strings.TrimSpace(line) == "" {
				last := &section.entries[len(section.entries)-1]
				last.value += "\n"
			}
			continue
		}
		depth := len(line) - len(strings.TrimLeftFunc(line, unicode.IsSpace))
		if open && depth > indent {
			last := &section.entries[len(section.entries)-1]
			last.value += "\n" + value
			continue
		}
		indent = depth
		if m := iniHeader.FindStringSubmatch(value); m != nil {
			section, open = &iniSection{name: m[1], at: place{f.Path, number}}, false
			sections = append(sections, section)
			continue
		}
		key, text, found := cutAny(value, "=:")
		key = strings.ToLower(strings.TrimSpace(key))
		switch {
		case section == nil:
			return nil, fmt.Errorf("read %s:%d: a line in front of the first section", f.Path, number)
		case !found || key == "":
			return nil, fmt.Errorf("read %s:%d: neither KEY=VALUE nor a section", f.Path, number)
		}
		section.entries = append(section.entries, iniEntry{key, strings.TrimSpace(text), place{f.Path, number}})
		open = true
	}
	for _, s := range sections {
		for i := range s.entries {
			s.entries[i].value = strings.TrimSpace(s.entries[i].value)
		}
	}
	return sections, nil
}

// iniComment is where the comment of a line begins, or the end of it.
func iniComment(line string) int {
	if s := strings.TrimSpace(line); s != "" && (s[0] == ';' || s[0] == '#') {
		return 0
	}
	space := true
	for i, r := range line {
		if space && (r == ';' || r == '#') {
			return i
		}
		space = unicode.IsSpace(r)
	}
	return len(line)
}

func cutAny(s, chars string) (before, after string, found bool) {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// mergeIni puts the sections of one name together, as later ones go before
// earlier ones.
func mergeIni(all []*iniSection) (merged []*iniSection) {
	byName := map[string]*iniSection{}
	for _, s := range all {
		if first := byName[s.name]; first != nil {
			first.entries = append(first.entries, s.entries...)
			continue
		}
		byName[s.name] = s
		merged = append(merged, s)
	}
	return merged
}
