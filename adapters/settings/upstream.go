package settings

import (
	"encoding/json"
	"fmt"
	"time"
)

// Placement is what the edge alone needs of one placement: the text that
// core.PlacementSpec.Edge carries, decoded.
type Placement struct {
	Upstream *Upstream `json:"upstream,omitempty"`
}

// Defaults of an Upstream.
const (
	HeaderMax   = 64 << 10
	PingAfter   = 30 * time.Second
	PingTimeout = 15 * time.Second
)

// Upstream says how connections to a placement's endpoints are made and kept.
// Every zero value means the default named beside the field.
type Upstream struct {
	Protocol      Protocol `json:"protocol,omitempty"`       // "" means http1
	Host          string   `json:"host,omitempty"`           // what requests are for, in place of the URL's authority; "" means that
	ProxyProtocol string   `json:"proxy_protocol,omitempty"` // v1 or v2; "" means none. Only with http1
	MaxOpen       int      `json:"max_open,omitempty"`       // connections to one endpoint, idle ones included; 0 means no limit
	Warm          int      `json:"warm,omitempty"`           // connections kept open without need; 0 means none
	// MaxLifetime is how long a connection is used at most, less up to a tenth so
	// that not all end at once; 0 means for ever.
	MaxLifetime time.Duration `json:"max_lifetime,omitempty"`
	MaxRequests int           `json:"max_requests,omitempty"` // on one connection; 0 means no limit
	HeaderMax   int           `json:"header_max,omitempty"`   // bytes of a response's header, trailers apart; 0 means 64 KiB
	// H2 is about HTTP/2 connections.
	H2 H2 `json:"h2,omitzero"`
	// TLS is about https endpoints; nil means the system's roots, TLS 1.2 or later.
	TLS *TLS `json:"tls,omitempty"`
	// Health is how the active health check asks; nil means GET, and any 2xx is healthy.
	Health *Health `json:"health,omitempty"`
}

// H2 says how HTTP/2 connections to endpoints are kept.
type H2 struct {
	Streams     int           `json:"streams,omitempty"`      // requests at once on one connection; 0 means as many as the endpoint permits
	PingAfter   time.Duration `json:"ping_after,omitempty"`   // silence after which a ping is sent; 0 means 30 s
	PingTimeout time.Duration `json:"ping_timeout,omitempty"` // without its answer the connection ends; 0 means 15 s
}

// TLS says how an https endpoint is spoken to. Files are read again when they change.
type TLS struct {
	CA       string `json:"ca,omitempty"`          // file of PEM certificates that sign endpoints; "" means the system's
	Name     string `json:"server_name,omitempty"` // that is asked for (SNI) and must be in the certificate; "" means the URL's host
	Cert     string `json:"cert,omitempty"`        // file of the router's own certificate, PEM; with Key
	Key      string `json:"key,omitempty"`         // file of its key
	Min      string `json:"min,omitempty"`         // "1.2" or "1.3"; "" means 1.2
	Insecure bool   `json:"insecure,omitempty"`    // any certificate will do
}

// Health is the form of an active health check.
type Health struct {
	Kind    string   `json:"kind,omitempty"`    // tcp, tls, grpc; "" means http
	Status  []Status `json:"status,omitempty"`  // http: which are healthy; none means 200-299
	Service string   `json:"service,omitempty"` // grpc: whose health is asked for; "" means the whole server's
}

// Status is a range of HTTP statuses, both ends included.
type Status struct{ From, To int }

// Protocol is what an endpoint speaks.
type Protocol string

// Protocols. Auto means HTTP/2 where a https endpoint offers it (ALPN), else HTTP/1.1.
const (
	HTTP1 Protocol = "http1"
	H2TLS Protocol = "h2"
	H2C   Protocol = "h2c"
	Auto  Protocol = "auto"
)

// Text returns what core carries, "" if there is nothing to carry.
func (p Placement) Text() string {
	if p.Upstream == nil {
		return ""
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic("settings: " + err.Error()) // nothing in it can fail
	}
	return string(text)
}

// ReadPlacement decodes what core carried. An error means text that no
// configfile wrote.
func ReadPlacement(text string) (p Placement, err error) {
	if text == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, fmt.Errorf("reading a placement's edge settings: %w", err)
	}
	return p, nil
}
