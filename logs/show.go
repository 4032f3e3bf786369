package logs

import (
	"bytes"
	"encoding/json"
	"time"
	"unicode/utf8"
)

// Look is how lines are shown.
type Look struct {
	Name       string // of the service
	Stderr     bool   // the line is of a stream of standard error that is apart
	Prefix     bool   // [NAME] before each line
	Timestamps bool   // the time at which it came before each line
	JSON       bool   // an object a line, with all of that in it
}

// timeLayout is RFC 3339 with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// jsonLine is a line as an object.
type jsonLine struct {
	Time    time.Time `json:"time"`
	Service string    `json:"service"`
	Stream  string    `json:"stream,omitempty"`
	Line    string    `json:"line"`
	Partial bool      `json:"partial,omitempty"`
	At      string    `json:"at"`
}

// Append adds a line, as it is to be shown, to b.
func (l Look) Append(b []byte, line Line) []byte {
	if l.JSON {
		o := jsonLine{Time: line.Time.UTC(), Service: l.Name, Line: string(line.Text), Partial: !line.Whole, At: line.At.String()}
		if l.Stderr {
			o.Stream = stderrName
		}
		if !utf8.ValidString(o.Line) {
			o.Line = string(bytes.ToValidUTF8(line.Text, []byte("\uFFFD")))
		}
		w := bytes.NewBuffer(b)
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false)
		out.Encode(o) // there is nothing in it that could not be encoded
		return w.Bytes()
	}
	if l.Prefix {
		b = append(b, '[')
		b = append(b, l.Name...)
		b = append(b, "] "...)
	}
	if l.Timestamps {
		b = line.Time.Local().AppendFormat(b, timeLayout)
		b = append(b, ' ')
	}
	b = append(b, line.Text...)
	if !line.Whole && !l.Prefix && !l.Timestamps {
		return b // byte for byte
	}
	return append(b, '\n')
}
