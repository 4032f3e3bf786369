package web

import (
	"net/http"
	"strings"

	"github.com/ncolony/ncolony-go/serve"
	"github.com/ncolony/ncolony-go/serve/operations"
)

type specContent struct {
	Name  string
	New   bool // the name is chosen here
	Text  string
	Draft *operations.Draft // nil: it was not checked yet
	Diff  []diffLine
	// Hash of the text that was checked: that and no other is what can be applied.
	Checked string
	Before  string // hash of the spec that it began with
	Wrong   string // why it was not applied
}

// diffLine is a line of a diff.
type diffLine struct {
	Class string // "added", "removed", "place", or none
	Text  string
}

// starter is what a new spec begins as.
const starter = `{
  "args": ["/usr/bin/program", "argument"],
  "restart": "always"
}
`

func (s *Site) blank(w http.ResponseWriter, r *http.Request) {
	s.showSpec(w, r, http.StatusOK, specContent{New: true, Text: starter})
}

func (s *Site) spec(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	text, err := s.colony.Spec(r.Context(), name)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	c := specContent{Name: name, Text: string(text), Before: operations.Hash(text)}
	if operations.CallerOf(r.Context()).Role >= operations.Admin {
		if c.Draft, err = s.colony.Check(r.Context(), name, text); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	s.showSpec(w, r, http.StatusOK, c)
}

// edit checks a text, and makes it the spec if that was asked for and it is the one
// that was checked.
func (s *Site) edit(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	c := specContent{Name: name, Text: strings.ReplaceAll(r.PostForm.Get("text"), "\r\n", "\n"), Before: r.PostForm.Get("before")}
	if c.New = name == ""; c.New {
		c.Name = strings.TrimSpace(r.PostForm.Get("name"))
	}
	text := []byte(c.Text)
	draft, err := s.colony.Check(r.Context(), c.Name, text)
	if err != nil {
		c.Wrong = err.Error()
		s.showSpec(w, r, serve.Status(err), c)
		return
	}
	c.Draft, c.Diff = draft, diffLines(draft.Diff)
	hash := operations.Hash(text)
	if r.PostForm.Get("do") == "apply" && len(draft.Faults) == 0 {
		if r.PostForm.Get("checked") == hash {
			s.apply(w, r, c, text)
			return
		}
		c.Wrong = "the text is another one than was checked; look at what would change, and apply it then"
	}
	if len(draft.Faults) == 0 {
		c.Checked = hash
	}
	s.showSpec(w, r, http.StatusOK, c)
}

func (s *Site) apply(w http.ResponseWriter, r *http.Request, c specContent, text []byte) {
	on := operations.Condition{None: true}
	if !c.New {
		on = operations.Condition{Match: []string{c.Before}}
	}
	if _, err := s.colony.Put(r.Context(), c.Name, text, on, 0); err != nil {
		c.Wrong = err.Error()
		s.showSpec(w, r, serve.Status(err), c)
		return
	}
	s.back(w, r, pathOf(c.Name), "The spec is in place.", nil)
}

func (s *Site) showSpec(w http.ResponseWriter, r *http.Request, status int, c specContent) {
	title := "Spec of " + c.Name
	if c.New {
		title = "New service"
	}
	s.show(w, r, status, "spec", page{Title: title, Here: "services", Content: c})
}

func diffLines(diff string) (lines []diffLine) {
	if diff == "" {
		return nil
	}
	for text := range strings.SplitSeq(diff, "\n") {
		class := ""
		switch {
		case strings.HasPrefix(text, "@@"):
			class = "place"
		case strings.HasPrefix(text, "+"):
			class = "added"
		case strings.HasPrefix(text, "-"):
			class = "removed"
		}
		lines = append(lines, diffLine{class, text})
	}
	return lines
}
