package colony

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func TestParseNotification(t *testing.T) {
	long := strings.Repeat("\u00e4", maxStatusText)
	for text, want := range map[string]notification{
		"":                                       {},
		"READY":                                  {},
		"READY=0":                                {},
		"READY=1":                                {ready: true},
		"READY=1\n":                              {ready: true},
		"\n\nREADY=1\nREADY=0":                   {ready: true},
		" READY=1":                               {},
		"ready=1":                                {},
		"READY=1\nSTATUS=up and well\nFDSTORE=1": {ready: true, text: "up and well", says: true},
		"STATUS=":                                {says: true},
		"STATUS=a=b":                             {text: "a=b", says: true},
		"STATUS=one\nSTATUS=two":                 {text: "two", says: true},
		"STATUS=\x1b[31mred\a\xff\x00":           {text: "?[31mred???", says: true},
		"STATUS=" + long:                         {text: long[:maxStatusText], says: true},
		"STATUS=x" + long:                        {text: "x" + long[:maxStatusText-2], says: true},
		"STOPPING=1\nRELOADING=1":                {stopping: true, reloading: true},
		"WATCHDOG=1":                             {beat: true},
		"WATCHDOG=trigger":                       {hangs: true},
		"WATCHDOG=yes":                           {},
		"WATCHDOG_USEC=1500000":                  {watchdog: 1500 * time.Millisecond},
		"EXTEND_TIMEOUT_USEC=1":                  {extend: time.Microsecond},
		"EXTEND_TIMEOUT_USEC=-1":                 {},
		"EXTEND_TIMEOUT_USEC=1s":                 {},
		"EXTEND_TIMEOUT_USEC=18446744073709551615": {},
		"EXTEND_TIMEOUT_USEC=315360000000001":      {},
		"BARRIER=1":                                {barrier: true},
		"MAINPID=4711":                             {mainPID: "4711"},
	} {
		if got := parseNotification([]byte(text)); got != want {
			t.Errorf("%q:\ngot  %+v\nwant %+v", text, got, want)
		}
	}
}

// FuzzNotification: whatever a service says, what is shown of it is short and
// printable, and no time is one that a spec could not ask for.
func FuzzNotification(f *testing.F) {
	f.Add([]byte("READY=1\nSTATUS=up\nMAINPID=1"))
	f.Add([]byte("WATCHDOG=trigger\nWATCHDOG_USEC=9223372036854775807\nEXTEND_TIMEOUT_USEC=1"))
	f.Add([]byte("STATUS=\xff\x1b]0;title\a\u202e"))
	f.Add([]byte("BARRIER=1\x00\nSTOPPING=1\nRELOADING=1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := parseNotification(data)
		for _, s := range []string{n.text, n.mainPID} {
			if !utf8.ValidString(s) || len(s) > maxStatusText || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q shows %q", data, s)
			}
		}
		if n.watchdog < 0 || n.watchdog > maxNotified || n.extend < 0 || n.extend > maxNotified || n.text != "" && !n.says {
			t.Errorf("%q is %+v", data, n)
		}
		again := n
		if again.absorb(n); !n.barrier && n.ready != again.ready {
			t.Errorf("%+v said twice is %+v", n, again)
		}
	})
}
