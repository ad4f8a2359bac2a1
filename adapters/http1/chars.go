package http1

// What a byte may be part of.
const (
	inName   uint8 = 1 << iota // a header's name: token (RFC 9110, 5.6.2)
	inMethod                   // capital letters, digits, - and _: of tokens, what methods have
	inTarget                   // visible ASCII but '#'
	inValue                    // a header's value: visible, space, tab, and bytes from 128
	inHost                     // a name or an IPv4 address
	inPath                     // needs no escape in a path and is none
	isHex
)

// charClass is a constant table: what each byte may be part of.
var charClass = charClasses()

func charClasses() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		letter, digit := c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9'
		if letter || digit || contains("!#$%&'*+-.^_`|~", c) {
			t[i] |= inName
		}
		if letter && c < 'a' || digit || contains("-_", c) {
			t[i] |= inMethod
		}
		if c > ' ' && c < 0x7f && c != '#' {
			t[i] |= inTarget
		}
		if c == '\t' || c >= ' ' && c != 0x7f {
			t[i] |= inValue
		}
		if letter || digit || contains("-._~", c) {
			t[i] |= inHost
		}
		if letter || digit || contains("-_.~$&+,/:;=@", c) {
			t[i] |= inPath
		}
		if digit || c|0x20 >= 'a' && c|0x20 <= 'f' && letter {
			t[i] |= isHex
		}
	}
	return t
}

func contains(s string, c byte) bool {
	for i := range len(s) {
		if s[i] == c {
			return true
		}
	}
	return false
}

// all reports whether every byte of s has the class; an empty s has.
func all[T string | []byte](s T, class uint8) bool {
	for i := range len(s) {
		if charClass[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

// lower is c as a small letter, if it is a letter.
func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// same reports whether a and b are equal but for the case of ASCII letters.
func same[A, B string | []byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// trim cuts spaces and tabs off both ends.
func trim[T string | []byte](s T) T {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// cutComma returns the first element of a list, trimmed, and the rest; more is
// false after the last.
func cutComma[T string | []byte](list T) (element, rest T, more bool) {
	for i := range len(list) {
		if list[i] == ',' {
			return trim(list[:i]), list[i+1:], true
		}
	}
	return trim(list), list[len(list):], false
}

// hasToken reports whether an element of a list is token, given in small letters.
func hasToken[T string | []byte](list T, token string) bool {
	for more := true; more; {
		var element T
		if element, list, more = cutComma(list); same(element, token) {
			return true
		}
	}
	return false
}
