package traces

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// appendString appends s as a JSON string. Quotes, backslashes and control
// characters are escaped; a byte that is not UTF-8 becomes a lone surrogate,
// \udc80 to \udcff (as PEP 383 does), so that any key survives.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				dst = append(dst, '\\', c)
			case c < ' ':
				dst = append(dst, '\\', 'u', '0', '0', hexDigit(c>>4), hexDigit(c&15))
			default:
				dst = append(dst, c)
			}
			i++
			continue
		}
		if r, n := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || n > 1 {
			dst = append(dst, s[i:i+n]...)
			i += n
			continue
		}
		dst = append(dst, '\\', 'u', 'd', 'c', hexDigit(c>>4), hexDigit(c&15))
		i++
	}
	return append(dst, '"')
}

func hexDigit(v byte) byte { return "0123456789abcdef"[v] }

// scanner reads the JSON of one line: objects, arrays of strings, strings,
// integers and booleans. After the first error every read gives nothing.
type scanner struct {
	b       []byte
	i       int
	err     error
	scratch []byte // of strings with escapes
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("column %d: %w", s.i+1, fmt.Errorf(format, args...))
	}
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for ; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take consumes c if it comes next.
func (s *scanner) take(c byte) bool {
	if s.err != nil || s.peek() != c {
		return false
	}
	s.i++
	return true
}

func (s *scanner) expect(c byte) {
	if s.err == nil && !s.take(c) {
		s.fail("there should be %q", c)
	}
}

// key begins the next member of an object and returns its name; ok is false
// after the last. first says whether the object has only just been opened. The
// name is valid until the next read.
func (s *scanner) key(first bool) (name []byte, ok bool) {
	if s.take('}') || s.err != nil {
		return nil, false
	}
	if !first {
		s.expect(',')
	}
	name = s.string()
	s.expect(':')
	return name, s.err == nil
}

// end checks that nothing follows.
func (s *scanner) end() {
	if s.err == nil && s.peek() != 0 {
		s.fail("there is more after the end of the object")
	}
}

// string reads a string; the result is valid until the next read.
func (s *scanner) string() []byte {
	s.expect('"')
	if s.err != nil {
		return nil
	}
	start := s.i
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return s.b[start : s.i-1]
		case c == '\\':
			return s.escaped(start)
		case c < ' ':
			s.fail("a control character in a string must be escaped")
			return nil
		}
		s.i++
	}
	s.fail("a string does not end")
	return nil
}

// escaped goes on with a string from its first escape on.
func (s *scanner) escaped(start int) []byte {
	s.scratch = append(s.scratch[:0], s.b[start:s.i]...)
	for s.i < len(s.b) && s.err == nil {
		c := s.b[s.i]
		s.i++
		switch {
		case c == '"':
			return s.scratch
		case c < ' ':
			s.fail("a control character in a string must be escaped")
		case c == '\\':
			s.escape()
		default:
			s.scratch = append(s.scratch, c)
		}
	}
	s.fail("a string does not end")
	return nil
}

func (s *scanner) escape() {
	if s.i == len(s.b) {
		return
	}
	c := s.b[s.i]
	s.i++
	switch c {
	case '"', '\\', '/':
		s.scratch = append(s.scratch, c)
	case 'b', 'f', 'n', 'r', 't':
		s.scratch = append(s.scratch, map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}[c])
	case 'u':
		s.unicode()
	default:
		s.fail(`\%c is not an escape`, c)
	}
}

func (s *scanner) unicode() {
	r := s.hex4()
	switch {
	case s.err != nil:
	case r >= 0xdc80 && r <= 0xdcff:
		s.scratch = append(s.scratch, byte(r))
	case r >= 0xd800 && r < 0xdc00 && s.i+1 < len(s.b) && s.b[s.i] == '\\' && s.b[s.i+1] == 'u':
		s.i += 2
		if low := s.hex4(); low >= 0xdc00 && low < 0xe000 {
			s.scratch = utf8.AppendRune(s.scratch, 0x10000+(r-0xd800)<<10+(low-0xdc00))
			return
		}
		fallthrough
	case r >= 0xd800 && r < 0xe000:
		s.fail("a surrogate stands alone")
	default:
		s.scratch = utf8.AppendRune(s.scratch, r)
	}
}

func (s *scanner) hex4() rune {
	if s.i+4 > len(s.b) {
		s.fail(`\u needs four hex digits`)
		return 0
	}
	v, ok := parseHex(s.b[s.i : s.i+4])
	if !ok {
		s.fail(`\u needs four hex digits`)
	}
	s.i += 4
	return rune(v)
}

func parseHex(b []byte) (v uint64, ok bool) {
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// hash reads 16 lower-case hex digits in a string.
func (s *scanner) hash() uint64 {
	b := s.string()
	v, ok := parseHex(b)
	if s.err == nil && (!ok || len(b) != 16) {
		s.fail("%q should be 16 lower-case hex digits", b)
	}
	return v
}

// id reads 32 lower-case hex digits in a string.
func (s *scanner) id() (id [2]uint64) {
	b := s.string()
	if len(b) == 32 {
		hi, okHi := parseHex(b[:16])
		lo, okLo := parseHex(b[16:])
		if okHi && okLo {
			return [2]uint64{hi, lo}
		}
	}
	s.fail("%q should be 32 lower-case hex digits", b)
	return id
}

func (s *scanner) bool() bool {
	s.peek()
	for _, w := range [...]string{"true", "false"} {
		if s.err == nil && s.i+len(w) <= len(s.b) && string(s.b[s.i:s.i+len(w)]) == w {
			s.i += len(w)
			return w == "true"
		}
	}
	s.fail("there should be true or false")
	return false
}

func (s *scanner) uint() uint64 {
	s.peek()
	start, v := s.i, uint64(0)
	for s.err == nil && s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		d := uint64(s.b[s.i] - '0')
		if v > (math.MaxUint64-d)/10 {
			s.fail("the number is out of range")
		}
		v = v*10 + d
		s.i++
	}
	if s.i == start {
		s.fail("there should be a whole number")
	}
	return v
}

func (s *scanner) int() int64 {
	negative := s.take('-')
	v := s.uint()
	switch {
	case !negative && v <= math.MaxInt64:
		return int64(v)
	case negative && v <= -math.MinInt64:
		return -int64(v)
	}
	s.fail("the number is out of range")
	return 0
}
