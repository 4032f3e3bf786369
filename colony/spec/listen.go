package spec

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// Listen is a socket that the supervisor opens for a service and keeps while the
// service is restarted. In a file it is an address or an object.
type Listen struct {
	// Where: "127.0.0.1:80", "udp://[::]:53", "unix:///run/x.sock",
	// "unix://@abstract", also unixgram and unixpacket.
	Address string `json:"address"`
	// Its name in LISTEN_FDNAMES. Default: that of the service.
	Name string `json:"name,omitempty"`
	// Permission bits of the file of a unix socket. Default: "0666".
	Mode *Mode `json:"mode,omitempty"`
	// Name or number of the owner of that file. Default: the supervisor's.
	User string `json:"user,omitempty"`
	// Name or number of the group of that file. Default: the supervisor's.
	Group string `json:"group,omitempty"`
	// How many connections wait that nobody has accepted yet. Default: as many as
	// the kernel allows (net.core.somaxconn).
	Backlog *int `json:"backlog,omitempty"`
}

// MaxListen is how many sockets a service can have.
const MaxListen = 64

// maxBacklog bounds backlog; the kernel cuts it to net.core.somaxconn.
const maxBacklog = 1 << 20

// The networks of an address. The last three are of unix(7).
const (
	NetTCP        = "tcp"
	NetUDP        = "udp"
	NetUnix       = "unix"       // a stream
	NetUnixgram   = "unixgram"   // datagrams
	NetUnixpacket = "unixpacket" // packets in order
)

var networks = []string{NetTCP, NetUDP, NetUnix, NetUnixgram, NetUnixpacket}

// Address is where a socket listens.
type Address struct {
	Network string
	IP      netip.AddrPort // of NetTCP and NetUDP
	Path    string         // of the others; "@NAME" is abstract
}

// String is the one text of an address, however it was written: two sockets
// clash if theirs are the same.
func (a Address) String() string {
	switch a.Network {
	case NetTCP:
		return a.IP.String()
	case NetUDP:
		return NetUDP + "://" + a.IP.String()
	}
	return a.Network + "://" + a.Path
}

// Accepts reports whether connections are accepted there.
func (a Address) Accepts() bool { return a.Network != NetUDP && a.Network != NetUnixgram }

// InFiles reports whether the socket is a file.
func (a Address) InFiles() bool { return strings.HasPrefix(a.Path, "/") }

// Where returns the address in parts. It must be a good one, as Parse makes
// sure.
func (l Listen) Where() Address {
	a, _ := addressOf(l.Address)
	return a
}

// CheckAddress says what is wrong with an address, or nil.
func CheckAddress(s string) error {
	if _, cause := addressOf(s); cause != "" {
		return fmt.Errorf("%s: %s", quoted(s), cause)
	}
	return nil
}

// Addresses are those of the sockets that s asks for, each as its one text.
func (s *Spec) Addresses() (all []string) {
	for _, l := range s.Listen {
		all = append(all, l.Where().String())
	}
	return all
}

// addressOf reads an address, or says what is wrong with it.
func addressOf(s string) (a Address, cause string) {
	network, rest, ok := strings.Cut(s, "://")
	if !ok {
		network, rest = NetTCP, s
		if strings.HasPrefix(s, "/") || strings.HasPrefix(s, "@") {
			return a, fmt.Sprintf("must be %q", NetUnix+"://"+s)
		}
	}
	a.Network = network
	switch network {
	case NetTCP, NetUDP:
		a.IP, cause = addrPortOf(rest)
	case NetUnix, NetUnixgram, NetUnixpacket:
		a.Path, cause = socketPathOf(rest)
	default:
		cause = "must begin with " + strings.Join(networks, "://, ") + "://" + maybe(network, networks)
	}
	return a, cause
}

// addrPortOf reads a literal IP address and a port. Names are none: to look them
// up takes a network, and time.
func addrPortOf(s string) (a netip.AddrPort, cause string) {
	i := strings.LastIndexByte(s, ':')
	host, port := s, ""
	if i >= 0 {
		host, port = s[:i], s[i+1:]
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if i < 0 || err != nil || n == 0 {
		return a, `must end with a port from 1 to 65535, as in "127.0.0.1:80"`
	}
	if host == "" || host == "*" {
		return a, fmt.Sprintf(`must have an address: "0.0.0.0:%d", or "[::]:%d" for IPv6 and IPv4`, n, n)
	}
	bare, opened := strings.CutPrefix(host, "[")
	bare, closed := strings.CutSuffix(bare, "]")
	ip, err := netip.ParseAddr(bare)
	switch {
	case err != nil:
		return a, "must have an IP address, not " + quoted(host)
	case ip.Zone() != "":
		return a, "must have no zone: " + quoted(ip.Zone())
	case ip.Is6() != opened, opened != closed:
		return a, fmt.Sprintf(`must have an IPv6 address in brackets, and only that: "[::1]:%d"`, n)
	}
	return netip.AddrPortFrom(ip, uint16(n)), ""
}

// maxSocketPath is the length of a path that a socket can have: sun_path less
// its NUL.
const maxSocketPath = 107

// socketPathOf reads an absolute path, or a name after "@".
func socketPathOf(s string) (clean, cause string) {
	name, abstract := strings.CutPrefix(s, "@")
	switch {
	case abstract && name == "":
		return "", `must have a name after "@"`
	case !abstract && !strings.HasPrefix(s, "/"):
		return "", `must have an absolute path ("unix:///run/x.sock"), or "@" and a name`
	case !abstract:
		if s = path.Clean(s); s == "/" {
			return "", "must be a file, not /"
		}
	}
	if len(s) > maxSocketPath {
		return "", fmt.Sprintf("the path of a socket has %d bytes at most", maxSocketPath)
	}
	return s, ""
}

// notSocketName says why s cannot stand in LISTEN_FDNAMES, or "".
func notSocketName(s string) string {
	if len(s) > 255 {
		return "has more than 255 bytes"
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || c == ':' {
			return `must be of visible ASCII characters without ":", not ` + quoted(s)
		}
	}
	return ""
}

// listening is Listen as an object.
type listening Listen

// MarshalJSON writes the address alone if there is nothing else.
func (l Listen) MarshalJSON() ([]byte, error) {
	if l == (Listen{Address: l.Address}) {
		return json.Marshal(l.Address)
	}
	return json.Marshal(listening(l))
}

// UnmarshalJSON reads an address, or an object.
func (l *Listen) UnmarshalJSON(data []byte) error {
	*l = Listen{}
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &l.Address)
	}
	return json.Unmarshal(data, (*listening)(l))
}
