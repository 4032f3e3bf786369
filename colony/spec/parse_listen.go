package spec

import "fmt"

// listen reads the sockets that the supervisor opens. Two that are one cannot
// be.
func (r *reader) listen(n *node) {
	all, ok := list(r.problems, n, "listen", r.socket)
	if !ok {
		return
	}
	if len(all) > MaxListen {
		r.add(n.at, "listen: has more than %d sockets", MaxListen)
		return
	}
	first := map[string]int{}
	for i, l := range all {
		where := l.Where().String()
		if j, twice := first[where]; twice {
			r.add(n.items[i].at, "listen[%d]: %s is listen[%d] already", i, where, j)
			continue
		}
		first[where] = i
	}
	r.spec.Listen = all
}

// socket reads an address, or an object with one.
func (r *reader) socket(n *node, key string) (l Listen, ok bool) {
	if n.kind == isString {
		ok = r.address(n, key, &l)
		return l, ok
	}
	if !r.is(n, key, isObject, "an address or an object") {
		return l, false
	}
	before := len(r.found) + r.more
	at := map[string]int{}
	for _, m := range n.members {
		at[m.key] = m.value.at
	}
	r.fields(n, key, true, map[string]func(*node, string){
		"address": func(n *node, key string) { r.address(n, key, &l) },
		"name": func(n *node, key string) {
			var good bool
			if l.Name, good = r.filled(n, key); good {
				if cause := notSocketName(l.Name); cause != "" {
					r.add(n.at, "%s: %s", key, cause)
				}
			}
		},
		"mode": func(n *node, key string) {
			if m, good := r.mode(n, key); good {
				l.Mode = &m
			}
		},
		"user":    func(n *node, key string) { l.User, _ = r.account(n, key) },
		"group":   func(n *node, key string) { l.Group, _ = r.account(n, key) },
		"backlog": func(n *node, key string) { l.Backlog = r.between(n, key, 1, maxBacklog) },
	})
	if _, has := at["address"]; !has {
		r.add(n.at, "%s.address: missing", key)
	}
	if where, cause := addressOf(l.Address); cause == "" {
		for _, of := range []string{"mode", "user", "group"} {
			if place, has := at[of]; has && !where.InFiles() {
				r.add(place, "%s.%s: only a unix socket with a path has one", key, of)
			}
		}
		if place, has := at["backlog"]; has && !where.Accepts() {
			r.add(place, "%s.backlog: nothing is accepted from %s", key, where.Network)
		}
	}
	return l, len(r.found)+r.more == before
}

// address reads where a socket listens.
func (r *reader) address(n *node, key string, l *Listen) bool {
	s, ok := r.filled(n, key)
	if !ok {
		return false
	}
	l.Address = s
	if _, cause := addressOf(s); cause != "" {
		r.add(n.at, "%s: %s: %s", key, quoted(s), cause)
		return false
	}
	return true
}

// apart makes sure that what a child gets has descriptors of its own.
func (r *reader) apart() {
	n := len(r.spec.Listen)
	if ready := r.spec.Ready; ready != nil && ready.FD > 0 && ready.FD < FirstSocket+n {
		r.add(r.at["ready"], "ready.fd: %d is a socket of listen, which has %s; take %d", ready.FD, descriptors(n), FirstSocket+n)
	}
}

// FirstSocket is the descriptor of the first socket, as sd_listen_fds(3) has it.
const FirstSocket = 3

func descriptors(n int) string {
	if n == 1 {
		return fmt.Sprint(FirstSocket)
	}
	return fmt.Sprintf("%d to %d", FirstSocket, FirstSocket+n-1)
}
