package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/words"
	"github.com/ncolony/ncolony-go/serve"
	"github.com/ncolony/ncolony-go/serve/operations"
)

//go:embed templates
var templateFiles embed.FS

// pages are the templates, each with the layout around it.
var pages = func() map[string]*template.Template {
	all := map[string]*template.Template{}
	for _, name := range []string{"overview", "services", "many", "service", "spec", "events", "graph", "colony", "login", "problem"} {
		t := template.New("layout.html").Funcs(template.FuncMap{
			"path": url.PathEscape, "ago": ago, "exact": exact, "machine": machine, "static": staticURL,
			"size": size, "percent": percent, "state": stateOf, "counted": words.Counted, "clock": clock,
			"add": func(a, b int) int { return a + b }, "columns": func() []string { return columns },
			"heading": func(column string) string { return headings[column] }, "tab": tabOf, "named": nameChart,
			"title": func(word string) string { return strings.ToUpper(word[:1]) + word[1:] },
		})
		all[name] = template.Must(t.ParseFS(templateFiles, "templates/layout.html", "templates/parts.html", "templates/"+name+".html"))
	}
	return all
}()

// page is what every page has; Content is its own.
type page struct {
	Title  string
	Here   string // the entry of the navigation that it belongs to
	Stream string // URL of events upon which it is renewed; "" = none
	Slow   bool   // it is renewed less often, for it costs more

	Admin    bool
	Caller   string // "" = nobody is known
	LoggedIn bool   // and can log out
	Form     string // token of forms
	Notice   *notice
	Alive    bool // a supervisor runs
	Content  any
}

// tab is an entry of the navigation.
type tab struct {
	To, Text string
	Is       bool // we are there
}

func tabOf(p page, name, to, text string) tab { return tab{to, text, p.Here == name} }

// namedChart is a chart, and what it is about.
type namedChart struct {
	Name  string
	Chart *chart
}

func nameChart(name string, c *chart) namedChart { return namedChart{name, c} }

// allowed is what a page may load and do, which is what we serve.
const allowed = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// show writes a page.
func (s *Site) show(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	caller := operations.CallerOf(r.Context())
	p.Admin = caller.Role >= operations.Admin
	if caller.Role > operations.Nobody {
		p.Caller, p.LoggedIn, p.Form = caller.Name, s.server.LoggedIn(r), s.server.FormToken(r)
		p.Alive = s.colony.Ready(r.Context()) == nil
		p.Notice = s.notices.take(r.URL.Query().Get("notice"))
	}
	var out bytes.Buffer
	if err := pages[name].Execute(&out, p); err != nil {
		s.log.Error("page not made", "page", name, "err", err)
		http.Error(w, "this page cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", allowed)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	w.WriteHeader(status)
	w.Write(out.Bytes()) // who is gone does not see it
}

// fail shows an error. Who is not known may log in, and comes back to the page.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, err error) {
	if serve.NeedsToken(err) && r.Method == http.MethodGet {
		to := "/login"
		if r.URL.Path != "/" {
			to += "?to=" + url.QueryEscape(r.URL.RequestURI())
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	status := serve.Status(err)
	s.show(w, r, status, "problem", page{Title: http.StatusText(status), Content: err.Error()})
}

// ago is how long ago a time is.
func ago(t time.Time) string { return words.Ago(time.Since(t)) }

// exact is a time for people, machine is one for programs.
func exact(t time.Time) string   { return t.Local().Format(words.TimeFormat) }
func clock(t time.Time) string   { return t.Local().Format(time.TimeOnly) }
func machine(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// size is a number of KiB.
func size(kib uint32) string {
	switch {
	case kib < 1<<10:
		return strconv.Itoa(int(kib)) + " KB"
	case kib < 10<<10:
		return fmt.Sprintf("%.1f MB", float64(kib)/(1<<10))
	case kib < 1<<20:
		return fmt.Sprintf("%.0f MB", float64(kib)/(1<<10))
	}
	return fmt.Sprintf("%.1f GB", float64(kib)/(1<<20))
}

// percent is a share of one processor.
func percent(share float32) string {
	if share < 10 {
		return fmt.Sprintf("%.1f %%", share)
	}
	return fmt.Sprintf("%.0f %%", share)
}

// stateOf is the state of a service that there may be no status of.
func stateOf(st *spec.Status) spec.State {
	if st == nil {
		return "unknown"
	}
	return st.State
}
