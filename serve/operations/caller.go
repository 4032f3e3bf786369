package operations

import "context"

// Role is what a caller may do.
type Role int

const (
	Nobody Role = iota // nothing
	Reader             // look at everything but specs whose files are not for others
	Admin              // all
)

func (r Role) String() string { return [...]string{"nobody", "reader", "admin"}[r] }

// Caller is who asks for something.
type Caller struct {
	Name string // for the events: "uid 1000", "token admin"
	Role Role
}

type callerKey struct{}

// WithCaller returns a context in which the operations are asked for by c.
// Without one they are asked for by nobody, and refused.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf is who asks.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// need returns an error unless the caller may do what needs the role.
func need(ctx context.Context, role Role) error {
	if c := CallerOf(ctx); c.Role < role {
		return refuse(Forbidden, "", "%s needed, and the caller is %s", role, c.Role)
	}
	return nil
}
