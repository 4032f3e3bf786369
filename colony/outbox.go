package colony

// outbox is the way of an edge to the loop: events go in, and after the end
// nobody waits for a reader.
type outbox struct {
	events chan<- event
	quit   <-chan struct{}
}

func (o outbox) send(ev event) {
	select {
	case o.events <- ev:
	case <-o.quit:
	}
}

// troubles is what one goroutine cannot do at present. It tells the core of
// changes only.
type troubles struct {
	out   outbox
	known map[string]string
}

func newTroubles(out outbox) *troubles { return &troubles{out, map[string]string{}} }

// knowing is t, which has to say too when what went wrong at the start is over.
func (t *troubles) knowing(start map[string]error, own ...string) *troubles {
	for _, what := range own {
		if err := start[what]; err != nil {
			t.known[what] = err.Error()
		}
	}
	return t
}

// note says how something went: err nil means that it works.
func (t *troubles) note(what string, err error) {
	why := ""
	if err != nil {
		why = err.Error()
	}
	if t.known[what] == why {
		return
	}
	if why == "" {
		delete(t.known, what)
	} else {
		t.known[what] = why
	}
	t.out.send(degraded{what, why})
}
