package web

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/ncolony/ncolony-go/serve"
	"github.com/ncolony/ncolony-go/serve/operations"
	"github.com/ncolony/ncolony-go/serve/usage"
)

// Site is the pages about one colony.
type Site struct {
	server  *serve.Server
	colony  *operations.Colony
	log     *slog.Logger
	version string // of this program
	usage   *usage.Recorder
	pulse   pulse
	notices notices
}

// New adds the pages to a server. Version is that of the program.
func New(server *serve.Server, colony *operations.Colony, log *slog.Logger, version string) *Site {
	s := &Site{server: server, colony: colony, log: log, version: version}
	s.usage = usage.New(s.leaders)
	server.Pages(s.fail,
		serve.Route{Pattern: "GET /{$}", Needs: operations.Reader, Serve: s.overview},
		serve.Route{Pattern: "GET /services", Needs: operations.Reader, Serve: s.services},
		serve.Route{Pattern: "GET /rows", Needs: operations.Reader, Serve: s.rows},
		serve.Route{Pattern: "GET /services/{name}", Needs: operations.Reader, Serve: s.service},
		serve.Route{Pattern: "GET /services/{name}/spec", Needs: operations.Reader, Serve: s.spec},
		serve.Route{Pattern: "GET /new", Needs: operations.Admin, Serve: s.blank},
		serve.Route{Pattern: "GET /events", Needs: operations.Reader, Serve: s.events},
		serve.Route{Pattern: "GET /graph", Needs: operations.Reader, Serve: s.graph},
		serve.Route{Pattern: "GET /colony", Needs: operations.Reader, Serve: s.whole},
		serve.Route{Pattern: "GET /login", Needs: operations.Nobody, Serve: s.login},
		serve.Route{Pattern: "POST /login", Needs: operations.Nobody, Serve: s.enter},
		serve.Route{Pattern: "POST /logout", Needs: operations.Reader, Serve: s.form(s.leave)},
		serve.Route{Pattern: "POST /services/{name}/act", Needs: operations.Admin, Serve: s.form(s.act)},
		serve.Route{Pattern: "POST /services/{name}/spec", Needs: operations.Admin, Serve: s.form(s.edit)},
		serve.Route{Pattern: "POST /new", Needs: operations.Admin, Serve: s.form(s.edit)},
		serve.Route{Pattern: "POST /many", Needs: operations.Admin, Serve: s.form(s.many)},
		serve.Route{Pattern: "POST /colony", Needs: operations.Admin, Serve: s.form(s.actOnColony)},
		serve.Route{Pattern: "GET /static/{file}", Needs: operations.Nobody, Serve: s.static},
	)
	return s
}

// Run remembers what the pages show of the past, until ctx is done.
func (s *Site) Run(ctx context.Context) {
	ctx = operations.WithCaller(ctx, operations.Caller{Name: "web", Role: operations.Reader})
	var both sync.WaitGroup
	both.Go(func() { s.usage.Run(ctx) })
	both.Go(func() { s.listen(ctx) })
	both.Wait()
}

// leaders are the main processes of all services.
func (s *Site) leaders() map[int]string {
	ctx := operations.WithCaller(context.Background(), operations.Caller{Role: operations.Reader})
	items, err := s.colony.Matching(ctx, operations.ListQuery{})
	if err != nil {
		s.log.Warn("processes not known", "err", err)
	}
	of := make(map[int]string, len(items))
	for _, it := range items {
		if it.Status != nil && it.Status.PID != 0 {
			of[it.Status.PID] = it.Name
		}
	}
	return of
}

// largest is how many bytes a form has at most: ten thousand names, or a spec of
// which every byte is escaped.
const largest = 1 << 20

// form is the edge of what changes something: it reads the form, and lets only our
// own through.
func (s *Site) form(do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := readForm(w, r); err != nil {
			s.fail(w, r, err)
			return
		}
		if err := s.server.CheckForm(r, r.PostForm.Get("form")); err != nil {
			s.fail(w, r, err)
			return
		}
		do(w, r)
	}
}

func readForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, largest)
	err := r.ParseForm()
	// It was for the body; reached later, it would look like a browser that is gone.
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	if err != nil {
		return &operations.Error{Code: operations.Invalid, Detail: "read form: " + err.Error(), Err: err}
	}
	return nil
}
