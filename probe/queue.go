package probe

import "time"

// queue holds the tasks for which there is something to do, the next first. It is
// a container/heap.
type queue []*task

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].when < q[j].when }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

func (q *queue) Push(x any) {
	t := x.(*task)
	t.place = len(*q)
	*q = append(*q, t)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	t.place = -1
	return t
}

// soonest is when there is something to do.
func (q queue) soonest() time.Duration {
	if len(q) == 0 {
		return never
	}
	return q[0].when
}
