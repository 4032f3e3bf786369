package convert

import (
	"path"
	"slices"
	"strings"
)

// unit is a unit of systemd: its file and its drop-ins.
type unit struct {
	name string // "web.service"
	at   place
	keys []string              // "Service.ExecStart", in the order of the file
	all  map[string][]unitLine // by key; an empty assignment has removed those in front of it
	bad  []unitLine            // lines that are none
}

type unitLine struct {
	value string
	at    place
}

// value is the last one of a key, or "".
func (u *unit) value(key string) string {
	if lines := u.all[key]; len(lines) > 0 {
		return lines[len(lines)-1].value
	}
	return ""
}

// read adds a file: sections, KEY=VALUE, comments on lines of their own, and a
// backslash at the end of a line, behind which comments are passed over.
func (u *unit) read(f File) {
	section, joined, start, number := "", "", 0, 0
	take := func(line string) {
		line = strings.TrimSpace(line)
		at := place{f.Path, start}
		if name, ok := strings.CutPrefix(line, "["); ok && strings.HasSuffix(name, "]") {
			section = strings.TrimSuffix(name, "]")
			return
		}
		name, value, found := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		key := section + "." + name
		switch {
		case line == "":
		case !found || name == "" || section == "":
			u.bad = append(u.bad, unitLine{line, at})
		case value == "" && key != "Service.CapabilityBoundingSet": // there it means none at all
			u.all[key] = nil
		default:
			if !slices.Contains(u.keys, key) {
				u.keys = append(u.keys, key)
			}
			u.all[key] = append(u.all[key], unitLine{value, at})
		}
	}
	for line := range strings.Lines(string(f.Text)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if s := strings.TrimLeft(line, " \t"); strings.HasPrefix(s, "#") || strings.HasPrefix(s, ";") {
			continue
		}
		if joined == "" {
			start = number
		}
		if before, ok := strings.CutSuffix(line, `\`); ok {
			joined += before + " "
			continue
		}
		take(joined + line)
		joined = ""
	}
	take(joined)
}

// readUnits sorts files into units. A drop-in, web.service.d/NAME.conf, belongs
// to the unit of its directory.
func readUnits(files []File) (units []*unit) {
	byName := map[string]*unit{}
	for _, dropIns := range []bool{false, true} {
		for _, f := range files {
			name := path.Base(f.Path)
			dir, isDropIn := strings.CutSuffix(path.Base(path.Dir(f.Path)), ".d")
			isDropIn = isDropIn && strings.HasSuffix(name, ".conf")
			if isDropIn != dropIns {
				continue
			}
			if isDropIn {
				name = dir
			}
			u := byName[name]
			if u == nil {
				u = &unit{name: name, at: place{f.Path, 0}, all: map[string][]unitLine{}}
				byName[name] = u
				units = append(units, u)
			}
			u.read(f)
		}
	}
	return units
}

// specifiers are those that can be known without the machine: those of a unit of
// the system, not of a user.
func (u *unit) specifiers() map[byte]string {
	prefix, instance, isTemplate := strings.Cut(strings.TrimSuffix(u.name, path.Ext(u.name)), "@")
	whole := strings.TrimSuffix(u.name, path.Ext(u.name))
	known := map[byte]string{
		'%': "%", 'n': u.name, 'N': whole, 'p': prefix, 'P': unescapeUnit(prefix),
		'j': prefix[strings.LastIndexByte(prefix, '-')+1:], 'J': unescapeUnit(prefix[strings.LastIndexByte(prefix, '-')+1:]),
		'i': "", 'I': "", 'f': "/" + strings.TrimPrefix(unescapeUnit(prefix), "/"),
		'h': "/root", 'u': "root", 'U': "0", 'g': "root", 'G': "0", 's': "/bin/sh",
		't': "/run", 'S': "/var/lib", 'C': "/var/cache", 'L': "/var/log", 'E': "/etc", 'T': "/tmp", 'V': "/var/tmp",
	}
	if isTemplate {
		known['i'], known['I'] = instance, unescapeUnit(instance)
		known['f'] = "/" + strings.TrimPrefix(unescapeUnit(instance), "/")
	}
	return known
}

// unescapeUnit undoes systemd-escape: "-" is a slash, \x2d a byte.
func unescapeUnit(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' {
			if c, ok := hexByte(s[i+2 : i+4]); ok && c != 0 {
				b.WriteByte(c)
				i += 3
				continue
			}
		}
		if s[i] == '-' {
			b.WriteByte('/')
		} else {
			b.WriteByte(s[i])
		}
	}
	return strings.ToValidUTF8(b.String(), "?")
}

// specify fills in the specifiers of s. credentials is their directory, "" = not
// known. unknown are those that only the machine knows, which stay as they are.
func (u *unit) specify(s, credentials string) (text, unknown string) {
	known := u.specifiers()
	if credentials != "" {
		known['d'] = credentials
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		value, ok := known[s[i]]
		if !ok {
			unknown += "%" + s[i:i+1]
			value = "%" + s[i:i+1]
		}
		b.WriteString(value)
	}
	return b.String(), unknown
}
