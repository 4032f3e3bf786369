package rpc

import (
	"bufio"
	"bytes"
	"io"

	"github.com/creachadair/jrpc2/channel"
)

// Lines returns a channel of which each message is a line, as JSON that is not laid
// out can be. Lines without anything are passed over, longer ones than a message may
// be are refused, and the last need not have an end.
func Lines(in io.Reader, out io.Writer) channel.Channel {
	return &lines{in: bufio.NewReader(in), out: out}
}

type lines struct {
	in  *bufio.Reader
	out io.Writer
}

func (l *lines) Recv() ([]byte, error) {
	for {
		text, err := l.line()
		if len(text) > 0 && (err == nil || err == io.EOF) {
			return text, nil // what else there is to say, the next call finds again
		}
		if err != nil {
			return nil, err
		}
	}
}

// line reads to the end of the line, and keeps no more of it than a message may have.
func (l *lines) line() (text []byte, err error) {
	long := false
	for {
		part, err := l.in.ReadSlice('\n')
		if long = long || len(text)+len(part) > maxMessage+2; !long { // with its end
			text = append(text, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
		case long && (err == nil || err == io.EOF):
			return nil, errTooLong
		default:
			return bytes.TrimSpace(text), err
		}
	}
}

func (l *lines) Send(text []byte) error {
	_, err := l.out.Write(append(text, '\n')) // in one piece
	return err
}

// Close leaves in and out to those who have opened them.
func (l *lines) Close() error { return nil }
