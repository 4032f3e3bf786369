package logs

import (
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// policy is how a stream is kept and shown. Equal ones are one: there may be many
// services.
type policy struct {
	size       int64
	files      int
	age        time.Duration // 0 = any
	total      int64         // -1 = any
	compress   bool
	timestamps bool
	json       bool
	tee        bool
	rate       float64 // bytes a second; 0 = any
}

var defaultPolicy = *policyOf(&spec.Log{})

// policyOf is what a spec says, with the defaults.
func policyOf(l *spec.Log) *policy {
	p := &policy{
		size:       int64(spec.DefaultLogSize),
		files:      spec.DefaultLogFiles,
		total:      -1,
		compress:   true,
		timestamps: l.Timestamps,
		json:       l.Format == spec.LogJSON,
		tee:        l.Tee,
	}
	if l.Size != nil {
		p.size = within(*l.Size)
	}
	if l.Files != nil {
		p.files = *l.Files
	}
	if l.Age != nil {
		p.age = l.Age.D()
	}
	if l.Total != nil {
		p.total = within(*l.Total)
	}
	if l.Compress != nil {
		p.compress = *l.Compress
	}
	if l.Rate != nil {
		p.rate = float64(*l.Rate)
	}
	return p
}

// within is a size that no sum of sizes overflows.
func within(s spec.Size) int64 { return int64(min(s, maxOffset)) }

// service is the name under which the spec of a service is found: that of web@2,
// one of several instances, is web's.
func service(name string) string {
	at := strings.LastIndexByte(name, '@')
	if at > 0 && at+1 < len(name) && strings.Trim(name[at+1:], "0123456789") == "" {
		return name[:at]
	}
	return name
}
