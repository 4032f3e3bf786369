package rpc

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/serve/operations"
)

// method is what can be called by a name.
type method struct {
	name    string
	needs   operations.Role
	route   string // which does the same over HTTP, as a pattern of http.ServeMux; "" = none
	summary string

	params reflect.Type // a struct
	result reflect.Type
	call   func(ctx context.Context, params json.RawMessage) (any, error)
}

// callTime is how long a call may take beside what it is asked to wait.
const callTime = 30 * time.Second

// waiter is of parameters that say how long to wait.
type waiter interface{ waits() time.Duration }

// of makes a method of a Go function, whose parameters are the fields of P.
func of[P, R any](name string, needs operations.Role, route, summary string, do func(context.Context, P) (R, error)) method {
	return method{name, needs, route, summary, reflect.TypeFor[P](), reflect.TypeFor[R](), func(ctx context.Context, text json.RawMessage) (any, error) {
		var p P
		if err := decode(text, reflect.ValueOf(&p).Elem()); err != nil {
			return nil, err
		}
		most := callTime
		if w, ok := any(p).(waiter); ok {
			most += min(w.waits(), operations.MaxWait)
		}
		ctx, cancel := context.WithTimeout(ctx, most)
		defer cancel()
		return do(ctx, p)
	}}
}

// methods are what can be asked of a colony.
func methods(c *operations.Colony) []method {
	const reader, admin = operations.Reader, operations.Admin
	return []method{
		of("service.list", reader, "GET /v1/services", "Services by name, a page at a time", c.List),
		of("service.get", reader, "GET /v1/services/{name}", "All that there is to know of a service",
			func(ctx context.Context, p named) (*operations.Service, error) { return c.Get(ctx, p.Name) }),
		of("service.spec", reader, "GET /v1/services/{name}/spec", "The text of a spec, good or not",
			func(ctx context.Context, p named) (*specText, error) {
				text, err := c.Spec(ctx, p.Name)
				return &specText{string(text), operations.Hash(text)}, err
			}),
		of("service.add", admin, "PUT /v1/services/{name}", "Write the spec of a service that has none",
			func(ctx context.Context, p added) (*operations.Written, error) {
				return c.Put(ctx, p.Name, specOf(p.Spec), operations.Condition{None: true}, p.Wait.D())
			}),
		of("service.replace", admin, "PUT /v1/services/{name}", "Write another spec for a service that has one",
			func(ctx context.Context, p replaced) (*operations.Written, error) {
				return c.Put(ctx, p.Name, specOf(p.Spec), p.condition("*"), p.Wait.D())
			}),
		of("service.put", admin, "PUT /v1/services/{name}", "Write the spec of a service, whether it has one or not",
			func(ctx context.Context, p added) (*operations.Written, error) {
				return c.Put(ctx, p.Name, specOf(p.Spec), operations.Condition{}, p.Wait.D())
			}),
		of("service.patch", admin, "PATCH /v1/services/{name}", "Change a spec by a JSON merge patch (RFC 7396)",
			func(ctx context.Context, p patched) (*operations.Written, error) {
				return c.Patch(ctx, p.Name, p.Patch, p.condition("*"), p.Wait.D())
			}),
		of("service.remove", admin, "DELETE /v1/services/{name}", "Remove the spec of a service, and so the service",
			func(ctx context.Context, p removed) (any, error) {
				return nil, c.Delete(ctx, p.Name, p.condition(), p.Wait.D())
			}),
		of("service.restart", admin, "POST /v1/services/{name}/restart", "A new life of a service, whatever it is doing", action(spec.RestartService, c.Restart)),
		of("service.start", admin, "POST /v1/services/{name}/start", "Have a service run, and forget an earlier stop", action(spec.StartService, c.Start)),
		of("service.stop", admin, "POST /v1/services/{name}/stop", "Have a service down until it is started or restarted", action(spec.StopService, c.Stop)),
		of("service.signal", admin, "POST /v1/services/{name}/signal", "Send a signal to the main process of a service",
			func(ctx context.Context, p signalled) (*operations.Sent, error) {
				r, err := p.request(spec.SendSignal, p.Name, p.Signal)
				if err != nil {
					return nil, err
				}
				return c.Signal(ctx, r)
			}),
		of("colony.status", reader, "GET /v1/colony", "The colony as a whole",
			func(ctx context.Context, _ none) (*operations.Report, error) { return c.Status(ctx) }),
		of("log.read", reader, "GET /v1/logs/{name}", "Lines of a service's output, the oldest first",
			func(ctx context.Context, p logged) (*operations.LogPage, error) {
				return c.Log(ctx, p.Name, p.LogQuery)
			}),
		of("event.read", reader, "GET /v1/events", "Events, the oldest first: those behind a number, or the youngest", c.Events),
		of("message.send", admin, "POST /v1/messages", "Send a message of any type",
			func(ctx context.Context, p sent) (*operations.Sent, error) {
				m, err := operations.ParseMessage(p.Message)
				if err == nil {
					err = checkKey(p.Key)
				}
				if err != nil {
					return nil, err
				}
				return c.Send(ctx, operations.Request{Message: m, Key: p.Key, Wait: p.Wait.D()})
			}),
		of("message.get", reader, "GET /v1/messages/{request}", "What became of a message",
			func(ctx context.Context, p asked) (*operations.Sent, error) { return c.Result(ctx, p.Request) }),
		of("message.list", reader, "GET /v1/messages", "The messages that were taken last, the youngest first",
			func(ctx context.Context, p limited) (*messageList, error) {
				all, err := c.Results(ctx, p.Limit)
				return &messageList{all}, err
			}),
		of("schema.list", reader, "GET /v1/schema", "The kinds of files that have a JSON Schema",
			func(ctx context.Context, _ none) (*schemaList, error) {
				all, err := c.Schemas(ctx)
				return &schemaList{all}, err
			}),
		of("schema.get", reader, "GET /v1/schema/{type}", "The JSON Schema of one kind of file",
			func(ctx context.Context, p typed) (json.RawMessage, error) { return c.Schema(ctx, p.Type) }),
	}
}

// action makes what is done with one service a function of its parameters.
func action(kind spec.Type, do func(context.Context, operations.Request) (*operations.Sent, error)) func(context.Context, acted) (*operations.Sent, error) {
	return func(ctx context.Context, p acted) (*operations.Sent, error) {
		r, err := p.request(kind, p.Name, nil)
		if err != nil {
			return nil, err
		}
		return do(ctx, r)
	}
}
