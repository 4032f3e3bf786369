package serve

import (
	"net/http"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/serve/operations"
)

const (
	jsonType  = "application/json"
	patchType = "application/merge-patch+json"
)

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	ask := operations.ListQuery{Limit: q.limit(), After: q.text("after"), Group: q.text("group"), Text: q.text("text")}
	for _, state := range q.list("state") {
		ask.States = append(ask.States, spec.State(state))
	}
	if err := q.done(); err != nil {
		fail(w, err)
		return
	}
	page, err := s.colony.List(r.Context(), ask)
	reply(w, http.StatusOK, page, err)
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	if err := queryOf(r).done(); err != nil {
		fail(w, err)
		return
	}
	service, err := s.colony.Get(r.Context(), r.PathValue("name"))
	if err == nil && service.Hash != "" {
		w.Header().Set("ETag", etag(service.Hash))
	}
	reply(w, http.StatusOK, service, err)
}

func (s *Server) spec(w http.ResponseWriter, r *http.Request) {
	if err := queryOf(r).done(); err != nil {
		fail(w, err)
		return
	}
	text, err := s.colony.Spec(r.Context(), r.PathValue("name"))
	if err != nil {
		fail(w, err)
		return
	}
	hash := operations.Hash(text)
	w.Header().Set("ETag", etag(hash))
	for _, known := range tags(r.Header.Values("If-None-Match")) {
		if known == "*" || known == hash {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	writeText(w, http.StatusOK, jsonType, text)
}

func (s *Server) put(w http.ResponseWriter, r *http.Request) {
	s.write(w, r, jsonType, s.colony.Put)
}

func (s *Server) patch(w http.ResponseWriter, r *http.Request) {
	s.write(w, r, patchType, s.colony.Patch)
}

func (s *Server) write(w http.ResponseWriter, r *http.Request, kind string, write writeFunc) {
	q := queryOf(r)
	wait := q.span("wait", 0)
	on, err := condition(r, q.done())
	if err != nil {
		fail(w, err)
		return
	}
	text, err := body(w, r, kind, spec.MaxSpecSize, false)
	if err != nil {
		fail(w, err)
		return
	}
	s.patient(w, wait)
	written, err := write(r.Context(), r.PathValue("name"), text, on, wait)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("ETag", etag(written.Hash))
	status := http.StatusOK
	if written.Created {
		status = http.StatusCreated
		w.Header().Set("Location", r.URL.EscapedPath())
	}
	answer(w, status, written)
}

func (s *Server) remove(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	wait := q.span("wait", 0)
	on, err := condition(r, q.done())
	if err == nil {
		s.patient(w, wait)
		err = s.colony.Delete(r.Context(), r.PathValue("name"), on, wait)
	}
	if err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// etag is how a hash of a spec stands in a header.
func etag(hash string) string { return `"` + hash + `"` }

// tags reads a list of entity tags. A weak one stands for the same text as a strong
// one of ours would.
func tags(values []string) (all []string) {
	for _, value := range values {
		for tag := range strings.SplitSeq(value, ",") {
			tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
			if tag != "" {
				all = append(all, strings.Trim(tag, `"`))
			}
		}
	}
	return all
}

// condition reads what the caller expects of the spec, unless something else is wrong.
func condition(r *http.Request, err error) (operations.Condition, error) {
	on := operations.Condition{Match: tags(r.Header.Values("If-Match"))}
	if none := tags(r.Header.Values("If-None-Match")); err == nil && len(none) > 0 {
		if on.None = len(none) == 1 && none[0] == "*"; !on.None {
			err = problem(operations.Invalid, "If-None-Match", "If-None-Match: can only be * here")
		}
	}
	return on, err
}
