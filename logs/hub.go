package logs

import "sync"

// hub is where the mover leaves word for those who look at the files.
type hub struct {
	mu   sync.Mutex
	full map[string]*policy // streams with a file that was put aside
	tees map[string]grown   // streams with lines for the supervisor's output

	sealer, teer chan struct{} // something is there
}

// grown is a stream that has got bytes.
type grown struct {
	name   string
	stderr bool
	policy *policy
}

// look is how its lines are shown in the supervisor's output.
func (g grown) look() Look {
	return Look{Name: g.name, Stderr: g.stderr, Prefix: true, Timestamps: g.policy.timestamps, JSON: g.policy.json}
}

func newHub() *hub {
	return &hub{
		full: map[string]*policy{}, tees: map[string]grown{},
		sealer: make(chan struct{}, 1), teer: make(chan struct{}, 1),
	}
}

// grew is told by the mover when a stream has got bytes.
func (h *hub) grew(s *stream) {
	if !s.policy.tee {
		return
	}
	h.later(s.dir, grown{s.name, s.stderr, s.policy})
}

// later has the lines of a stream looked at again.
func (h *hub) later(dir string, w grown) {
	h.mu.Lock()
	h.tees[dir] = w
	h.mu.Unlock()
	ring(h.teer)
}

// aside is told when a file was put aside.
func (h *hub) aside(s *stream) {
	h.mu.Lock()
	h.full[s.dir] = s.policy
	h.mu.Unlock()
	ring(h.sealer)
}

func ring(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// takeFull returns and forgets what was put aside.
func (h *hub) takeFull() map[string]*policy {
	h.mu.Lock()
	defer h.mu.Unlock()
	taken := h.full
	h.full = map[string]*policy{}
	return taken
}

// takeGrown returns and forgets what has grown.
func (h *hub) takeGrown() map[string]grown {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.tees) == 0 {
		return nil
	}
	taken := h.tees
	h.tees = map[string]grown{}
	return taken
}
