package configimport

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// envoy translates one Envoy configuration.
type envoy struct {
	plan     plan
	root     *evNode
	clusters map[string]*evCluster
	order    []*evCluster
	several  bool // listeners
}

// evCluster is a cluster and what routes want of it.
type evCluster struct {
	node    *evNode
	name    string
	timeout []evWish // of routes
	retries []*evNode
	hash    key
	hashAt  *evNode
	ends    map[int][]evEnd
	budget  *evNode // thresholds, for the budget of retries
}

// evWish is a time that a route asks for.
type evWish struct {
	d    time.Duration
	node *evNode // nil: Envoy's default
}

// Envoy translates one Envoy configuration, a bootstrap with static_resources in
// YAML or JSON. The error wraps ErrForeign when it has none, and names the line
// when the file is neither YAML nor JSON.
func Envoy(in Input, _ Options) (*Result, error) {
	root, err := readEnvoy(in)
	if err != nil {
		return nil, err
	}
	static := root.get("static_resources")
	if static == nil && root.get("dynamic_resources") == nil {
		return nil, fmt.Errorf("%s: %w: it has no static_resources", in.Name, ErrForeign)
	}
	e := &envoy{root: root, clusters: map[string]*evCluster{}}
	root.ask()
	report := &Report{Format: "envoy"}
	_, byNumber, list := linesOf(in)
	report.Lines = list
	e.translate(static)
	root.lines(byNumber)
	report.Everywhere = evEverywhere()
	report.settle()
	if len(e.plan.placements) == 0 {
		return nil, &Empty{report}
	}
	return &Result{e.plan.yaml("From Envoy: " + in.Name + "\n" + report.Total()), report, nil}, nil
}

func evEverywhere() []string {
	return []string{
		"A Host is compared without its port and in lower case; a path with . or .. in it, or an encoded slash, is refused (400) where routes read paths.",
		"A request needs a routing key. Routes that read none use the first label of the host, or the first segment of the path: a request whose Host is an address, or that has none, is refused (400, no_key).",
		"Limits are those of one router, as Envoy's are, counted exactly; a body that may be sent again is kept up to 64 KiB (retries.body_max), where Envoy keeps 1 MiB.",
		"The service gets the key as X-Routing-Key, and X-Forwarded-For, -Proto and X-Request-Id always; X-Forwarded-* of clients that trust_headers_from does not name are taken away.",
	}
}

func (e *envoy) translate(static *evNode) {
	if a := e.root.get("admin", "address", "socket_address"); a != nil {
		if host, port, ok := socketAddress(a); ok {
			e.plan.admin, e.plan.adminFrom = hostPort(host, port), a.from()
			e.root.get("admin").differs("metrics, health and state are at other paths here", "see adapters/admin")
		}
	}
	for _, c := range static.list("clusters") {
		e.cluster(c)
	}
	listeners := static.list("listeners")
	e.several = len(listeners) > 1
	var fronts []*evFront
	for _, l := range listeners {
		if f := e.listener(l); f != nil {
			fronts = append(fronts, f)
		}
	}
	for _, f := range fronts { // what routes want of clusters, before clusters are written
		e.routes(f)
	}
	for _, c := range e.order {
		e.writeCluster(c)
	}
	for _, f := range fronts {
		e.writeRoutes(f)
	}
}

// socketAddress reads a socket_address.
func socketAddress(a *evNode) (host, port string, ok bool) {
	host, port = a.str("address"), a.str("port_value")
	if p := a.str("protocol"); p != "" && p != "TCP" {
		a.not("the protocol "+p+" is not listened to", "")
		return "", "", false
	}
	h, p, fault := hapAddress(hostPort(host, port))
	if fault != "" {
		a.not("this address is of no use here: "+fault, "")
		return "", "", false
	}
	return h, p, true
}

// evFront is one listener with its route configuration.
type evFront struct {
	name   string
	config *evNode // route_config
	rules  []rule
}

// listener writes a listener; nil when it has no HTTP or no address.
func (e *envoy) listener(l *evNode) *evFront {
	name := l.str("name")
	if name == "" || name == "admin" { // admin is the name of the listener for operators
		name = strings.TrimPrefix(name+"-listener", "-")
	}
	free := name
	for i := 2; e.plan.listeners.get(free) != nil; i++ {
		free = name + "-" + strconv.Itoa(i)
	}
	address := l.get("address", "socket_address")
	if address == nil {
		l.refuse("it has no socket_address", "")
		return nil
	}
	host, port, ok := socketAddress(address)
	if !ok {
		return nil
	}
	if host == "0.0.0.0" || host == "::" {
		host = ""
	}
	if e.plan.listens(hostPort(host, port)) {
		l.refuse("another listener has this address", "")
		return nil
	}
	t := &tree{}
	t.set("address", quoted(hostPort(host, port)), address.from())
	var manager *evNode
	chains := l.list("filter_chains")
	if d := l.get("default_filter_chain"); d != nil && len(chains) == 0 {
		chains = []*evNode{d}
	} else if d != nil {
		d.refuse("a listener has one chain: the first with HTTP", "")
	}
	for _, c := range chains {
		m := e.chain(c, t, manager != nil)
		if manager == nil {
			manager = m
		}
	}
	if manager == nil {
		l.not("it has no http_connection_manager, and Lockstep routes HTTP", "")
		return nil
	}
	for _, f := range l.list("listener_filters") {
		e.listenerFilter(f, t)
	}
	config := e.manager(manager, t)
	if config == nil {
		manager.not("its routes are not in the file (route_config), so nothing listens here", "")
		return nil
	}
	e.plan.listeners.setWhole(free, t)
	return &evFront{name: free, config: config}
}

// chain reads a filter chain and returns its connection manager, nil for none.
func (e *envoy) chain(c *evNode, t *tree, have bool) (manager *evNode) {
	if have {
		c.refuse("a listener has one chain: the first with HTTP", "give each its own listener, or tell requests apart by host")
		return nil
	}
	c.str("name")
	for _, f := range c.list("filters") {
		f.str("name")
		typed := f.get("typed_config")
		if typed.kind() == "HttpConnectionManager" && manager == nil {
			manager = typed
			continue
		}
		f.refuse("this filter has no counterpart: only http_connection_manager is read", "")
	}
	if manager != nil {
		if s := c.get("transport_socket"); s != nil {
			e.downstreamTLS(s, t)
		}
	}
	return manager
}

func (e *envoy) listenerFilter(f *evNode, t *tree) {
	name := f.str("name")
	switch {
	case strings.HasSuffix(name, "tls_inspector") || strings.HasSuffix(name, "http_inspector"):
		f.known("typed_config/@type")
	case strings.HasSuffix(name, "proxy_protocol"):
		f.get("typed_config", "@type")
		t.set("proxy_protocol", `{from: ["0.0.0.0/0", "::/0"], required: true}`, f.from())
		f.differs("anybody is believed, as before", "name the balancers in proxy_protocol.from")
	default:
		f.refuse("this listener filter has no counterpart", "")
	}
}

// downstreamTLS writes a listener's tls.
func (e *envoy) downstreamTLS(s *evNode, t *tree) {
	s.str("name")
	c := s.get("typed_config")
	if c.kind() != "DownstreamTlsContext" {
		s.refuse("this transport socket has no counterpart", "")
		return
	}
	common := c.get("common_tls_context")
	var pairs []string
	for _, cert := range common.list("tls_certificates") {
		chain, private := cert.str("certificate_chain", "filename"), cert.str("private_key", "filename")
		if chain == "" || private == "" {
			cert.refuse("certificates and keys are files", "write both into files")
			continue
		}
		pairs = append(pairs, "{cert: "+quoted(chain)+", key: "+quoted(private)+"}")
	}
	if len(pairs) == 0 {
		s.not("it has no certificate in a file, so one is written that is not there: the listener does not start without", "write tls.certs")
		pairs = []string{"{cert: certs.pem, key: certs.pem}"}
	}
	t.set("tls/certs", "["+strings.Join(pairs, ", ")+"]", s.from())
	required := c.isTrue("require_client_certificate")
	if ca := common.get("validation_context", "trusted_ca", "filename"); ca != nil {
		t.set("tls/client_ca", quoted(ca.text), ca.from())
		word := "optional"
		if required {
			word = "required"
		}
		t.set("tls/client_cert", word, ca.from())
	}
	if v := common.get("tls_params", "tls_minimum_protocol_version"); v != nil {
		switch v.text {
		case "TLSv1_3":
			t.set("tls/min", `"1.3"`, v.from())
		case "TLSv1_2", "TLS_AUTO":
		default:
			v.differs("TLS is 1.2 or newer", "")
		}
	}
	if alpn := common.list("alpn_protocols"); len(alpn) > 0 && !slices.ContainsFunc(alpn, func(n *evNode) bool { return n.text == "h2" }) {
		t.set("http2", "none", alpn[0].from())
	}
}

// manager writes what the connection manager says of a listener and returns the route_config.
func (e *envoy) manager(m *evNode, t *tree) *evNode {
	m.str("@type")
	m.str("stat_prefix")
	m.str("generate_request_id")
	m.str("strip_any_host_port")
	m.str("strip_matching_host_port")
	if c := m.get("codec_type"); c != nil && c.text != "AUTO" {
		c.differs("a listener takes HTTP/1.1 and HTTP/2, whichever the client speaks", "")
	}
	if u := m.get("use_remote_address"); u != nil && u.text != "true" {
		u.differs("X-Forwarded-For of a client is not believed", "name the peers to believe: trust_headers_from of the listener")
	}
	for _, f := range m.list("http_filters") {
		if name := f.str("name"); name == "envoy.filters.http.router" || f.get("typed_config").kind() == "Router" {
			f.known("typed_config/@type")
		} else {
			f.refuse("the filter "+name+" has no counterpart", "do what it does before the router or in the service, from the first day on")
		}
	}
	set := func(path string, fields ...string) {
		if n := m.get(fields...); n != nil {
			if d, ok := n.seconds(); ok && d == 0 {
				n.differs("0 is no timeout in Envoy; the router's default is used", "")
			} else if d, ok := n.length(); ok {
				t.set(path, lengthOfTime(d), n.from())
			}
		}
	}
	set("timeouts/header", "request_headers_timeout")
	set("timeouts/body", "request_timeout")
	set("timeouts/idle", "common_http_protocol_options", "idle_timeout")
	set("http1/body_idle", "stream_idle_timeout")
	set("http2/ping_every", "http2_protocol_options", "connection_keepalive", "interval")
	set("http2/ping_timeout", "http2_protocol_options", "connection_keepalive", "timeout")
	count := func(path string, fields ...string) {
		if n, ok := m.get(fields...).number(1<<31 - 1); ok && n > 0 {
			t.set(path, strconv.Itoa(n), m.get(fields...).from())
		}
	}
	count("http2/max_streams", "http2_protocol_options", "max_concurrent_streams")
	count("http1/headers_max", "common_http_protocol_options", "max_headers_count")
	count("http1/requests_max", "common_http_protocol_options", "max_requests_per_connection")
	if n, ok := m.get("max_request_headers_kb").number(8192); ok && n > 0 {
		t.set("header_max", strconv.Itoa(n)+"KiB", m.get("max_request_headers_kb").from())
	}
	if n := m.get("stream_idle_timeout"); n != nil {
		n.differs("of bodies of requests over HTTP/1.1 alone; answers: timeouts.body_idle of the placement", "")
	}
	return m.get("route_config")
}
