package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// Options say what to serve, and where.
type Options struct {
	Places spec.Places
	Log    *slog.Logger
	Listening
	Hosts   []string // by which we are called beside our addresses
	Origins []string // of pages that may call, beside our own: "https://admin.example.org"

	Most Most

	// Peer says who is at the other end of a unix socket; nil means PeerOf.
	Peer  func(*net.UnixConn) (Peer, error)
	times times // the zero value means the usual ones

	// Ready is called once all sockets are open, if it is not nil.
	Ready func(addresses []net.Addr)
}

// Most bounds what callers can make us hold.
type Most struct {
	Connections int // for each socket
	Streams     int // server-sent events
}

// times are what clients have.
type times struct {
	head   time.Duration // to send a request's header
	whole  time.Duration // and its body
	answer time.Duration // to read an answer
	read   time.Duration // to read what a stream has sent
	next   time.Duration // between two requests of a connection
	end    time.Duration // to get their answers when we are to end
}

// usual suits slow networks and stops those who hold on to what others need.
var usual = times{head: 5 * time.Second, whole: 30 * time.Second, answer: 30 * time.Second, read: 10 * time.Second, next: time.Minute, end: 3 * time.Second}

const maxHeader = 16 << 10 // bytes

// Server answers requests about one colony.
type Server struct {
	colony *operations.Colony
	access access
	log    *slog.Logger
	peer   func(*net.UnixConn) (Peer, error)
	most   Most
	mux    *http.ServeMux
	times  times

	streams   atomic.Int64
	streaming sync.WaitGroup
	ending    context.Context // done when streams are to end
	options   Options
}

// New returns a server for a colony; others are the routes that other packages bring
// along.
func New(o Options, colony *operations.Colony, others ...Route) *Server {
	s := &Server{colony: colony, log: o.Log, peer: o.Peer, most: o.Most, mux: http.NewServeMux(), ending: context.Background()}
	if s.peer == nil {
		s.peer = PeerOf
	}
	if o.Socket == "" {
		o.Socket = filepath.Join(o.Places.State, "serve.sock")
	}
	if s.times = o.times; s.times == (times{}) {
		s.times = usual
	}
	s.options = o
	s.access = access{sessions: newSessions(), hosts: o.Hosts, origins: o.Origins, owner: ownerOf(o.Places.State), group: groupOf(o.Socket)}
	for _, route := range append(s.routes(), others...) {
		s.mux.HandleFunc(route.Pattern, s.guard(route, nil))
	}
	return s
}

// Failing answers with an error.
type Failing func(http.ResponseWriter, *http.Request, error)

// Pages adds routes for browsers, before the server runs: those that have logged in
// may come, and forms have to ask CheckForm. Fail answers those who may not.
func (s *Server) Pages(fail Failing, pages ...Route) {
	for _, page := range pages {
		s.mux.HandleFunc(page.Pattern, s.guard(page, fail))
	}
}

// ownerOf asks each time: a directory may be given away.
func ownerOf(dir string) func() (int, error) {
	return func() (int, error) {
		st, err := stat(dir)
		return int(st.Uid), err
	}
}

func groupOf(socket string) func() (int, error) {
	return func() (int, error) {
		st, err := stat(socket)
		return int(st.Gid), err
	}
}

func stat(path string) (st syscall.Stat_t, err error) {
	return st, syscall.Stat(path, &st)
}

// Run listens and answers until ctx is done.
func (s *Server) Run(ctx context.Context) error {
	o := &s.options
	if err := os.MkdirAll(o.Places.State, 0o711); err != nil {
		return err
	}
	secured, err := secure(o.Cert, o.Key)
	if err != nil {
		return err
	}
	if secured != nil {
		s.access.names = &secured.Certificates[0]
	}
	all, err := o.open()
	if err != nil {
		return err
	}
	for _, l := range all {
		if _, tcp := l.Addr().(*net.TCPAddr); tcp && s.access.tokens == nil {
			if s.access.tokens, err = newTokens(o.Places.State, s.log); err != nil {
				break
			}
		}
	}
	if err != nil {
		for _, l := range all {
			l.Close()
		}
		return err
	}
	return s.serve(ctx, all, secured)
}

// serve answers on all listeners until ctx is done, or one of them fails.
func (s *Server) serve(ctx context.Context, all []net.Listener, secured *tls.Config) error {
	ending, end := context.WithCancel(ctx)
	defer end()
	s.ending = ending
	h := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.times.head,
		IdleTimeout:       s.times.next,
		MaxHeaderBytes:    maxHeader,
		ConnContext:       s.arrived,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, len(all))
	addresses := make([]net.Addr, len(all))
	for i, l := range all {
		addresses[i] = l.Addr()
		_, tcp := l.Addr().(*net.TCPAddr)
		l = newDoor(l, s.most.Connections)
		if tcp && secured != nil {
			l = tls.NewListener(l, secured)
		}
		go func() { failed <- h.Serve(l) }()
		s.log.Info("listening", "address", addresses[i].String(), "tls", tcp && secured != nil)
	}
	if s.options.Ready != nil {
		s.options.Ready(addresses)
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("listen: %w", err)
	}
	end()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.times.end)
	defer cancel()
	if h.Shutdown(last) != nil {
		h.Close()
	}
	s.streaming.Wait()
	return err
}

// ServeHTTP answers a request: one that no route is for, too.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.survive(w, r)
	s.patient(w, 0)
	if r.ContentLength != 0 {
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.times.whole))
	}
	none, pattern := s.mux.Handler(r)
	if pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	dry := &headOnly{header: http.Header{}}
	none.ServeHTTP(dry, r)
	if dry.status == http.StatusMethodNotAllowed {
		w.Header()["Allow"] = dry.header["Allow"]
		fail(w, problem(methodNotAllowed, "", r.Method+" is not for "+r.URL.Path))
		return
	}
	fail(w, problem(operations.NotFound, "", "there is no "+r.URL.Path))
}

// survive answers where a request has made us panic, which is told with all there is
// to know of it.
func (s *Server) survive(w http.ResponseWriter, r *http.Request) {
	if v := recover(); v != nil {
		s.log.Error("request panicked", "method", r.Method, "path", r.URL.Path, "err", v, "stack", string(debug.Stack()))
		fail(w, problem(operations.Failed, "", "an internal error; the log has more"))
	}
}

// headOnly takes the head of an answer, and throws the rest away.
type headOnly struct {
	header http.Header
	status int
}

func (h *headOnly) Header() http.Header         { return h.header }
func (h *headOnly) Write(b []byte) (int, error) { return len(b), nil }
func (h *headOnly) WriteHeader(status int)      { h.status = status }

// patient gives an answer that is waited for time to be made, and its client time to
// read it.
func (s *Server) patient(w http.ResponseWriter, wait time.Duration) {
	rc := http.NewResponseController(w)
	err := rc.SetWriteDeadline(time.Now().Add(wait + s.times.answer))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		s.log.Debug("deadline not set", "err", err)
	}
}
