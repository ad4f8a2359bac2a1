package configfile

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	edge "lockstep/adapters/settings"
	"lockstep/core"
)

// upstreamForm is the setting upstream: how connections to endpoints are made
// and kept.
type upstreamForm struct {
	Protocol      string            `yaml:"protocol" oneof:"http1 h2 h2c auto"`
	Host          string            `yaml:"host"`
	ProxyProtocol maybe[string]     `yaml:"proxy_protocol" oneof:"v1 v2"`
	Pool          poolForm          `yaml:"pool"`
	HeaderMax     size              `yaml:"header_max" check:"positive"`
	H2            h2Form            `yaml:"h2"`
	TLS           maybe[endTLSForm] `yaml:"tls"`
}

type poolForm struct {
	MaxOpen     maybe[uint16]        `yaml:"max_open" check:"positive"`
	Warm        maybe[uint16]        `yaml:"warm" check:"positive"`
	MaxLifetime maybe[core.Duration] `yaml:"max_lifetime" check:"positive"`
	MaxRequests maybe[uint32]        `yaml:"max_requests" check:"positive"`
}

type h2Form struct {
	Streams     maybe[uint16] `yaml:"streams" check:"positive"`
	PingAfter   core.Duration `yaml:"ping_after" check:"positive"`
	PingTimeout core.Duration `yaml:"ping_timeout" check:"positive"`
}

type endTLSForm struct {
	CA         string  `yaml:"ca"`
	ServerName string  `yaml:"server_name"`
	Cert       string  `yaml:"cert"`
	Key        keyFile `yaml:"key"`
	Min        string  `yaml:"min" oneof:"1.2 1.3"`
	Insecure   bool    `yaml:"insecure"`
}

// keyFile is a secret: only ever the name of a file.
type keyFile struct {
	File string `yaml:"file"`
}

// statusRange is a status, or a range of them written 200..399.
type statusRange edge.Status

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *statusRange) UnmarshalText(text []byte) error {
	low, high, isRange := strings.Cut(string(text), "..")
	if !isRange {
		high = low
	}
	from, err1 := strconv.ParseUint(low, 10, 16)
	to, err2 := strconv.ParseUint(high, 10, 16)
	if err1 != nil || err2 != nil || from < 100 || to > 599 || to < from {
		return &mistake{strconv.Quote(string(text)) + " is not a status or a range of them", "write 204, or 200..399 with the smaller first, within 100 to 599"}
	}
	*s = statusRange{int(from), int(to)}
	return nil
}

// edge returns what core carries for the edge of a placement. n is the merged
// placement, for places.
func (l *loader) edgeText(name string, n *node, s *settings, endpoints []core.EndpointSpec) string {
	up := lowerUpstream(&s.Upstream)
	up.Health = l.healthKind(n, &s.Health.value)
	if d := l.file.discovers(name); d != nil {
		d.lower(&up)
	}
	l.checkUpstream(n, &s.Upstream, endpoints)
	if up.Health != nil && up.Health.Kind == "tls" {
		for _, e := range endpoints {
			if strings.HasPrefix(e.URL, "http:") {
				l.fail(n.value("health").get("tls").at, "endpoint "+e.Name+" is "+e.URL+", which has no TLS to check", "write tcp: true, or an https URL")
			}
		}
	}
	if up.isZero() {
		return ""
	}
	return edge.Placement{Upstream: &up.Upstream}.Text()
}

// lowered is edge.Upstream on its way out.
type lowered struct{ edge.Upstream }

func (u *lowered) isZero() bool {
	return edge.Placement{Upstream: &u.Upstream}.Text() == edge.Placement{Upstream: &edge.Upstream{}}.Text()
}

func lowerUpstream(in *upstreamForm) lowered {
	out := edge.Upstream{
		Protocol: edge.Protocol(in.Protocol), Host: in.Host, ProxyProtocol: in.ProxyProtocol.value,
		MaxOpen: int(in.Pool.MaxOpen.value), Warm: int(in.Pool.Warm.value),
		MaxLifetime: time.Duration(in.Pool.MaxLifetime.value), MaxRequests: int(in.Pool.MaxRequests.value),
		HeaderMax: int(in.HeaderMax),
		H2: edge.H2{
			Streams:   int(in.H2.Streams.value),
			PingAfter: time.Duration(in.H2.PingAfter), PingTimeout: time.Duration(in.H2.PingTimeout),
		},
	}
	if out.Protocol == edge.HTTP1 {
		out.Protocol = "" // the default, so that writing it out is no other configuration
	}
	if t := in.TLS.value; in.TLS.set {
		out.TLS = &edge.TLS{CA: t.CA, Name: t.ServerName, Cert: t.Cert, Key: t.Key.File, Min: t.Min, Insecure: t.Insecure}
	}
	return lowered{out}
}

// checkUpstream reports settings that contradict each other.
func (l *loader) checkUpstream(n *node, in *upstreamForm, endpoints []core.EndpointSpec) {
	up := n.value("upstream")
	if up == nil || up.kind != mapping {
		return
	}
	at := func(path ...string) place {
		found, where := up, up.at
		for _, name := range path {
			if e := found.get(name); e != nil {
				found, where = e.value, e.at
			}
		}
		return where
	}
	l.checkProtocol(at("protocol"), in.Protocol, endpoints)
	if in.ProxyProtocol.value != "" && in.Protocol != "" && in.Protocol != "http1" {
		l.fail(at("proxy_protocol"), "proxy_protocol is said once for each connection, and over "+in.Protocol+" clients share one", "write protocol: http1, or remove proxy_protocol")
	}
	if in.ProxyProtocol.value != "" && in.Pool.Warm.value > 0 {
		l.fail(at("pool", "warm"), "with proxy_protocol each connection belongs to one client, so none can be opened before", "remove warm")
	}
	if in.Pool.MaxOpen.set && in.Pool.Warm.value > in.Pool.MaxOpen.value {
		l.fail(at("pool", "warm"), "warm is more than max_open", "write at most "+strconv.Itoa(int(in.Pool.MaxOpen.value)))
	}
	l.checkTLS(at, &in.TLS.value)
}

func (l *loader) checkProtocol(at place, protocol string, endpoints []core.EndpointSpec) {
	for _, e := range endpoints {
		u, err := url.Parse(e.URL)
		switch {
		case err != nil:
		case protocol == "h2" && u.Scheme == "http":
			l.fail(at, "h2 is over TLS, and endpoint "+e.Name+" is "+e.URL, "write h2c, or an https URL")
		case protocol == "h2c" && u.Scheme == "https":
			l.fail(at, "h2c is without TLS, and endpoint "+e.Name+" is "+e.URL, "write h2, or an http URL")
		}
	}
}

func (l *loader) checkTLS(at func(...string) place, t *endTLSForm) {
	switch {
	case t.Cert != "" && t.Key.File == "":
		l.fail(at("tls", "cert"), "there is a client certificate without its key", "add key: {file: NAME}")
	case t.Cert == "" && t.Key.File != "":
		l.fail(at("tls", "key"), "there is a key without its client certificate", "add cert: NAME")
	}
	if t.Insecure && (t.CA != "" || t.ServerName != "") {
		l.fail(at("tls", "insecure"), "insecure takes any certificate, so ca and server_name would check nothing", "remove insecure, or the others")
	}
}

// healthKinds are the ways in which an active check can ask.
func healthKinds() []string { return []string{"get", "tcp", "tls", "grpc"} }

// overlay is merged, but for how an active check asks: who writes one way means
// it in place of the one inherited.
func overlay(under, over *node) *node {
	for _, kind := range healthKinds() {
		if h := under.value("health"); over.value("health").get(kind) != nil && h != nil && h.kind == mapping {
			bare := h.without(append(healthKinds(), "status")...)
			out := under.without("health")
			out.entries = append(out.entries, entry{"health", under.get("health").at, bare})
			under = out
			break
		}
	}
	return merged(under, over)
}

// healthKind says how an active check asks, nil for the usual way.
func (l *loader) healthKind(n *node, h *health) *edge.Health {
	var out edge.Health
	kinds := 0
	for i, on := range []bool{h.Get != "", h.TCP, h.TLS, h.GRPC != nil} {
		if on {
			kinds++
			out.Kind = healthKinds()[i]
		}
	}
	at := n.value("health")
	if kinds > 1 {
		l.fail(at.at, "a health check has one of get, tcp, tls and grpc", "keep one")
	}
	if len(h.Status) > 0 && out.Kind != "get" && out.Kind != "" {
		l.fail(at.get("status").at, "status is about get, and this health check is "+out.Kind, "remove it")
	}
	if h.GRPC != nil {
		out.Service = *h.GRPC
	}
	for _, s := range h.Status {
		out.Status = append(out.Status, edge.Status(s))
	}
	if out.Kind == "get" {
		out.Kind = "" // the usual one
	}
	if out.Kind == "" && len(out.Status) == 0 {
		return nil
	}
	return &out
}

// discoveryForm is endpoints that are found by name.
type discoveryForm struct {
	DNS    string `yaml:"dns"`
	Scheme string `yaml:"scheme" oneof:"http https"`
	Server string `yaml:"server"`
}

// Discovery is a placement whose endpoints are found by DNS.
type Discovery struct {
	Placement string
	Service   string // name of SRV records, such as _https._tcp.cell-12.internal; "" for host and port
	Host      string // name of A and AAAA records; "" for SRV
	Port      int    // of Host
	Scheme    string // http or https
	Server    string // host:port of the name server to ask; "" means the system's
	at        place
}

// Warning is a problem at the place where the name is written.
func (d *Discovery) Warning(what, hint string) *Problem { return d.at.problem(what, hint) }

// String returns the name as it is written.
func (d *Discovery) String() string {
	if d.Service != "" {
		return "srv:" + d.Service
	}
	return net.JoinHostPort(d.Host, strconv.Itoa(d.Port))
}

// Unresolved is the endpoint of a placement for whose name there has never been
// an answer: the name itself. A request that is sent there fails as dns, as long
// as the system does not know the name either.
func (d *Discovery) Unresolved() core.EndpointSpec {
	host := d.Service
	if host == "" {
		host = net.JoinHostPort(d.Host, strconv.Itoa(d.Port))
	}
	return core.EndpointSpec{Name: "dns", URL: d.Scheme + "://" + host}
}

// lower adds what the name of an endpoint says once its address is used
// instead: whom a request and a certificate are for.
func (d *Discovery) lower(up *lowered) {
	if d.Service != "" {
		return // a target is a name already
	}
	if up.Host == "" {
		up.Host = d.Unresolved().URL[len(d.Scheme+"://"):]
	}
	if d.Scheme == "https" && (up.TLS == nil || up.TLS.Name == "" && !up.TLS.Insecure) {
		t := edge.TLS{}
		if up.TLS != nil {
			t = *up.TLS
		}
		t.Name = d.Host
		up.TLS = &t
	}
}

func (f *File) discovers(placement string) *Discovery {
	for i := range f.Discover {
		if f.Discover[i].Placement == placement {
			return &f.Discover[i]
		}
	}
	return nil
}

// discovered reads endpoints: {dns: ...}; ok is false for endpoints by name.
func (l *loader) discovered(placement string, n *node) (out []core.EndpointSpec, ok bool) {
	if v := n.value("dns"); v == nil || v.kind != scalar {
		return nil, false
	}
	in := decodeAs[discoveryForm](&l.decoder, n)
	at := n.value("dns").at
	d := Discovery{Placement: placement, Scheme: in.Scheme, Server: in.Server, at: at}
	if in.Server != "" {
		if _, port, err := net.SplitHostPort(in.Server); err != nil || !isPort(port) {
			l.fail(n.value("server").at, strconv.Quote(in.Server)+" is not the address of a name server", `write "host:port", such as "10.0.0.53:53"`)
		}
	}
	service, isSRV := strings.CutPrefix(in.DNS, "srv:")
	host, port, err := net.SplitHostPort(in.DNS)
	switch {
	case isSRV && strings.Contains(service, ":"):
		l.fail(at, fmt.Sprintf("%q has a port, and SRV records say the port themselves", in.DNS), "write "+strconv.Quote("srv:"+service[:strings.IndexByte(service, ':')]))
	case isSRV && strings.Count(service, ".") >= 2 && service[0] == '_':
		d.Service = strings.TrimSuffix(service, ".")
		if d.Scheme == "" {
			d.Scheme = "http"
			if strings.HasPrefix(service, "_https.") {
				d.Scheme = "https"
			}
		}
	case isSRV:
		l.fail(at, fmt.Sprintf("%q does not name SRV records", in.DNS), `write "srv:_https._tcp.NAME"`)
	case err != nil || host == "" || !isPort(port):
		l.fail(at, fmt.Sprintf("%q is not a name with a port", in.DNS), `write "name:port", or "srv:_https._tcp.NAME" for SRV records`)
	case net.ParseIP(host) != nil:
		l.fail(at, fmt.Sprintf("%q is an address, which DNS is not asked for", in.DNS), "write it as an endpoint: {a: {url: "+strconv.Quote("http://"+in.DNS)+"}}")
	default:
		d.Host = strings.TrimSuffix(host, ".")
		d.Port, _ = strconv.Atoi(port)
		if d.Scheme == "" {
			d.Scheme = "http"
			if d.Port == 443 || d.Port == 8443 {
				d.Scheme = "https"
			}
		}
	}
	l.file.Discover = append(l.file.Discover, d)
	return []core.EndpointSpec{d.Unresolved()}, true
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// CompileWith is Compile with the endpoints that were found for the placements
// of f.Discover, by placement. A placement without an entry keeps its
// Unresolved one. The same endpoints make the same configuration, label included.
func (f *File) CompileWith(found map[string][]core.EndpointSpec) (*core.Config, error) {
	if len(f.Discover) == 0 || len(found) == 0 {
		return f.Compile()
	}
	with := *f
	with.Spec.Placements = append([]core.PlacementSpec(nil), f.Spec.Placements...)
	for i := range with.Spec.Placements {
		if e := found[with.Spec.Placements[i].Name]; len(e) > 0 {
			with.Spec.Placements[i].Endpoints = e
		}
	}
	if f.Form == Native && f.labelled {
		with.Spec.Version = "" // or the label would not tell of the endpoints
		with.Spec.Version = label(&with.Spec)
	}
	return with.Compile()
}

// effectiveUpstream lists the settings of connections.
func effectiveUpstream(u *edge.Upstream, add func(path, value string)) {
	protocol, proxy := string(u.Protocol), u.ProxyProtocol
	if protocol == "" {
		protocol = "http1"
	}
	if proxy == "" {
		proxy = "none"
	}
	add("upstream.protocol", protocol)
	if u.Host != "" {
		add("upstream.host", u.Host)
	}
	add("upstream.proxy_protocol", proxy)
	add("upstream.pool.max_open", intOrNone(u.MaxOpen))
	add("upstream.pool.warm", intOrNone(u.Warm))
	lifetime := "none"
	if u.MaxLifetime > 0 {
		lifetime = u.MaxLifetime.String()
	}
	add("upstream.pool.max_lifetime", lifetime)
	add("upstream.pool.max_requests", intOrNone(u.MaxRequests))
	header := int64(edge.HeaderMax)
	if u.HeaderMax > 0 {
		header = int64(u.HeaderMax)
	}
	add("upstream.header_max", sizeText(header))
	if u.Protocol != "" {
		effectiveH2(&u.H2, add)
	}
	if u.TLS != nil {
		effectiveTLS(u.TLS, add)
	}
}

func effectiveH2(h *edge.H2, add func(path, value string)) {
	after, timeout := h.PingAfter, h.PingTimeout
	if after == 0 {
		after = edge.PingAfter
	}
	if timeout == 0 {
		timeout = edge.PingTimeout
	}
	add("upstream.h2.streams", intOrNone(h.Streams))
	add("upstream.h2.ping_after", after.String())
	add("upstream.h2.ping_timeout", timeout.String())
}

func effectiveTLS(t *edge.TLS, add func(path, value string)) {
	for _, v := range [...][2]string{{"ca", t.CA}, {"server_name", t.Name}, {"cert", t.Cert}, {"key.file", t.Key}} {
		if v[1] != "" {
			add("upstream.tls."+v[0], v[1])
		}
	}
	least := t.Min
	if least == "" {
		least = "1.2"
	}
	add("upstream.tls.min", least)
	add("upstream.tls.insecure", strconv.FormatBool(t.Insecure))
}

// effectiveHealthKind lists how an active check asks.
func effectiveHealthKind(h *edge.Health, path string, add func(path, value string)) {
	switch h.Kind {
	case "tcp", "tls":
		add("health."+h.Kind, "true")
	case "grpc":
		add("health.grpc", h.Service)
	default:
		add("health.get", path)
		for i, s := range h.Status {
			text := strconv.Itoa(s.From)
			if s.To != s.From {
				text += ".." + strconv.Itoa(s.To)
			}
			add("health.status["+strconv.Itoa(i)+"]", text)
		}
	}
}

func intOrNone(n int) string {
	if n == 0 {
		return "none"
	}
	return strconv.Itoa(n)
}
