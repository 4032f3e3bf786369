package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/creachadair/jrpc2/channel"

	"github.com/ncolony/ncolony-go/serve/operations"
)

// Serve answers what comes through a channel until there is no more, or ctx is done,
// or the channel fails, and closes it once all that is outstanding was answered. An
// *operations.Error that Recv returns is answered, and the channel goes on. When ctx is
// done, so is what is being waited for; who waits is told.
func (s *Server) Serve(ctx context.Context, ch channel.Channel) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var sending sync.Mutex
	var broken error
	send := func(text []byte) {
		sending.Lock()
		defer sending.Unlock()
		if text == nil || broken != nil {
			return
		}
		if broken = ch.Send(text); broken != nil {
			broken = fmt.Errorf("send answer: %w", broken)
			cancel() // nobody will hear of the rest
		}
	}
	type came struct {
		text []byte
		err  error
	}
	messages := make(chan came)
	// A read cannot be interrupted: at the end this may stay behind, holding nothing.
	go func() {
		for {
			var c came
			c.text, c.err = ch.Recv()
			select {
			case messages <- c:
			case <-ctx.Done():
				return
			}
			if c.err != nil && !goesOn(c.err) {
				return
			}
		}
	}()
	var answering sync.WaitGroup
	room := make(chan struct{}, maxWaiting)
	var end error
	for end == nil {
		select {
		case <-ctx.Done():
			end = io.EOF
		case c := <-messages:
			switch {
			case c.err == nil:
				room <- struct{}{}
				answering.Go(func() {
					defer func() { <-room }()
					send(s.Answer(ctx, c.text))
				})
			case goesOn(c.err):
				send(failed(c.err))
			default:
				end = c.err
			}
		}
	}
	answering.Wait()
	if end == io.EOF {
		end = nil
	} else {
		end = fmt.Errorf("receive message: %w", end)
	}
	return errors.Join(end, broken, ch.Close())
}

// goesOn says of an error of Recv that it is about one message alone.
func goesOn(err error) bool {
	_, ok := errors.AsType[*operations.Error](err)
	return ok
}
