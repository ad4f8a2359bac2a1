package accesslog

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Small readers of what stands between the separators of a line.

// digits reads a whole number without a sign; ok is false for anything else.
func digits(s string) (n int64, ok bool) {
	if len(s) == 0 || len(s) > 18 {
		return 0, false
	}
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return n, true
}

// decimal reads a number such as 12.345 as a multiple of the unit, which is a
// power of ten: decimal("12.345", 1000) is 12345. Further digits are cut off. A
// number with an exponent, as JSON may have, takes the long way.
func decimal(s string, unit int64) (n int64, ok bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	if n, ok = digits(whole); !ok || n > (1<<63-1)/unit-1 {
		return exponent(s, unit)
	}
	n *= unit
	for i := 0; i < len(fraction); i++ {
		c := fraction[i] - '0'
		if c > 9 {
			return exponent(s, unit)
		}
		unit /= 10
		n += int64(c) * unit
	}
	return n, true
}

func exponent(s string, unit int64) (int64, bool) {
	if !strings.ContainsAny(s, "eE") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	f *= float64(unit)
	if err != nil || !(f >= 0 && f < 1<<62) {
		return 0, false
	}
	return int64(f), true
}

// status reads an HTTP status; 0 for none.
func status(s string) (uint16, bool) {
	n, ok := digits(s)
	if !ok || n > 999 {
		return 0, s == "-"
	}
	return uint16(n), true
}

// blank reports whether a value says that there is none.
func blank(s string) bool { return s == "" || s == "-" }

// unescape undoes what nginx, JSON and HAProxy do to bytes that their own syntax
// needs: \xHH, \uHHHH, \n and its like. What is no escape stays.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 'x':
			if v, err := strconv.ParseUint(cut(s, i+1, 2), 16, 8); err == nil {
				b, i = append(b, byte(v)), i+2
				continue
			}
			b = append(b, '\\', c)
		case 'u':
			var n int
			b, n = appendUnicode(b, s[i-1:])
			i += n - 2
		case 'n', 't', 'r', 'b', 'f':
			b = append(b, "\n\t\r\b\f"[strings.IndexByte("ntrbf", c)])
		case '"', '\\', '/':
			b = append(b, c)
		default:
			b = append(b, '\\', c)
		}
	}
	return string(b)
}

// cut is s[from:from+n], or "" where s is not that long.
func cut(s string, from, n int) string {
	if from+n > len(s) {
		return ""
	}
	return s[from : from+n]
}

// appendUnicode appends what \uHHHH at the start of s stands for, two of them
// for a pair of surrogates, and says how many bytes of s that was.
func appendUnicode(b []byte, s string) ([]byte, int) {
	unit := func(at int) rune {
		v, err := strconv.ParseUint(cut(s, at+2, 4), 16, 32)
		if err != nil || cut(s, at, 2) != `\u` {
			return -1
		}
		return rune(v)
	}
	first := unit(0)
	if first < 0 {
		return append(b, `\u`...), 2
	}
	if first >= 0xd800 && first < 0xdc00 {
		if low := unit(6); low >= 0xdc00 && low < 0xe000 {
			return utf8.AppendRune(b, (first-0xd800)<<10+(low-0xdc00)+0x10000), 12
		}
	}
	return utf8.AppendRune(b, first), 6
}

// unhash undoes HAProxy's #HH.
func unhash(s string) string {
	if strings.IndexByte(s, '#') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '#' {
			if v, err := strconv.ParseUint(cut(s, i+1, 2), 16, 8); err == nil {
				b, i = append(b, byte(v)), i+2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// word cuts s at the first space.
func word(s string) (first, rest string) {
	if i := strings.IndexByte(s, ' '); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}
