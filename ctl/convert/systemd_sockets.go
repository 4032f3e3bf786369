package convert

import (
	"cmp"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// socketSilent are keys of a .socket whose absence nobody misses, or whose only
// meaning here is what happens anyway.
var socketSilent = map[string]bool{
	"Unit.Description": true, "Unit.Documentation": true, "Unit.DefaultDependencies": true, "Unit.SourcePath": true,
	"Socket.RemoveOnStop": true, "Socket.Service": true, "Socket.Accept": true,
}

// socketLost are keys of a .socket with a way out, or a reason.
var socketLost = map[string]string{
	"ListenFIFO":         "only sockets are opened",
	"ListenSpecial":      "only sockets are opened",
	"ListenNetlink":      "only sockets of IP and unix are opened",
	"ListenUSBFunction":  "only sockets are opened",
	"ListenMessageQueue": "only sockets are opened",
	"ExecStartPre":       "nothing runs before sockets are opened",
	"ExecStartPost":      "nothing runs after sockets are opened",
	"ExecStopPre":        "nothing runs before sockets are closed",
	"ExecStopPost":       "nothing runs after sockets are closed",
	"Symlinks":           "no links to a socket are made",
	"MaxConnections":     "connections are the service's own affair",
}

// socket adds the sockets of a .socket to the service that they are for.
func (c *conversion) socket(u *unit, order []*unitService) {
	of := strings.TrimSuffix(u.name, ".socket") + ".service"
	if named := u.value("Socket.Service"); named != "" {
		of = named
	}
	if isYes(u.value("Socket.Accept")) {
		c.note(u.at, Skipped, "Socket.Accept", "no process is started for each connection: the service has to accept them itself")
		return
	}
	owner := ""
	for _, s := range order {
		asks := s.unit.name == of
		for _, l := range s.unit.all["Service.Sockets"] {
			asks = asks || slices.Contains(strings.Fields(l.value), u.name)
		}
		switch {
		case !asks:
		case owner != "":
			s.say(s.at, Lost, "Service.Sockets", "a socket has one service: %s is that of %q", u.name, owner)
		default:
			owner = s.name
			(&unitService{draft: s.draft, unit: u}).sockets()
		}
	}
	if owner == "" {
		c.note(u.at, Skipped, "", "its service %s is not among the units", of)
	}
}

// addresses are the lines that say where, in the order of the files.
func (u *unit) addresses() (all []socketLine) {
	files := map[string]int{}
	for _, key := range u.keys {
		for _, l := range u.all[key] {
			if _, known := files[l.at.file]; !known {
				files[l.at.file] = len(files)
			}
			if slices.Contains([]string{"Socket.ListenStream", "Socket.ListenDatagram", "Socket.ListenSequentialPacket"}, key) {
				all = append(all, socketLine{l, key})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b socketLine) int {
		return cmp.Or(cmp.Compare(files[a.at.file], files[b.at.file]), cmp.Compare(a.at.line, b.at.line))
	})
	return all
}

type socketLine struct {
	unitLine
	key string
}

func isYes(s string) bool {
	switch strings.ToLower(s) {
	case "1", "yes", "y", "true", "t", "on":
		return true
	}
	return false
}

// sockets translates what a .socket says. The order of its addresses is that of
// their descriptors.
func (s *unitService) sockets() {
	common := spec.Listen{Name: s.unit.name}
	var all []spec.Listen
	for _, line := range s.unit.bad {
		s.say(line.at, Lost, "", "%q is neither KEY=VALUE nor a section", line.value)
	}
	for _, l := range s.unit.addresses() {
		text := s.specify(l.key, l.at, l.value)
		address, why := socketAddress(strings.TrimPrefix(l.key, "Socket."), text)
		if why != "" {
			s.say(l.at, Lost, l.key, "%s", why)
			continue
		}
		all = append(all, spec.Listen{Address: address})
	}
	for _, key := range s.unit.keys {
		lines := s.unit.all[key]
		if len(lines) == 0 {
			continue
		}
		section, name, _ := strings.Cut(key, ".")
		at := lines[len(lines)-1].at
		value := s.last(key, lines)
		switch {
		case strings.HasPrefix(key, "Socket.Listen") && socketLost[name] == "", section == "Install", socketSilent[key], strings.HasPrefix(name, "X-"):
		case key == "Socket.FileDescriptorName":
			common.Name = value
		case key == "Socket.SocketMode":
			m, err := strconv.ParseUint(value, 8, 32)
			if err != nil || m > 0o777 {
				s.say(at, Lost, key, "%q is no mode", value)
				continue
			}
			mode := spec.Mode(m)
			common.Mode = &mode
		case key == "Socket.SocketUser":
			common.User = value
			if s.unit.value("Socket.SocketGroup") == "" {
				s.say(at, About, key, "its group stays the supervisor's: systemd takes the user's")
			}
		case key == "Socket.SocketGroup":
			common.Group = value
		case key == "Socket.Backlog":
			if n, err := strconv.Atoi(value); err == nil && n > 0 && n <= 1<<20 {
				common.Backlog = &n
			} else if value != strconv.FormatUint(1<<32-1, 10) { // as many as the kernel allows
				s.say(at, Lost, key, "must be a number from 1 to %d", 1<<20)
			}
		case key == "Socket.BindIPv6Only" && (value == "default" || value == "both"):
		case key == "Socket.DirectoryMode" && strings.TrimLeft(value, "0") == "755":
		case strings.HasPrefix(name, "Condition") || strings.HasPrefix(name, "Assert"):
			s.say(at, Lost, key, "what has a spec is started, without conditions")
		case socketLost[name] != "":
			s.say(at, Lost, key, "%s", socketLost[name])
		default:
			s.say(at, Lost, key, "nothing here is its counterpart")
		}
	}
	taken := map[string]bool{}
	for _, l := range s.spec.Listen {
		taken[l.Where().String()] = true
	}
	for _, l := range all {
		where := l.Where()
		if taken[where.String()] {
			continue
		}
		taken[where.String()] = true
		l.Name = common.Name
		if where.InFiles() {
			l.Mode, l.User, l.Group = common.Mode, common.User, common.Group
		}
		if where.Accepts() {
			l.Backlog = common.Backlog
		}
		s.spec.Listen = append(s.spec.Listen, l)
	}
	if len(all) > 0 {
		s.say(s.unit.at, About, "", "the service is started at once, not by its first connection; its sockets are opened before that")
	}
}

// socketAddress is an address of systemd.socket(5) in our words.
func socketAddress(key, text string) (address, why string) {
	ip, file := map[string]string{"ListenStream": spec.NetTCP, "ListenDatagram": spec.NetUDP}[key],
		map[string]string{"ListenStream": spec.NetUnix, "ListenDatagram": spec.NetUnixgram, "ListenSequentialPacket": spec.NetUnixpacket}[key]
	if strings.HasPrefix(text, "/") || strings.HasPrefix(text, "@") {
		if strings.HasPrefix(text, "/") {
			text = path.Clean(text)
		}
		return checkAddress(file + "://" + text)
	}
	if strings.HasPrefix(text, "vsock:") {
		return "", "only sockets of IP and unix are opened"
	}
	if ip == "" {
		return "", "only unix sockets have sequential packets here"
	}
	if port, err := strconv.ParseUint(text, 10, 16); err == nil {
		return checkAddress(ip + "://[::]:" + strconv.FormatUint(port, 10)) // IPv4 too, as with systemd
	}
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		return "", "not an IP address and a port: " + strconv.Quote(text)
	}
	return checkAddress(ip + "://" + at.String())
}

// checkAddress has an address read as a spec will.
func checkAddress(address string) (string, string) {
	if err := spec.CheckAddress(address); err != nil {
		return "", err.Error()
	}
	return strings.TrimPrefix(address, spec.NetTCP+"://"), ""
}
