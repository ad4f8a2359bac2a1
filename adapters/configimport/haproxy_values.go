package configimport

import (
	"net"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// hapTime reads a time of HAProxy's: 5s, 200ms, or a bare number of milliseconds.
func hapTime(text string) (time.Duration, bool) {
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	n, err := strconv.ParseInt(text[:digits], 10, 64)
	unit, ok := map[string]time.Duration{
		"": time.Millisecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second,
		"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	}[text[digits:]]
	if err != nil || !ok || n > int64(10*longest/unit) {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

// timeOf reads the time in a word of l; what is wrong with it is noted.
func (l *hapLine) timeOf(i int) (time.Duration, bool) {
	d, ok := hapTime(l.word(i))
	if !ok || l.word(i) == "" {
		l.not(strconv.Quote(l.word(i))+" is not a time", "")
		return 0, false
	}
	if d == 0 {
		l.differs("0 is no timeout in HAProxy; here it is as if the line were not there, and the router has a default", "write a long time")
		return 0, false
	}
	return clamped(d, l.Line), true
}

// countOf reads the count in a word of l; what is wrong with it is noted.
func (l *hapLine) countOf(text string, most int) (int, bool) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		l.not(strconv.Quote(text)+" is not a count", "")
		return 0, false
	}
	if n > most {
		l.differs(text+" is more than there can be here: "+strconv.Itoa(most), "")
		n = most
	}
	return n, true
}

// hapAddress takes an address apart; fault says why it is none that we can use.
func hapAddress(text string) (host, port, fault string) {
	for _, family := range []string{"ipv4@", "ipv6@", "tcp@", "tcp4@", "tcp6@"} {
		text = strings.TrimPrefix(text, family)
	}
	if strings.HasPrefix(text, "/") || strings.Contains(text, "@") {
		return "", "", "it is no address of TCP"
	}
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return "", "", "it has no port"
	}
	host, port = strings.Trim(text[:i], "[]"), text[i+1:]
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", "its port is " + strconv.Quote(port)
	}
	control := func(r rune) bool { return !unicode.IsPrint(r) }
	if strings.ContainsFunc(host, control) || strings.ContainsAny(host, " /?#@%\"\\<>^`{|}") || strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return "", "", strconv.Quote(host) + " is no host"
	}
	return host, port, ""
}
