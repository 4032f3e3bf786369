package web

import (
	"net/http"
	"strings"

	"github.com/ncolony/ncolony-go/serve/operations"
)

// loginForm is what the page to log in shows.
type loginForm struct {
	To    string // where to go then
	Wrong string // what was wrong with the last one
}

func (s *Site) login(w http.ResponseWriter, r *http.Request) {
	to := inside(r.URL.Query().Get("to"))
	if operations.CallerOf(r.Context()).Role > operations.Nobody {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	s.show(w, r, http.StatusOK, "login", page{Title: "Log in", Content: loginForm{To: to}})
}

// enter takes a token. Who has none yet has no session that a form could be of; that
// another site's page does not send it is known by its origin.
func (s *Site) enter(w http.ResponseWriter, r *http.Request) {
	if err := readForm(w, r); err != nil {
		s.fail(w, r, err)
		return
	}
	to := inside(r.PostForm.Get("to"))
	if err := s.server.Login(w, r, strings.TrimSpace(r.PostForm.Get("token"))); err != nil {
		s.show(w, r, http.StatusUnauthorized, "login", page{Title: "Log in", Content: loginForm{to, err.Error()}})
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (s *Site) leave(w http.ResponseWriter, r *http.Request) {
	s.server.Logout(w, r)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// inside is a path of ours; what leads to another site leads to the first page.
func inside(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}
