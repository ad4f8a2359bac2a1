package configfile

import (
	"cmp"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	edgeset "lockstep/adapters/settings"
	"lockstep/core"
)

// Listener is one address to serve on.
type Listener = edgeset.Listener

type listener struct {
	Address        string           `yaml:"address"`
	HTTPEngine     string           `yaml:"http_engine" oneof:"http1 std"`
	TLS            *listenerTLS     `yaml:"tls"`
	Trust          []prefix         `yaml:"trust_headers_from"`
	ProxyProtocol  *proxyProtocol   `yaml:"proxy_protocol"`
	MaxConnections int32            `yaml:"max_connections" check:"positive"`
	MaxPerClient   int32            `yaml:"max_connections_per_client" check:"positive"`
	HeaderMax      size             `yaml:"header_max" check:"positive"`
	Timeouts       listenerTimeouts `yaml:"timeouts"`
	HTTP1          *http1           `yaml:"http1"`
	HTTP2          maybe[http2]     `yaml:"http2"`
}

type http1 struct {
	TargetMax   size          `yaml:"target_max" check:"positive"`
	HeadersMax  int32         `yaml:"headers_max" check:"positive"`
	RequestsMax int32         `yaml:"requests_max" check:"positive"`
	BodyIdle    core.Duration `yaml:"body_idle" check:"positive"`
	BodyRateMin maybe[size]   `yaml:"body_rate_min" check:"positive"`
	Write       core.Duration `yaml:"write" check:"positive"`
}

type listenerTLS struct {
	Certs          certs          `yaml:"certs"`
	Default        string         `yaml:"default"`
	Min            string         `yaml:"min" oneof:"1.2 1.3"`
	ClientCA       string         `yaml:"client_ca"`
	ClientCert     string         `yaml:"client_cert" oneof:"required optional none"`
	SessionTickets maybe[tickets] `yaml:"session_tickets"`
}

type tickets struct {
	Keys string `yaml:"keys"`
}

type proxyProtocol struct {
	From     []prefix `yaml:"from"`
	Required bool     `yaml:"required"`
}

type listenerTimeouts struct {
	Handshake core.Duration `yaml:"handshake" check:"positive"`
	Header    core.Duration `yaml:"header" check:"positive"`
	Idle      core.Duration `yaml:"idle" check:"positive"`
	Body      core.Duration `yaml:"body" check:"positive"`
}

type http2 struct {
	MaxStreams  int32         `yaml:"max_streams" check:"positive"`
	PingEvery   core.Duration `yaml:"ping_every" check:"positive"`
	PingTimeout core.Duration `yaml:"ping_timeout" check:"positive"`
}

// certs is a folder, or a list of pairs of files.
type certs struct {
	folder string
	pairs  []certPair
}

type certPair struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

func (c *certs) decodeNode(d *decoder, n *node) {
	if n.kind == scalar {
		c.folder = n.text
		return
	}
	if !d.want(n, sequence) {
		return
	}
	for _, item := range n.items {
		p := decodeAs[certPair](d, item)
		if item.kind == mapping && (p.Cert == "" || p.Key == "") {
			d.fail(item.at, "this pair needs both cert and key", "write {cert: api.crt, key: api.key}")
		}
		c.pairs = append(c.pairs, p)
	}
}

// prefix is a range of addresses, 10.20.0.0/16, or one address.
type prefix netip.Prefix

func (p *prefix) UnmarshalText(text []byte) error {
	s := string(text)
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		*p = prefix(netip.PrefixFrom(a, a.BitLen()))
		return nil
	}
	v, err := netip.ParsePrefix(s)
	if err != nil {
		return &mistake{strconv.Quote(s) + " is not a range of addresses", "write it as 10.20.0.0/16 or 2001:db8::/32"}
	}
	if v != v.Masked() {
		return &mistake{strconv.Quote(s) + " names one address within a range", "write the range as " + v.Masked().String()}
	}
	*p = prefix(v)
	return nil
}

func prefixes(in []prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range in {
		out = append(out, netip.Prefix(p))
	}
	return out
}

// listeners gives the section listen its meaning, sorted by name.
func (l *loader) listeners(table *node, in map[string]listener) []Listener {
	var out []Listener
	for _, name := range slices.Sorted(maps.Keys(in)) {
		n := table.value(name)
		if n.kind != mapping {
			continue // reported already
		}
		at := in[name]
		l.checkAddress(table.get(name), at.Address)
		one := Listener{
			Name: name, Address: at.Address, Engine: cmp.Or(at.HTTPEngine, edgeset.EngineHTTP1),
			TrustHeadersFrom: prefixes(at.Trust), MaxConnections: int(at.MaxConnections), MaxPerClient: int(at.MaxPerClient),
			HeaderMax: int64(at.HeaderMax), TLS: l.listenerTLS(n.get("tls"), at.TLS),
			Timeouts: edgeset.ListenerTimeouts{
				Handshake: time.Duration(at.Timeouts.Handshake), Header: time.Duration(at.Timeouts.Header),
				Idle: time.Duration(at.Timeouts.Idle), Body: time.Duration(at.Timeouts.Body),
			},
			HTTP2: edgeset.HTTP2{
				Off: at.HTTP2.none, MaxStreams: int(at.HTTP2.value.MaxStreams),
				PingEvery: time.Duration(at.HTTP2.value.PingEvery), PingTimeout: time.Duration(at.HTTP2.value.PingTimeout),
			},
		}
		if h := at.HTTP1; h != nil {
			one.HTTP1 = edgeset.HTTP1Limits{
				TargetMax: int64(h.TargetMax), HeadersMax: int(h.HeadersMax), RequestsMax: int(h.RequestsMax),
				BodyIdle: time.Duration(h.BodyIdle), BodyRateMin: int64(h.BodyRateMin.value), Write: time.Duration(h.Write),
			}
			if h.BodyRateMin.none {
				one.HTTP1.BodyRateMin = -1
			}
			if one.Engine == edgeset.EngineStd {
				l.fail(n.get("http1").at, "http1 holds limits that net/http does not have, and http_engine is std", "remove one of the two")
			}
		}
		if p := at.ProxyProtocol; p != nil {
			one.Proxy = &edgeset.ProxyProtocol{From: prefixes(p.From), Required: p.Required}
			if e := n.get("proxy_protocol"); len(p.From) == 0 && e.value.kind == mapping && e.value.get("from") == nil {
				l.fail(e.at, "proxy_protocol does not say whose header is believed", "write {from: [10.0.0.0/8]} with the addresses of your balancers")
			}
		}
		out = append(out, one)
	}
	l.sameAddress(table, out)
	return out
}

// checkAddress reports what cannot be listened on.
func (l *loader) checkAddress(e *entry, address string) {
	if address == "" {
		l.fail(e.at, "listener "+strconv.Quote(e.key)+" has no address", `write {address: ":8080"}`)
		return
	}
	n := e.value.value("address")
	if n.kind != scalar {
		return
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		l.fail(n.at, strconv.Quote(address)+" is not host:port", `write ":8080" for every address of this machine, or "127.0.0.1:8080"`)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		l.fail(n.at, strconv.Quote(port)+" is not a port", "write a number from 1 to 65535; 0 lets the system choose")
	}
}

// sameAddress reports two listeners on one address. Port 0 is another one each time.
func (l *loader) sameAddress(table *node, all []Listener) {
	for i, a := range all {
		for _, b := range all[:i] {
			if SamePort(a.Address, b.Address) {
				p := table.get(a.Name).at.problem("listener "+strconv.Quote(a.Name)+" has the address of "+strconv.Quote(b.Name), "give one of the two another port")
				p.Other = new(table.get(b.Name).at.position())
				l.faults++
				l.report(&l.problems, p)
			}
		}
	}
}

// SamePort reports whether one of two addresses cannot be listened on while the other is,
// since they have one port, and one host or every one. Port 0 is another one each time.
func SamePort(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	every := func(host, other string) bool {
		return host == "" || host == "::" || host == "0.0.0.0" && !strings.Contains(other, ":")
	}
	return hostA == hostB || every(hostA, hostB) || every(hostB, hostA)
}

// listenerTLS gives the section tls its meaning; nil for a plain listener.
func (l *loader) listenerTLS(e *entry, in *listenerTLS) *edgeset.ListenerTLS {
	if in == nil || e.value.kind != mapping {
		return nil
	}
	n := e.value
	out := &edgeset.ListenerTLS{
		Folder: in.Certs.folder, Default: in.Default, Min: cmp.Or(in.Min, "1.2"), ClientCA: in.ClientCA,
		ClientCert: in.ClientCert, TicketKeys: in.SessionTickets.value.Keys, NoTickets: in.SessionTickets.none,
	}
	for _, p := range in.Certs.pairs {
		out.Pairs = append(out.Pairs, edgeset.CertPair(p))
	}
	if out.Folder == "" && len(out.Pairs) == 0 {
		l.fail(e.at, "tls has no certificates", "write certs: a folder, or certs: [{cert: api.crt, key: api.key}]")
	}
	if t := n.get("session_tickets"); t != nil && in.SessionTickets.set && out.TicketKeys == "" && t.value.kind == mapping {
		l.fail(t.at, "session_tickets names no keys", "write {keys: FILE}, or remove it: then each router makes its own keys")
	}
	switch {
	case in.ClientCert == "" && in.ClientCA != "":
		out.ClientCert = "required"
	case in.ClientCert == "":
		out.ClientCert = "none"
	case in.ClientCert != "none" && in.ClientCA == "":
		l.fail(n.get("client_cert").at, "client certificates cannot be checked without client_ca", "write client_ca: a file with the authorities that sign them")
	case in.ClientCert == "none" && in.ClientCA != "":
		l.fail(n.get("client_cert").at, "client_ca says who signs client certificates, and client_cert: none asks for none", "remove one of the two")
	}
	return out
}
