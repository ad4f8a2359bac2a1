package accesslog

import (
	"strings"
	"time"
)

const (
	second = int64(time.Second)
	milli  = int64(time.Millisecond)
)

// stamps reads the times of a log. Lines of one second have the same text but
// for its fraction, so the last one read is kept.
type stamps struct {
	zone *time.Location // of times that name none
	text string         // of the last one, without its fraction
	unix int64          // what that is, in seconds
}

// layouts are the forms without a fraction, by what tells them apart: nginx's
// $time_local, HAProxy's, and ISO 8601 with a zone, with Z, and without.
func layoutOf(s string) string {
	switch {
	case len(s) == 26 && s[2] == '/':
		return "02/Jan/2006:15:04:05 -0700"
	case len(s) == 20 && s[2] == '/':
		return "02/Jan/2006:15:04:05"
	case len(s) == 25 && s[4] == '-':
		return "2006-01-02T15:04:05-07:00"
	case len(s) == 24 && s[4] == '-':
		return "2006-01-02T15:04:05-0700"
	case len(s) == 20 && s[4] == '-' && s[19] == 'Z':
		return "2006-01-02T15:04:05Z"
	case len(s) == 19 && s[4] == '-' && s[10] == 'T':
		return "2006-01-02T15:04:05"
	case len(s) == 19 && s[4] == '-':
		return "2006-01-02 15:04:05"
	case len(s) == 19 && s[4] == '/':
		return "2006/01/02 15:04:05"
	}
	return ""
}

// read returns a time in ns since 1970 UTC and the step of its clock. Besides
// the layouts it takes seconds since 1970, with or without a fraction.
func (c *stamps) read(s string) (ns, resolution int64, ok bool) {
	if len(s) >= 9 && len(s) <= 20 && s[0] >= '0' && s[0] <= '9' && !strings.ContainsAny(s, "/T ") {
		return epoch(s)
	}
	whole, fraction := s, ""
	if dot := strings.IndexByte(s, '.'); dot >= 0 {
		end := dot + 1
		for end < len(s) && s[end]-'0' <= 9 {
			end++
		}
		fraction = s[dot+1 : end]
		whole = s[:dot]
		if end < len(s) {
			whole += s[end:]
		}
	}
	if whole != c.text {
		layout := layoutOf(whole)
		if layout == "" {
			return 0, 0, false
		}
		t, err := time.ParseInLocation(layout, whole, c.zone)
		if err != nil {
			return 0, 0, false
		}
		c.text, c.unix = strings.Clone(whole), t.Unix()
	}
	part, step := int64(0), second
	for i := 0; i < len(fraction) && step > 1; i++ {
		step /= 10
		part += int64(fraction[i]-'0') * step
	}
	return inRange(c.unix, part, step)
}

// epoch reads seconds since 1970.
func epoch(s string) (ns, resolution int64, ok bool) {
	n, ok := decimal(s, second)
	if !ok {
		return 0, 0, false
	}
	resolution = second
	if dot := strings.IndexByte(s, '.'); dot >= 0 {
		for i := dot + 1; i < len(s) && resolution > 1; i++ {
			resolution /= 10
		}
	}
	return inRange(n/second, n%second, resolution)
}

// inRange refuses what cannot be kept as ns with room for arithmetic: before
// 1970 and after 2116.
func inRange(unix, ns, resolution int64) (int64, int64, bool) {
	if unix < 0 || unix > 1<<62/second {
		return 0, 0, false
	}
	return unix*second + ns, resolution, true
}
