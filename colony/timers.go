package colony

import "container/heap"

// timers is a heap of the services that are due at some time, soonest first.
// A due time is part of its service: setting another replaces it, so that no
// stale one can fire.
type timers []*service

func (t timers) Len() int { return len(t) }
func (t timers) Less(i, j int) bool {
	return t[i].due < t[j].due || t[i].due == t[j].due && t[i].name < t[j].name
}
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].timer, t[j].timer = i, j
}
func (t *timers) Push(x any) {
	s := x.(*service)
	s.timer = len(*t)
	*t = append(*t, s)
}
func (t *timers) Pop() any {
	old := *t
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	s.timer = -1
	return s
}

// setDue has s looked at again at the given time; 0 = not by itself.
func (m *model) setDue(s *service, at instant) {
	s.due = at
	switch {
	case at == 0 && s.timer >= 0:
		heap.Remove(&m.timers, s.timer)
	case at != 0 && s.timer >= 0:
		heap.Fix(&m.timers, s.timer)
	case at != 0:
		heap.Push(&m.timers, s)
	}
}
