package serve

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ncolony/ncolony-go/serve/operations"
)

const (
	sessionLife  = 12 * time.Hour // from the login on, used or not
	mostSessions = 1000
)

// sessions are the browsers that have shown a token. They are in memory: who
// restarts the server has everybody log in again.
type sessions struct {
	key [32]byte // of the form tokens

	mu  sync.Mutex
	all map[[sha256.Size]byte]session // by the sum of their id
}

// session is one browser.
type session struct {
	token [sha256.Size]byte // sum of the token that it has shown
	ends  time.Time
}

func newSessions() *sessions {
	s := &sessions{all: map[[sha256.Size]byte]session{}}
	rand.Read(s.key[:]) // which does not fail
	return s
}

// begin makes a session, and returns its id.
func (s *sessions) begin(token [sha256.Size]byte, now time.Time) (id string) {
	id = rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := [sha256.Size]byte{}
	for sum, one := range s.all {
		if now.After(one.ends) {
			delete(s.all, sum)
		} else if first, ok := s.all[oldest]; !ok || one.ends.Before(first.ends) {
			oldest = sum
		}
	}
	if len(s.all) >= mostSessions {
		delete(s.all, oldest)
	}
	s.all[sha256.Sum256([]byte(id))] = session{token, now.Add(sessionLife)}
	return id
}

// token is the sum of the token that a session was begun with.
func (s *sessions) token(id string, now time.Time) (sum [sha256.Size]byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.all[sha256.Sum256([]byte(id))]
	return one.token, ok && now.Before(one.ends)
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sha256.Sum256([]byte(id)))
}

// cookieName is that of the cookie that holds the session. Cookies are the same for
// all ports of a host, and there may be a server at each.
func cookieName(r *http.Request) string {
	name := "ncolony-session"
	if tcp, ok := atOf(r).local.(*net.TCPAddr); ok {
		name += "-" + strconv.Itoa(tcp.Port)
	}
	if r.TLS != nil {
		return "__Host-" + name
	}
	return name
}

// sessionOf is the id of the session of a request, which need not be one; "" = none.
func sessionOf(r *http.Request) string {
	c, err := r.Cookie(cookieName(r))
	if err != nil {
		return ""
	}
	return c.Value
}

// visitor says who a browser is that has logged in.
func (a *access) visitor(r *http.Request) (c operations.Caller, ok bool) {
	sum, ok := a.sessions.token(sessionOf(r), time.Now())
	if !ok {
		return c, false
	}
	// A token that counts no longer ends what was begun with it.
	c.Role = a.tokens.roleOf(sum)
	c.Name = "browser of the " + c.Role.String()
	return c, c.Role > operations.Nobody
}

// Login begins a session for whoever has a token, and gives the browser the cookie.
func (s *Server) Login(w http.ResponseWriter, r *http.Request, token string) error {
	sum := sha256.Sum256([]byte(token))
	role := s.access.tokens.roleOf(sum)
	if role == operations.Nobody {
		return problem(unauthorized, "token", "the token is not one of ours")
	}
	if old := sessionOf(r); old != "" {
		s.access.sessions.end(old)
	}
	s.setCookie(w, r, s.access.sessions.begin(sum, time.Now()), int(sessionLife.Seconds()))
	s.log.Info("logged in", "role", role.String())
	return nil
}

// Logout ends the session of a browser.
func (s *Server) Logout(w http.ResponseWriter, r *http.Request) {
	s.access.sessions.end(sessionOf(r))
	s.setCookie(w, r, "", -1)
}

func (s *Server) setCookie(w http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: cookieName(r), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode})
}

// LoggedIn says whether the caller is known by a session, which a logout ends.
func (s *Server) LoggedIn(r *http.Request) bool {
	_, ok := s.access.visitor(r)
	return ok && !atOf(r).unix && r.Header.Get("Authorization") == ""
}

// NeedsToken says whether an error means that the caller is unknown, and a login may
// help.
func NeedsToken(err error) bool {
	e, ok := errors.AsType[*operations.Error](err)
	return ok && e.Code == unauthorized
}

// Status is the status that HTTP has for an error.
func Status(err error) int { return problemOf(err).Status }

// FormToken is what forms of our pages hold, and those of others cannot know: it is
// another one for each session, and for each user of the socket.
func (s *Server) FormToken(r *http.Request) string {
	h := hmac.New(sha256.New, s.access.sessions.key[:])
	h.Write([]byte(cmp.Or(sessionOf(r), operations.CallerOf(r.Context()).Name)))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// CheckForm returns an error unless a form has its token.
func (s *Server) CheckForm(r *http.Request, token string) error {
	if !hmac.Equal([]byte(token), []byte(s.FormToken(r))) {
		return problem(operations.Forbidden, "form", "the form is none of ours, or of an earlier login: load the page again")
	}
	return nil
}

// reads says whether a request changes nothing.
func reads(r *http.Request) bool {
	return slices.Contains([]string{http.MethodGet, http.MethodHead}, r.Method)
}
