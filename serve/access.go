package serve

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ncolony/ncolony-go/serve/operations"
)

// access decides who may do what.
type access struct {
	owner    func() (uid int, err error) // of the colony
	group    func() (gid int, err error) // whose members may look; -1 = nobody's
	tokens   *tokens
	sessions *sessions
	hosts    []string // by which we are called, beside our addresses
	origins  []string // whose pages may call, beside our own
	names    *tls.Certificate
}

// at is where a connection came in.
type at struct {
	unix    bool
	peer    Peer
	peerErr error // why it is not known who that is
	local   net.Addr
}

type atKey struct{}

func atOf(r *http.Request) at {
	a, _ := r.Context().Value(atKey{}).(at)
	return a
}

// caller says who sends a request. The error is a problem to answer with. A browser
// sends its cookie along with whatever it is made to send: forms, which is true of,
// have a token of their own against that, and what else changes something needs more
// than a cookie.
func (a *access) caller(r *http.Request, form bool) (operations.Caller, error) {
	here := atOf(r)
	if !here.unix {
		if r.Header.Get("Authorization") == "" && (form || reads(r)) {
			if c, ok := a.visitor(r); ok {
				return c, nil
			}
		}
		return a.bearer(r)
	}
	if here.peerErr != nil {
		return operations.Caller{}, problem(operations.Forbidden, "", "it is not known who calls: "+here.peerErr.Error())
	}
	c := operations.Caller{Name: "uid " + strconv.Itoa(here.peer.UID)}
	owner, err := a.owner()
	switch {
	case here.peer.UID == 0, err == nil && here.peer.UID == owner:
		c.Role = operations.Admin
		return c, nil
	}
	if group, err := a.group(); err == nil && slices.Contains(here.peer.Groups, group) {
		c.Role = operations.Reader
	}
	return c, nil
}

// bearer goes by the token.
func (a *access) bearer(r *http.Request) (operations.Caller, error) {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token == "" || !strings.EqualFold(kind, "Bearer") {
		return operations.Caller{}, problem(unauthorized, "Authorization", "Authorization: a bearer token is needed")
	}
	role := a.tokens.role(strings.TrimSpace(token))
	if role == operations.Nobody {
		return operations.Caller{}, problem(unauthorized, "Authorization", "Authorization: the token is not one of ours")
	}
	return operations.Caller{Name: "token " + role.String(), Role: role}, nil
}

// home says whether a request is meant for us, by its Host, and does not come from
// another site's page, by its Origin. Names of others may be made to lead to our
// address, so that a browser takes us for them (DNS rebinding): also to a socket, by
// way of a tunnel.
func (a *access) home(r *http.Request) error {
	here := atOf(r)
	origins := r.Header.Values("Origin")
	if !a.ours(r.Host, here.local) {
		return problem(operations.Forbidden, "Host", "Host: "+strconv.Quote(r.Host)+" is none of ours; --host makes it one")
	}
	for _, origin := range origins {
		if !slices.Contains(a.origins, origin) && !sameOrigin(origin, r) {
			return problem(operations.Forbidden, "Origin", "Origin: "+strconv.Quote(origin)+" is none of ours; --origin makes it one")
		}
	}
	return nil
}

// ours says whether a Host names us.
func (a *access) ours(host string, local net.Addr) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.Trim(name, "[]"), ".")
	if slices.ContainsFunc(a.hosts, func(h string) bool { return strings.EqualFold(h, name) }) {
		return true
	}
	if _, ok := local.(*net.UnixAddr); ok { // whatever clients call it, or the near end of a tunnel
		ip, err := netip.ParseAddr(name)
		return err == nil && ip.IsLoopback() || !strings.ContainsAny(name, ".:")
	}
	if tcp, ok := local.(*net.TCPAddr); ok {
		addr := tcp.AddrPort().Addr().Unmap()
		if ip, err := netip.ParseAddr(name); err == nil {
			return ip.Unmap().WithZone("") == addr.WithZone("")
		}
		if addr.IsLoopback() && strings.EqualFold(name, "localhost") {
			return true
		}
	}
	return a.names != nil && a.names.Leaf != nil && a.names.Leaf.VerifyHostname(name) == nil
}

// sameOrigin says whether an Origin is the place that the request went to.
func sameOrigin(origin string, r *http.Request) bool {
	u, err := url.Parse(origin)
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return err == nil && u.Scheme == scheme && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// guard lets through whom a route is for. Routes for anybody tell nothing, and
// those who ask whether a container is well call it by any name.
// Page answers those who may not come to a page; nil = programs are whom the route is
// for.
func (s *Server) guard(route Route, page Failing) http.HandlerFunc {
	isPage, refuse := page != nil, page
	if !isPage {
		refuse = func(w http.ResponseWriter, _ *http.Request, err error) { fail(w, err) }
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if route.Needs == operations.Nobody && !isPage {
			route.Serve(w, r)
			return
		}
		err := s.access.home(r)
		var c operations.Caller
		if err == nil {
			c, err = s.access.caller(r, isPage)
			if route.Needs == operations.Nobody {
				err = nil
			}
		}
		if err == nil && c.Role < route.Needs {
			err = problem(operations.Forbidden, "", "this is for the "+route.Needs.String()+", and "+c.Name+" is "+c.Role.String())
		}
		if err != nil {
			refuse(w, r, err)
			return
		}
		route.Serve(w, r.WithContext(operations.WithCaller(r.Context(), c)))
	}
}

// arrived notes where a connection came in and, on a unix socket, who is there.
func (s *Server) arrived(ctx context.Context, c net.Conn) context.Context {
	here := at{local: c.LocalAddr()}
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if d, ok := c.(*guest); ok {
		c = d.Conn
	}
	if u, ok := c.(*net.UnixConn); ok {
		here.unix = true
		here.peer, here.peerErr = s.peer(u)
	}
	return context.WithValue(ctx, atKey{}, here)
}
