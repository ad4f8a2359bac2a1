package routing

import (
	"net/http"
	"strings"

	"lockstep/adapters/settings"
)

// priorityOf is how critical a request is: what a trusted peer says, else the
// default. A peer that no list names is not believed: whoever may say how
// critical he is says that he is the most critical.
func priorityOf(s *settings.Priority, h http.Header, p *Peer) uint8 {
	if s == nil {
		return 0
	}
	said := h[s.Header]
	if !p.Judged || !p.Trusted || len(said) != 1 {
		return s.Default
	}
	text := strings.Trim(said[0], " \t")
	if s.Header == settings.HeaderPriority {
		text = urgency(text)
	}
	if len(text) != 1 || text[0] < '0' || text[0] > '7' {
		return s.Default
	}
	return text[0] - '0'
}

// urgency is the u of a Priority header, a dictionary of structured fields (RFC
// 8941, RFC 9218): the last one counts; "" where there is none.
func urgency(text string) (u string) {
	for member := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.Trim(member, " \t"), "=")
		if name == "u" {
			value, _, _ = strings.Cut(value, ";")
			u = value
		}
	}
	return u
}
