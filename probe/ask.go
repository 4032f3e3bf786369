package probe

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/internal/helper"
)

// question is what a check asks. Of what it is asked it knows nothing but this.
type question interface {
	// ask asks once, until ctx is done. Nil is a good answer. When it returns,
	// nothing is left of it.
	ask(ctx context.Context, of about) error

	// String says what a good answer is: "localhost:80 accepts connections".
	String() string
}

// about is whom a check asks.
type about struct {
	name     string
	spec     *spec.Spec
	life     helper.Life
	places   spec.Places // of the colony, as far as they are known
	progress *progress
}

// progress is how far a check has got, to be told if it gets no further.
type progress struct{ text atomic.Pointer[string] }

func (p *progress) set(text string) {
	if p != nil {
		p.text.Store(&text)
	}
}

// String is empty while there is nothing to tell.
func (p *progress) String() string {
	if text := p.text.Load(); text != nil {
		return *text
	}
	return ""
}

// The limits of checks that say when a service is ready. A program may have to
// start an interpreter.
const (
	readyLimit     = 5 * time.Second
	readyExecLimit = 30 * time.Second
)

// demand is one check that a spec asks for.
type demand struct {
	what     string // http, tcp or exec; ready, whatever it asks
	key      any    // what the spec says about it, to see whether that has changed
	rule     rule
	question question
}

// demands are the checks that a spec asks for.
func demands(sp *spec.Spec, agent string) (all []demand) {
	if sp == nil {
		return nil
	}
	add := func(what string, key any, c *spec.Checks, q question) {
		all = append(all, demand{what, key, ruleOf(c), q})
	}
	if c := sp.HTTPCheck; c != nil {
		add("http", *c, &c.Checks, newHTTP(&c.HTTPQuestion, spec.AnswersAtAll, agent))
	}
	if c := sp.TCPCheck; c != nil {
		add("tcp", *c, &c.Checks, tcp{c.Address})
	}
	if c := sp.ExecCheck; c != nil {
		add("exec", *c, &c.Checks, program{c.Args})
	}
	ready := rule{ready: true, limit: readyLimit, minGood: 1}
	switch r := sp.Ready; {
	case r == nil:
	case r.HTTP != nil:
		all = append(all, demand{"ready", *r.HTTP, ready, newHTTP(&r.HTTP.HTTPQuestion, spec.AnswersWell, agent)})
	case r.TCP != "":
		all = append(all, demand{"ready", r.TCP, ready, tcp{r.TCP}})
	case r.Exec != nil:
		ready.limit = readyExecLimit
		all = append(all, demand{"ready", r.Exec, ready, program{r.Exec}})
	}
	return all
}

// ruleOf fills in what a spec leaves out.
func ruleOf(c *spec.Checks) rule {
	r := rule{period: c.Period.D(), limit: c.Limit(), maxBad: spec.DefaultMaxBad, minGood: spec.DefaultMinGood, jitter: spec.DefaultSpread}
	grace := spec.DefaultGrace
	if c.Grace != nil {
		grace = *c.Grace
	}
	r.grace = time.Duration(grace * float64(r.period)) // at most 10 years, the parser says
	if c.MaxBad != nil {
		r.maxBad = *c.MaxBad
	}
	if c.MinGood != nil {
		r.minGood = *c.MinGood
	}
	if c.Jitter != nil {
		r.jitter = *c.Jitter
	}
	return r
}

// tcp asks an address to accept a connection.
type tcp struct{ address string }

func (t tcp) String() string { return t.address + " accepts connections" }

func (t tcp) ask(ctx context.Context, of about) error {
	network, address, err := spec.SplitAddress(t.address)
	if err != nil {
		return err
	}
	of.progress.set("not connected")
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return conn.Close()
}
