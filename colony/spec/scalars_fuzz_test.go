package spec

import (
	"encoding/json"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzScalars: what reads as a duration, a signal or a number is in its bounds, is
// what exact arithmetic makes of it, and reads the same from its own spelling.
func FuzzScalars(f *testing.F) {
	for _, text := range []string{"0.05", "1h30m", "-0", "1e-400", "315360000.0000000005", "SIGRTMIN+3", "rtmax-31", "15.0", "1e1", ".5", "+5.", "0e9999999999",
		"9223372036854775808", "106751d", "0x1p-2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := ParseDuration(text); err == nil {
			if d < 0 || d > MaxDuration {
				t.Fatalf("duration %q is %d", text, d)
			}
			if again, err := ParseDuration(d.String()); err != nil || again != d {
				t.Fatalf("duration %q is %v, and then %v, %v", text, d, again, err)
			}
			b, err := json.Marshal(d)
			var back Duration
			if err != nil || json.Unmarshal(b, &back) != nil || back != d {
				t.Fatalf("duration %q is %v, and then %s, %v", text, d, b, back)
			}
		}
		if s, err := ParseSignal(text); err == nil {
			if s < 1 || s > maxSignal {
				t.Fatalf("signal %q is %d", text, s)
			}
			if again, err := ParseSignal(s.String()); err != nil || again != s {
				t.Fatalf("signal %q is %v, and then %v, %v", text, s, again, err)
			}
			b, err := json.Marshal(s)
			var back Signal
			if err != nil || json.Unmarshal(b, &back) != nil || back != s {
				t.Fatalf("signal %q is %v, and then %s, %v", text, s, b, back)
			}
		}
		d, ok := parseDecimal(text)
		if !ok {
			return
		}
		if again, ok := parseDecimal(d.String()); ok && again != d || !ok && d.exp < maxExponent && d.exp > -maxExponent {
			t.Fatalf("number %q is %+v, and then %+v", text, d, again)
		}
		if d.exp > 400 || d.exp < -400 || len(text) > 400 {
			return
		}
		exact, ok := new(big.Rat).SetString(text)
		mine, ok2 := new(big.Rat).SetString(d.String())
		if !ok || !ok2 || exact.Cmp(mine) != 0 {
			t.Fatalf("number %q is %s", text, d)
		}
		if n, ok := d.int64(); ok && (!exact.IsInt() || exact.Num().Cmp(big.NewInt(n)) != 0) {
			t.Fatalf("number %q is %d", text, n)
		}
		if n, ok := d.scaled(9); ok {
			off := new(big.Rat).Sub(new(big.Rat).SetInt64(n), exact.Mul(exact, big.NewRat(1e9, 1)))
			tiny := exact.Sign() != 0 && (n == 1 || n == -1)
			if off.Abs(off).Cmp(big.NewRat(1, 2)) > 0 && !tiny || exact.Sign() != 0 && n == 0 {
				t.Fatalf("number %q in billionths is %d", text, n)
			}
		}
	})
}

// FuzzState: a program may read a file of the state directory, write it, and read
// it again, and has what it had.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"name":"a","state":"running","since":"2026-01-02T03:04:05.6Z","pid":7,"generation":1,"last_exit":{"signal":"KILL","core":true},"warnings":[]}`))
	f.Add([]byte(`{"seq":7,"time":"2026-01-02T03:04:05+01:00","type":"exited","exit":{"code":0},"delay":0.5}`))
	f.Add([]byte(`{"ok":true,"type":"RESTART-ALL","services":[{"name":"a"},null],"finished":null}`))
	f.Add([]byte(`{"counts":{"running":1,"":-1},"bad_files":{"":"x"},"panics":1e0}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		again[Status](t, text)
		again[ColonyStatus](t, text)
		again[Event](t, text)
		again[Result](t, text)
		again[StopNote](t, text)
		var e Exit
		if json.Unmarshal(text, &e) == nil && e.String() == "" {
			t.Fatalf("%s has no words", text)
		}
	})
}

func again[T any](t *testing.T, text []byte) {
	t.Helper()
	var first, second T
	if json.Unmarshal(text, &first) != nil {
		return
	}
	b, err := json.Marshal(first)
	if err != nil || json.Unmarshal(b, &second) != nil {
		t.Fatalf("%T: %s became %s, %v", first, text, b, err)
	}
	if diff := cmp.Diff(first, second, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%T: %s became %s:\n%s", first, text, b, diff)
	}
}
