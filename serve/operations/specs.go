package operations

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
	"github.com/ncolony/ncolony-go/ctl"
)

// Condition says what has to be so for a spec to be written. The zero value asks
// for nothing. It holds against all that is written through one Colony; whoever
// writes files meanwhile is not held back.
type Condition struct {
	Match []string // the hash of the spec is one of these; "*" = there is a spec
	None  bool     // there is no spec yet
}

// MaxWait is the longest time that a caller can have us wait for.
const MaxWait = 10 * time.Minute

// Written is what became of a spec that was written.
type Written struct {
	Name    string       `json:"name"`
	Hash    string       `json:"spec_sha256"` // of the file as it is now
	Created bool         `json:"created"`     // there was none before
	Status  *spec.Status `json:"status"`      // of the service, where it was waited for; else null
}

// Put makes text the spec of a service, byte for byte. With wait it returns when the
// supervisor governs the service by it and it runs, is ready, has ended well or waits
// for its schedule; if the service does not get there the error is a Conflict, a
// Timeout or NoSupervisor, and the spec is written all the same.
func (c *Colony) Put(ctx context.Context, name string, text []byte, on Condition, wait time.Duration) (*Written, error) {
	if err := need(ctx, Admin); err != nil {
		return nil, err
	}
	if len(text) > spec.MaxSpecSize {
		return nil, refuse(TooLarge, "", "a spec has at most %d bytes", spec.MaxSpecSize)
	}
	return c.write(ctx, name, on, wait, func([]byte) ([]byte, error) { return text, nil })
}

// Patch changes a spec by a JSON merge patch (RFC 7396): keys of the patch take the
// place of those of the spec, null removes one. The file is laid out anew. The rest is
// as with Put.
func (c *Colony) Patch(ctx context.Context, name string, patch []byte, on Condition, wait time.Duration) (*Written, error) {
	if err := need(ctx, Admin); err != nil {
		return nil, err
	}
	if len(patch) > spec.MaxSpecSize {
		return nil, refuse(TooLarge, "", "a patch has at most %d bytes", spec.MaxSpecSize)
	}
	if len(on.Match) == 0 {
		on.Match = []string{"*"} // there has to be something to change
	}
	return c.write(ctx, name, on, wait, func(old []byte) ([]byte, error) { return merge(old, patch) })
}

// write makes a new text of the one that there is; old is nil if there is none.
func (c *Colony) write(ctx context.Context, name string, on Condition, wait time.Duration, edit func(old []byte) ([]byte, error)) (*Written, error) {
	c.writing.Lock()
	old, err := c.expect(name, on)
	w := &Written{Name: name, Created: old == nil}
	var text []byte
	if err == nil {
		if text, err = edit(old); err == nil {
			err = explain(ctl.Add(c.places, name, text), "write the spec of", name)
		}
	}
	c.writing.Unlock()
	if err != nil {
		return nil, err
	}
	c.view.Touch(name)
	c.log.Info("spec written", "service", name, "by", CallerOf(ctx).Name)
	w.Hash = Hash(text)
	if wait > 0 {
		ctx, cancel := context.WithTimeout(ctx, min(wait, MaxWait))
		defer cancel()
		if w.Status, err = ctl.WaitAdded(ctx, c.places, name, text); err != nil {
			return w, explain(err, "wait for", name)
		}
	}
	return w, nil
}

// Delete removes the spec of a service; its process is ended and forgotten. With wait
// it returns when that is done.
func (c *Colony) Delete(ctx context.Context, name string, on Condition, wait time.Duration) error {
	if err := need(ctx, Admin); err != nil {
		return err
	}
	c.writing.Lock()
	_, err := c.expect(name, on)
	if err == nil {
		err = explain(ctl.Remove(c.places, name), "remove", name)
	}
	c.writing.Unlock()
	if err != nil {
		return err
	}
	c.view.Touch(name)
	c.log.Info("spec removed", "service", name, "by", CallerOf(ctx).Name)
	if wait > 0 {
		ctx, cancel := context.WithTimeout(ctx, min(wait, MaxWait))
		defer cancel()
		return explain(ctl.WaitRemoved(ctx, c.places, name), "wait for the end of", name)
	}
	return nil
}

// expect returns the spec as it is, nil if there is none, if it is as on says.
func (c *Colony) expect(name string, on Condition) ([]byte, error) {
	text, _, err := ctl.Spec(c.places, name)
	switch {
	case errors.Is(err, ctl.ErrNoService):
		if len(on.Match) > 0 {
			return nil, explain(err, "change", name)
		}
		return nil, nil
	case errors.Is(err, ctl.ErrClash) && on.Match == nil && !on.None:
		return []byte{}, nil // to remove both is the way out
	case err != nil:
		return nil, explain(err, "read the spec of", name)
	}
	if on.None {
		return nil, refuse(Precondition, "", "there is a spec of %q already", name)
	}
	hash := Hash(text)
	for _, want := range on.Match {
		if want == "*" || want == hash {
			return text, nil
		}
	}
	if len(on.Match) > 0 {
		return nil, refuse(Precondition, "", "the spec of %q is another one: its hash is %s", name, hash)
	}
	return text, nil
}

// merge applies a merge patch to the text of a spec.
func merge(text, patch []byte) ([]byte, error) {
	var is, change any
	if err := decode(patch, &change); err != nil {
		return nil, &Error{Code: Invalid, Detail: "read patch: " + err.Error(), Faults: []Fault{fault(patch, err)}, Err: err}
	}
	if _, ok := change.(map[string]any); !ok {
		return nil, refuse(Invalid, "", "read patch: must be an object")
	}
	if err := decode(text, &is); err != nil {
		return nil, &Error{Code: Conflict, Detail: "the spec is no JSON, and cannot be patched: " + err.Error(), Err: err}
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(merged(is, change)); err != nil {
		return nil, &Error{Code: Failed, Detail: "write spec: " + err.Error(), Err: err}
	}
	return out.Bytes(), nil
}

// merged is MergePatch of RFC 7396.
func merged(target, patch any) any {
	change, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for key, value := range change {
		if value == nil {
			delete(object, key)
		} else {
			object[key] = merged(object[key], value)
		}
	}
	return object
}

// decode reads one JSON value and keeps numbers as they are written.
func decode(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is more behind the value")
	}
	return nil
}

// fault says where in a text its JSON ends to be some.
func fault(text []byte, err error) Fault {
	f := Fault{Message: err.Error()}
	if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
		before := text[:min(int(bad.Offset), len(text))]
		f.Line = bytes.Count(before, []byte("\n")) + 1
		f.Column = len(before) - bytes.LastIndexByte(before, '\n') - 1
	}
	return f
}
