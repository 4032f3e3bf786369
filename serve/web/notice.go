package web

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"sync"
)

// notice is what came of a form, told by the next page.
type notice struct {
	Text string
	Bad  bool
}

// notices are those that were not told yet, or a short while ago: a page is loaded
// again, and tells it again.
type notices struct {
	mu  sync.Mutex
	all map[string]notice
	ids []string // the oldest first
}

const mostNotices = 200

func (n *notices) put(one notice) (id string) {
	id = rand.Text()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all == nil {
		n.all = map[string]notice{}
	}
	if len(n.ids) == mostNotices {
		delete(n.all, n.ids[0])
		n.ids = n.ids[1:]
	}
	n.ids, n.all[id] = append(n.ids, id), one
	return id
}

func (n *notices) take(id string) *notice {
	n.mu.Lock()
	defer n.mu.Unlock()
	if one, ok := n.all[id]; ok {
		return &one
	}
	return nil
}

// back answers a form: with a page that tells what came of it.
func (s *Site) back(w http.ResponseWriter, r *http.Request, to string, done string, err error) {
	one := notice{Text: done}
	if err != nil {
		one = notice{Text: err.Error(), Bad: true}
	}
	query := url.Values{"notice": {s.notices.put(one)}}
	http.Redirect(w, r, to+"?"+query.Encode(), http.StatusSeeOther)
}
