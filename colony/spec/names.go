package spec

import (
	"fmt"
	"strings"
)

// FileKind says what a file in the config directory is, going by its name.
type FileKind int

const (
	FileSpec    FileKind = iota // the spec of a service
	FileIgnored                 // a temporary or backup file, passed over silently
	FileBad                     // neither: reported in bad_files of colony.json
)

func (k FileKind) String() string {
	return [...]string{"spec", "ignored", "bad"}[k]
}

// leftovers end the names of files that editors and package managers leave
// behind, or that are not complete yet.
var leftovers = []string{"~", ".new", ".tmp", ".swp", ".swx", ".bak", ".orig", ".rej"}

// NameOf returns the name of the service whose spec is in file, a base name
// without directories. "web" and "web.json" are both the service "web"; callers
// report the clash. For FileBad the name is what CheckName says the reason for;
// for FileIgnored it is "".
func NameOf(file string) (name string, kind FileKind) {
	if passedOver(file) != "" {
		return "", FileIgnored
	}
	name = strings.TrimSuffix(file, ".json")
	if CheckName(name) != nil {
		return name, FileBad
	}
	return name, FileSpec
}

// passedOver says why a file of this name is no spec, or "".
func passedOver(file string) string {
	switch {
	case strings.HasPrefix(file, "."):
		return `begins with "."`
	case strings.HasPrefix(file, "#"):
		return `begins with "#"`
	case strings.Contains(file, ".dpkg-"):
		return `contains ".dpkg-"`
	case strings.Contains(file, ".rpm"):
		return `contains ".rpm"`
	}
	for _, end := range leftovers {
		if strings.HasSuffix(file, end) {
			return fmt.Sprintf("ends in %q", end)
		}
	}
	return ""
}

// CheckName says why name cannot name a service; nil means that it can. Every
// good name is also the name of a file that NameOf takes for its spec.
func CheckName(name string) error {
	if cause := badName(name); cause != "" {
		return fmt.Errorf("name %s: %s", quoted(name), cause)
	}
	return nil
}

func badName(name string) string {
	switch {
	case name == "":
		return "must not be empty"
	case len(name) > MaxNameLength:
		return fmt.Sprintf("%d bytes long, at most %d", len(name), MaxNameLength)
	case name[0] == '@':
		return `names that begin with "@" are the helpers'`
	}
	if cause := passedOver(name); cause != "" {
		return cause + ", files of such names are ignored"
	}
	for i, c := range name {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_':
		case i > 0 && strings.ContainsRune("._+-", c):
		case i == 0 && strings.ContainsRune("+-", c):
			return "must begin with a letter, a digit or _"
		default:
			return fmt.Sprintf("must not contain %q, only letters, digits and . _ + -", c)
		}
	}
	// A name with the suffix would share the file of the name without it.
	if end := len(name) - len(".json"); end >= 0 && strings.EqualFold(name[end:], ".json") {
		return `must not end in ".json", which only the file may, once and in lower case`
	}
	return ""
}
