package probe

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"time"
)

const (
	// headRead is how much of an answer is read at once: most have little to say.
	headRead = 1 << 10

	// maxProvisional is how many answers may come before the one that counts (100
	// Continue, 103 Early Hints).
	maxProvisional = 5
)

// direct is an http.RoundTripper that asks in the clear, over a connection of its
// own which ends with the answer. It is for what is asked most, and costs half of
// what http.Transport does, which has three goroutines for each connection.
type direct struct {
	socket   string // to ask on; "" = the host and port of the URL
	progress *progress
}

// dialer connects; these connections are too short for TCP to keep them alive.
var dialer = net.Dialer{KeepAlive: -1}

func (d direct) RoundTrip(request *http.Request) (*http.Response, error) {
	network, address := "unix", d.socket
	if d.socket == "" {
		network, address = "tcp", net.JoinHostPort(request.URL.Hostname(), cmp.Or(request.URL.Port(), "80"))
	}
	ctx := request.Context()
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.progress.set("connected, no request sent")
	// All reading and writing ends with the context, also that of the body.
	whole := &exchange{conn: conn, forget: context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })}
	response, err := d.exchange(conn, request)
	if err != nil {
		whole.Close()
		return nil, cmp.Or(ctx.Err(), err)
	}
	whole.Reader, response.Body = response.Body, whole
	return response, nil
}

// exchange sends a request and reads the head of its answer.
func (d direct) exchange(conn net.Conn, request *http.Request) (*http.Response, error) {
	var text bytes.Buffer
	if err := request.Write(&text); err != nil {
		return nil, err
	}
	if _, err := conn.Write(text.Bytes()); err != nil {
		return nil, err
	}
	d.progress.set("the request is sent, no answer has begun")
	limited := &io.LimitedReader{R: conn, N: maxHeader}
	answer := bufio.NewReaderSize(limited, headRead)
	switch _, err := answer.Peek(1); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the connection was closed without an answer")
	case err != nil:
		return nil, err
	}
	d.progress.set("the answer has begun")
	for range maxProvisional {
		response, err := http.ReadResponse(answer, request)
		switch {
		case err != nil && limited.N == 0:
			return nil, fmt.Errorf("the header is longer than %d bytes", maxHeader)
		case err != nil:
			return nil, err
		case response.StatusCode >= http.StatusOK || response.StatusCode == http.StatusSwitchingProtocols:
			limited.N = math.MaxInt64
			return response, nil
		}
	}
	return nil, fmt.Errorf("more than %d provisional answers", maxProvisional)
}

// exchange is the body of an answer, with which its connection ends: what is not
// read of it is of no interest.
type exchange struct {
	io.Reader
	conn   net.Conn
	forget func() bool // the context
}

func (e *exchange) Close() error {
	e.forget()
	return e.conn.Close()
}
