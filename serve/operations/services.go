package operations

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
	"github.com/ncolony/ncolony-go/serve/view"
)

const (
	// DefaultLimit and MaxLimit are how many items a page has.
	DefaultLimit = 100
	MaxLimit     = 1000
)

// ListQuery says which services to list; the zero value means the first of all.
type ListQuery struct {
	States []spec.State `json:"states,omitempty"` // in one of these; none = in any, or without a status
	Group  string       `json:"group,omitempty"`  // of this restart group
	Text   string       `json:"text,omitempty"`   // that have this in their name or command line, in any case
	After  string       `json:"after,omitempty"`  // those that come after this name, which need not be there any more
	Limit  int          `json:"limit,omitempty"`  // at most so many; 0 = DefaultLimit
}

// Page is a part of a list.
type Page struct {
	Services   []Item `json:"services"`
	Next       string `json:"next,omitempty"` // After for the page behind this one; "" = there is none
	Total      int    `json:"total"`          // so many are in all pages together
	Supervisor bool   `json:"supervisor"`     // one runs; if not, the statuses are those of the past
}

// Item is one service of a list.
type Item struct {
	Name   string       `json:"name"`
	File   string       `json:"file"`   // the service of the spec: "web" for web@2; "" = it has no spec
	Groups []string     `json:"groups"` // of its restart
	Status *spec.Status `json:"status"` // null = the supervisor has said nothing of it yet
}

// List lists services by name, helpers last.
func (c *Colony) List(ctx context.Context, q ListQuery) (*Page, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	switch {
	case q.Limit < 0 || q.Limit > MaxLimit:
		return nil, refuse(Invalid, "limit", "limit: must be between 1 and %d", MaxLimit)
	case q.Limit == 0:
		q.Limit = DefaultLimit
	}
	for _, s := range q.States {
		if !slices.Contains(spec.States, s) {
			return nil, refuse(Invalid, "state", "state: %q is none; there are %s", s, words(spec.States))
		}
	}
	alive, err := c.alive()
	if err != nil {
		return nil, err
	}
	page := &Page{Services: []Item{}, Supervisor: alive}
	q.Text = strings.ToLower(q.Text)
	names, from := c.view.Names(), 0
	if q.After != "" {
		at, found := slices.BinarySearchFunc(names, q.After, func(n view.Name, name string) int { return ctl.ByService(n.Service, name) })
		if from = at; found {
			from++
		}
	}
	for i, n := range names {
		if !c.wants(&q, n) {
			continue
		}
		page.Total++
		if i < from {
			continue
		}
		if len(page.Services) == q.Limit {
			page.Next = page.Services[q.Limit-1].Name
			continue
		}
		page.Services = append(page.Services, c.item(n))
	}
	return page, nil
}

func (c *Colony) wants(q *ListQuery, n view.Name) bool {
	if len(q.States) > 0 && !slices.Contains(q.States, c.view.State(n.Service)) {
		return false
	}
	if q.Group != "" && (n.Outline == nil || !slices.Contains(n.Outline.Groups, q.Group)) {
		return false
	}
	return q.Text == "" || strings.Contains(strings.ToLower(n.Service), q.Text) || n.Outline != nil && strings.Contains(n.Outline.Text, q.Text)
}

func (c *Colony) item(n view.Name) Item {
	it := Item{Name: n.Service, Groups: []string{}, Status: c.view.Seen(n.Service)}
	if n.Outline != nil {
		it.File = n.Outline.Name
		it.Groups = append(it.Groups, n.Outline.Groups...)
	}
	return it
}

// Service is what there is to know of one service, or of the services of a spec.
type Service struct {
	Name      string          `json:"name"`
	File      string          `json:"file"`        // the service of the spec: "web" for web@2; "" = it has no spec
	Spec      json.RawMessage `json:"spec"`        // as it stands in its file; null = none, no JSON, or not for the caller
	Hash      string          `json:"spec_sha256"` // of that file, in hex; "" = none
	Faults    []Fault         `json:"faults"`      // what is wrong with it
	Status    *spec.Status    `json:"status"`      // null = the supervisor has said nothing of a service of this very name
	Instances []spec.Status   `json:"instances"`   // of all services that the spec makes, if they have numbers
	Stopped   *spec.StopNote  `json:"stopped"`     // who has stopped it for good; null = nobody
}

// Get returns what there is to know of a service, or of the spec of that name.
func (c *Colony) Get(ctx context.Context, name string) (*Service, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	s := &Service{Name: name, Faults: []Fault{}, Instances: []spec.Status{}}
	if err := checkTarget(name); err != nil {
		return nil, err
	}
	var err error
	if s.Status, err = c.view.Status(name); err != nil {
		return nil, explain(err, "read the status of", name)
	}
	file, number := spec.Instance(name)
	text, err := c.readSpec(ctx, file)
	switch {
	case errors.Is(err, ctl.ErrNoService) || strings.HasPrefix(name, "@"):
	case err != nil && codeOf(err) != Forbidden && codeOf(err) != Conflict:
		return nil, err
	default:
		s.File = file
		if err != nil {
			s.Faults = append(s.Faults, Fault{Message: err.Error()})
		} else {
			s.take(text)
		}
	}
	if number == 0 {
		members, _ := c.view.Members(file)
		for _, member := range members {
			if member == name {
				continue
			}
			if st, err := c.view.Status(member); err == nil && st != nil {
				s.Instances = append(s.Instances, *st)
			}
		}
	} else if s.Status == nil && s.File != "" && !slices.Contains(ctl.Services(c.places, file), name) {
		s.File = ""
	}
	if s.File == "" && s.Status == nil && len(s.Instances) == 0 {
		return nil, explain(ctl.ErrNoService, "look at", name)
	}
	s.Stopped, _ = ctl.StopNote(c.places, name)
	return s, nil
}

// take takes in the text of the spec.
func (s *Service) take(text []byte) {
	s.Hash = Hash(text)
	if json.Valid(text) {
		s.Spec = text
	}
	if _, err := spec.Parse(text); err != nil {
		s.Faults = faults(err)
	}
}

// Spec returns the text of a spec as it stands in its file, good or not.
func (c *Colony) Spec(ctx context.Context, name string) ([]byte, error) {
	if err := need(ctx, Reader); err != nil {
		return nil, err
	}
	return c.readSpec(ctx, name)
}

// Hash is how two texts of a spec are told apart: their SHA-256 in hex, which is
// also in the status of the services that a text governs.
func Hash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// readSpec reads a spec that the caller may see. A file that neither its group nor
// others may read has something in it that readers are not to know.
func (c *Colony) readSpec(ctx context.Context, name string) ([]byte, error) {
	text, path, err := ctl.Spec(c.places, name)
	if err != nil {
		return nil, explain(err, "read the spec of", name)
	}
	if CallerOf(ctx).Role < Admin {
		if fi, err := os.Stat(path); err != nil || fi.Mode()&0o044 == 0 {
			return nil, refuse(Forbidden, "", "the spec of %q is for its owner alone", name)
		}
	}
	return text, nil
}

// checkTarget says whether name can be that of a service, an instance or a helper.
func checkTarget(name string) error {
	file, _ := spec.Instance(strings.TrimPrefix(name, "@"))
	if err := spec.CheckName(file); err != nil {
		return refuse(Invalid, "name", "%v", err)
	}
	return nil
}

// codeOf is the code of an error of ours; "" = it is none.
func codeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// words lists what may be said, for an error.
func words[T ~string](all []T) string {
	var b strings.Builder
	for i, w := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}
