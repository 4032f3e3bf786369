package serve

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/serve/openapi"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// Route is what is done for the requests of one pattern.
type Route struct {
	Pattern string          // of http.ServeMux, with the method: "GET /v1/services"
	Needs   operations.Role // of the caller; Nobody: anybody may
	Serve   http.HandlerFunc
}

// routes are ours; others are given to New.
func (s *Server) routes() []Route {
	return []Route{
		{"GET /healthz", operations.Nobody, s.healthz},
		{"GET /readyz", operations.Nobody, s.readyz},
		{"GET /openapi.json", operations.Reader, s.openapi},
		{"GET /v1/services", operations.Reader, s.list},
		{"GET /v1/services/{name}", operations.Reader, s.get},
		{"GET /v1/services/{name}/spec", operations.Reader, s.spec},
		{"PUT /v1/services/{name}", operations.Admin, s.put},
		{"PATCH /v1/services/{name}", operations.Admin, s.patch},
		{"DELETE /v1/services/{name}", operations.Admin, s.remove},
		{"POST /v1/services/{name}/restart", operations.Admin, s.action(spec.RestartService, s.colony.Restart)},
		{"POST /v1/services/{name}/start", operations.Admin, s.action(spec.StartService, s.colony.Start)},
		{"POST /v1/services/{name}/stop", operations.Admin, s.action(spec.StopService, s.colony.Stop)},
		{"POST /v1/services/{name}/signal", operations.Admin, s.action(spec.SendSignal, s.colony.Signal)},
		{"GET /v1/messages", operations.Reader, s.results},
		{"POST /v1/messages", operations.Admin, s.send},
		{"GET /v1/messages/{request}", operations.Reader, s.result},
		{"GET /v1/colony", operations.Reader, s.status},
		{"GET /v1/events", operations.Reader, s.events},
		{"GET /v1/logs/{name}", operations.Reader, s.logs},
		{"GET /v1/schema", operations.Reader, s.schemas},
		{"GET /v1/schema/{type}", operations.Reader, s.schema},
	}
}

// Patterns lists the patterns of our own routes.
func (s *Server) Patterns() (all []string) {
	for _, r := range s.routes() {
		all = append(all, r.Pattern)
	}
	return all
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	writeText(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if err := s.colony.Ready(r.Context()); err != nil {
		fail(w, err)
		return
	}
	s.healthz(w, r)
}

func (s *Server) openapi(w http.ResponseWriter, _ *http.Request) {
	writeText(w, http.StatusOK, "application/json", openapi.Document())
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	if err := queryOf(r).done(); err != nil {
		fail(w, err)
		return
	}
	report, err := s.colony.Status(r.Context())
	reply(w, http.StatusOK, report, err)
}

func (s *Server) schemas(w http.ResponseWriter, r *http.Request) {
	names, err := s.colony.Schemas(r.Context())
	reply(w, http.StatusOK, map[string][]string{"types": names}, err)
}

func (s *Server) schema(w http.ResponseWriter, r *http.Request) {
	text, err := s.colony.Schema(r.Context(), r.PathValue("type"))
	if err != nil {
		fail(w, err)
		return
	}
	writeText(w, http.StatusOK, "application/schema+json", text)
}

// reply answers with a value, or an error.
func reply(w http.ResponseWriter, status int, v any, err error) {
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, status, v)
}

// body reads what was sent, of a type and at most so many bytes. May says that there
// need not be any.
func body(w http.ResponseWriter, r *http.Request, kind string, most int64, may bool) ([]byte, error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, problem(operations.TooLarge, "", fmt.Sprintf("the body has more than %d bytes", most))
	}
	if err != nil {
		return nil, problem(operations.Invalid, "", "read body: "+err.Error())
	}
	// It was for the body; reached later, it would look like a client that is gone.
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	sent := r.Header.Get("Content-Type")
	if may && len(text) == 0 && sent == "" {
		return nil, nil
	}
	// A form of another site's page can be sent as text/plain, but not as this.
	if is, _, err := mime.ParseMediaType(sent); err != nil || is != kind {
		return nil, problem(unsupported, "Content-Type", fmt.Sprintf("Content-Type: must be %s, not %q", kind, sent))
	}
	return text, nil
}
