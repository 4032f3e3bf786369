package spec

import (
	"strconv"
	"strings"
)

// decimal is an exact decimal number: digits times ten to the power of exp.
// Digits has no leading and no trailing zero; zero has no digits at all. Two
// spellings of one number give the same decimal, so 1, 1.0 and 10e-1 compare
// equal where float64 would lose digits.
type decimal struct {
	negative bool
	digits   string
	exp      int
}

// maxExponent bounds the exponent of a decimal. What is beyond it is neither a
// time, an id nor a count.
const maxExponent = 1 << 20

// parseDecimal reads a number as JSON writes it, and the spellings ".5", "5."
// and "+5" that people type after a flag.
func parseDecimal(s string) (decimal, bool) {
	var d decimal
	rest := s
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		d.negative = rest[0] == '-'
		rest = rest[1:]
	}
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		exp, err := strconv.Atoi(rest[i+1:])
		if err != nil || exp > maxExponent || exp < -maxExponent {
			return decimal{}, false
		}
		d.exp = exp
		rest = rest[:i]
	}
	whole, fraction, _ := strings.Cut(rest, ".")
	all := whole + fraction
	if all == "" || strings.Trim(all, "0123456789") != "" {
		return decimal{}, false
	}
	d.exp -= len(fraction)
	short := strings.TrimRight(all, "0")
	d.exp += len(all) - len(short)
	d.digits = strings.TrimLeft(short, "0")
	if d.digits == "" {
		return decimal{}, true
	}
	return d, true
}

// String is the one spelling of d.
func (d decimal) String() string {
	if d.digits == "" {
		return "0"
	}
	s := d.digits
	if d.exp != 0 {
		s += "e" + strconv.Itoa(d.exp)
	}
	if d.negative {
		return "-" + s
	}
	return s
}

// whole reports whether d has no fraction.
func (d decimal) whole() bool { return d.exp >= 0 }

// int64 returns d if it is a whole number in range.
func (d decimal) int64() (int64, bool) {
	if d.digits == "" {
		return 0, true
	}
	if d.exp < 0 || len(d.digits)+d.exp > 19 {
		return 0, false
	}
	s := d.digits + strings.Repeat("0", d.exp)
	if d.negative {
		s = "-" + s
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// scaled returns d times ten to the power of by as a whole number, rounded to
// the nearest one; what is above zero never becomes zero.
func (d decimal) scaled(by int) (int64, bool) {
	d.exp += by
	if d.digits == "" || d.exp >= 0 {
		return d.int64()
	}
	keep := len(d.digits) + d.exp
	up := keep >= 0 && d.digits[keep] >= '5'
	n := int64(0)
	if keep > 0 {
		var ok bool
		if n, ok = (decimal{digits: d.digits[:keep]}).int64(); !ok {
			return 0, false
		}
	}
	if up || n == 0 {
		n++
	}
	if d.negative {
		n = -n
	}
	return n, true
}

// float64 returns the nearest float64.
func (d decimal) float64() (float64, bool) {
	f, err := strconv.ParseFloat(d.String(), 64)
	return f, err == nil
}
