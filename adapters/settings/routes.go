package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Whole is what the edge alone needs of a whole configuration: the text that
// core.Spec.Edge carries, decoded.
type Whole struct {
	Routing  *Routing  `json:"routing,omitempty"`  // nil: every request takes route 0, its key is X-Routing-Key
	Priority *Priority `json:"priority,omitempty"` // nil: every request is the most critical
}

// Routing says which route a request takes and how its key is found.
type Routing struct {
	Routes []Route `json:"routes"` // by number, as core has them; the first that takes a request counts
	// KeyMax is how long a key may be, in bytes; 0 means 256.
	KeyMax int `json:"key_max,omitempty"`
	// TrustedID makes a new request id for a request of a peer that is not trusted.
	TrustedID bool `json:"trusted_id,omitempty"`
}

// DefaultKeyMax is the longest key in bytes where Routing.KeyMax is 0.
const DefaultKeyMax = 256

// Route is one route: what it takes and where the key is.
type Route struct {
	Name string `json:"name"`
	// Hosts are names in lower case, or *.suffix for everything below suffix. Empty: any.
	Hosts []string `json:"hosts,omitempty"`
	// Paths are prefixes of whole segments: /v1 takes /v1 and /v1/x. Empty: any.
	Paths []string `json:"paths,omitempty"`
	// Listeners are names of listeners. Empty: any.
	Listeners []string `json:"listeners,omitempty"`
	// Sources are asked in order; the first that has a key counts.
	Sources []Source `json:"sources"`
	// ClientCert refuses a request without a verified client certificate as unauthorized.
	ClientCert bool `json:"client_cert,omitempty"`
	// SplitBy is who is kept on one side of a split; nil means the request.
	SplitBy *Source `json:"split_by,omitempty"`
}

// Source is one place where a key may stand. Exactly one of Header, Label,
// Host, Segment, Query, Cookie, SAN and JWT is set.
type Source struct {
	Header string `json:"header,omitempty"` // name in canonical form
	// Label is a label of the host, 1 for the first, -1 for the last.
	Label int `json:"label,omitempty"`
	// Host is a pattern of the host in which one label is *: the key.
	Host string `json:"host,omitempty"`
	// Segment is a segment of the path, 1 for the first, counted after the prefix After.
	Segment int    `json:"segment,omitempty"`
	After   string `json:"after,omitempty"`
	Query   string `json:"query,omitempty"`  // name of a parameter
	Cookie  string `json:"cookie,omitempty"` // name of a cookie
	SAN     *SAN   `json:"san,omitempty"`
	JWT     *JWT   `json:"jwt,omitempty"`
	// First takes the first of several values; else several are refused. For
	// Header, Query, Cookie and SAN.
	First bool `json:"first,omitempty"`
}

// Kinds of names in a client certificate.
const (
	SANURI   = "uri"
	SANDNS   = "dns"
	SANEmail = "email"
)

// SAN is a name in a verified client certificate.
type SAN struct {
	Kind    string `json:"kind"`    // SANURI, SANDNS or SANEmail
	Pattern string `json:"pattern"` // with one *, which stands for the key: no / in a URI, no . in a DNS name, no @ in an address
}

// JWT is a claim of a token whose signature, times, issuer and audience hold.
type JWT struct {
	Claim    string        `json:"claim"`
	JWKS     string        `json:"jwks"`               // file of the keys, read again when it changes
	Issuer   string        `json:"issuer,omitempty"`   // "": any
	Audience string        `json:"audience,omitempty"` // one that must be among the token's; "": any
	Leeway   time.Duration `json:"leeway,omitempty"`   // by which clocks may differ
	Header   string        `json:"header,omitempty"`   // where the token is; "" means Authorization, with the scheme Bearer
	Cookie   string        `json:"cookie,omitempty"`   // where it is in place of a header
	// Next goes on to the next source when there is a token that does not hold;
	// else the request is refused as unauthorized.
	Next bool `json:"next,omitempty"`
}

// String names a source for logs and explanations: jwt_claim tenant.
func (s *Source) String() string {
	switch {
	case s.Header != "":
		return "header " + s.Header
	case s.Label != 0:
		return fmt.Sprintf("host_label %d", s.Label)
	case s.Host != "":
		return "host " + s.Host
	case s.Segment != 0 && s.After != "":
		return fmt.Sprintf("path_segment %d after %s", s.Segment, s.After)
	case s.Segment != 0:
		return fmt.Sprintf("path_segment %d", s.Segment)
	case s.Query != "":
		return "query " + s.Query
	case s.Cookie != "":
		return "cookie " + s.Cookie
	case s.SAN != nil:
		return "client_cert_san " + s.SAN.Pattern
	case s.JWT != nil:
		return "jwt_claim " + s.JWT.Claim
	}
	return "no source"
}

// Text encodes w for core.Spec.Edge; what is all default is "".
func (w Whole) Text() string {
	if w == (Whole{}) {
		return ""
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(w) // these types cannot fail
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// ReadWhole decodes what Text wrote. A field that is not known is an error: a
// setting that this program does not know must not be passed over.
func ReadWhole(text string) (w Whole, err error) {
	if text == "" {
		return w, nil
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&w); err != nil {
		return Whole{}, fmt.Errorf("reading the settings of the edge: %w", err)
	}
	return w, nil
}
