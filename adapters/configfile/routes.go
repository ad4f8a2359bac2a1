package configfile

import (
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	edgeset "lockstep/adapters/settings"
	"lockstep/core"
)

// Routes as they are written, and what they mean for core and for the edge.

// routing is what holds for all routes.
type routing struct {
	NoRoute   noRoute     `yaml:"no_route"`
	KeyMax    maybe[size] `yaml:"key_max" check:"positive"`
	RequestID string      `yaml:"request_id" oneof:"any trusted"`
}

type noRoute struct {
	Reject uint16 `yaml:"reject" check:"positive"`
}

type route struct {
	Name       string      `yaml:"name"`
	Match      routeMatch  `yaml:"match"`
	Key        []keySource `yaml:"key"`
	SplitBy    splitBy     `yaml:"split_by"`
	Table      string      `yaml:"table"`
	UnknownKey unknownKey  `yaml:"unknown_key"`
	ClientCert string      `yaml:"client_cert" oneof:"required optional"`
}

type routeMatch struct {
	Host   words `yaml:"host"`
	Path   words `yaml:"path"`
	Listen words `yaml:"listen"`
}

// words is one word or several.
type words []string

func (w *words) decodeNode(d *decoder, n *node) {
	if n.kind == scalar {
		*w = words{n.text}
		return
	}
	d.list(n, reflect.ValueOf((*[]string)(w)).Elem())
	if n.kind == sequence && len(n.items) == 0 {
		d.fail(n.at, "this list is empty", "name one, or remove it to take any")
	}
}

// keySource is one place of a key; it has exactly one of the first eight.
type keySource struct {
	Header        string        `yaml:"header"`
	HostLabel     int           `yaml:"host_label"`
	Host          string        `yaml:"host"`
	PathSegment   int           `yaml:"path_segment"`
	Query         string        `yaml:"query"`
	Cookie        string        `yaml:"cookie"`
	ClientCertSAN san           `yaml:"client_cert_san"`
	JWTClaim      string        `yaml:"jwt_claim"`
	After         string        `yaml:"after"` // of path_segment
	Many          string        `yaml:"many" oneof:"refuse first"`
	JWKS          jwks          `yaml:"jwks"` // this and those below are of jwt_claim
	Issuer        string        `yaml:"issuer"`
	Audience      string        `yaml:"audience"`
	Leeway        core.Duration `yaml:"leeway"`
	Token         tokenIn       `yaml:"token"`
	Invalid       string        `yaml:"invalid" oneof:"refuse next"`
}

type jwks struct {
	File string `yaml:"file"`
}

type tokenIn struct {
	Header string `yaml:"header"`
	Cookie string `yaml:"cookie"`
}

// splitBy is who is kept on one side of a split.
type splitBy struct {
	Header string `yaml:"header"`
	Query  string `yaml:"query"`
	Cookie string `yaml:"cookie"`
}

// san is a pattern, whose form says which kind of name is meant, or one kind by name.
type san struct {
	URI   string `yaml:"uri"`
	DNS   string `yaml:"dns"`
	Email string `yaml:"email"`
}

// sanOf is san as it is written in full.
type sanOf san

func (s *san) decodeNode(d *decoder, n *node) {
	if n.kind != scalar {
		*s = san(decodeAs[sanOf](d, n))
		return
	}
	switch {
	case strings.Contains(n.text, "://"):
		s.URI = n.text
	case strings.Contains(n.text, "@"):
		s.Email = n.text
	default:
		s.DNS = n.text
	}
}

// defaultLeeway is by how much clocks may differ where leeway is not written.
const defaultLeeway = 30 * time.Second

// routes lowers the routes: table, default and status to core, the rest to the
// text for the edge, unless it is only what the baseline does.
func (l *loader) routes(in nativeFile, root *node) {
	at, spec := root.value("routes"), &l.file.Spec
	out := edgeset.Routing{KeyMax: int(in.Routing.KeyMax.value), TrustedID: in.Routing.RequestID == "trusted"}
	spec.NoRouteStatus = in.Routing.NoRoute.Reject
	own := out.KeyMax > 0 || out.TrustedID || len(in.Routes) > 1 || spec.NoRouteStatus != 0
	if at != nil && at.kind == sequence && len(at.items) == 0 {
		l.fail(at.at, "there is no route", "remove the list for the one that takes everything, or write one")
	}
	for i := range in.Routes {
		r, n := &in.Routes[i], at.items[i]
		if r.UnknownKey.To != "" && r.UnknownKey.Reject != 0 {
			l.fail(n.get("unknown_key").at, "unknown_key has both to and reject", "keep one of the two")
		}
		c := core.RouteSpec{Table: r.Table, Default: r.UnknownKey.To, UnknownStatus: r.UnknownKey.Reject}
		if c.Table == theKeys {
			c.Table = ""
		}
		l.knownTable(c.Table, n.value("table"))
		if i == 0 {
			spec.Table, spec.Default, spec.UnknownStatus = c.Table, c.Default, c.UnknownStatus
		} else {
			spec.Routes = append(spec.Routes, c)
		}
		out.Routes = append(out.Routes, l.route(r, n, root.value("listen")))
		own = own || !plainRoute(r)
	}
	if !own {
		return
	}
	if len(out.Routes) == 0 {
		out.Routes = []edgeset.Route{l.route(&route{}, &node{at: root.at}, nil)}
	}
	l.names(out.Routes, at)
	spec.Edge = edgeset.Whole{Routing: &out}.Text()
}

// plainRoute reports whether a route does only what the baseline does: every
// request, by X-Routing-Key.
func plainRoute(r *route) bool {
	m := &r.Match
	if len(r.Key) > 0 {
		first := r.Key[0]
		first.Header = http.CanonicalHeaderKey(first.Header)
		if len(r.Key) > 1 || first != (keySource{Header: headerKey}) {
			return false
		}
	}
	return r.Name == "" && r.ClientCert != "required" && len(m.Host)+len(m.Path)+len(m.Listen) == 0 && r.SplitBy == (splitBy{})
}

// headerKey is where the key is by default.
const headerKey = "X-Routing-Key"

func (l *loader) knownTable(name string, n *node) {
	if name == "" || slices.ContainsFunc(l.tables, func(t *keyList) bool { return t.name == name }) {
		return
	}
	names := []string{theKeys}
	for _, t := range l.tables {
		names = append(names, t.name)
	}
	hint := "define it under tables, or include it: {table: " + name + ", csv: tenants/*.csv}"
	if best := core.Nearest(name, names); best != "" {
		hint = "did you mean " + strconv.Quote(best) + "?"
	}
	l.fail(n.at, "there is no table named "+strconv.Quote(name), hint)
}

func (l *loader) route(r *route, n, listen *node) edgeset.Route {
	out := edgeset.Route{Name: r.Name, Listeners: r.Match.Listen, ClientCert: r.ClientCert == "required"}
	match := n.value("match")
	each(match.value("host"), r.Match.Host, func(h string, at place) {
		h = strings.ToLower(h)
		if fault := hostFault(h); fault != "" {
			l.fail(at, strconv.Quote(h)+" "+fault, `write a name such as api.example.com, or "*.example.com" for all below it`)
		}
		out.Hosts = append(out.Hosts, strings.Trim(h, "[]"))
	})
	each(match.value("path"), r.Match.Path, func(p string, at place) {
		if fault := pathFault(p); fault != "" {
			l.fail(at, strconv.Quote(p)+" "+fault, "write whole segments, plain, such as /v1: it takes /v1 and /v1/x")
		}
		out.Paths = append(out.Paths, p)
	})
	each(match.value("listen"), r.Match.Listen, func(name string, at place) {
		if listen != nil && listen.get(name) == nil {
			l.fail(at, "there is no listener named "+strconv.Quote(name), "name one that is under listen")
		}
	})
	if len(r.Key) == 0 {
		if k := n.get("key"); k != nil && k.value.kind == sequence {
			l.fail(k.at, "this route has no key source", "name one, or remove the list for "+headerKey)
		}
		out.Sources = []edgeset.Source{{Header: headerKey}}
	}
	for i := range r.Key {
		out.Sources = append(out.Sources, l.source(&r.Key[i], n.value("key").items[i]))
	}
	if s := r.SplitBy; s != (splitBy{}) {
		by := l.source(&keySource{Header: s.Header, Query: s.Query, Cookie: s.Cookie}, n.value("split_by"))
		out.SplitBy = &by
	} else if by := n.get("split_by"); by != nil {
		l.fail(by.at, "this says not by whom", "write {cookie: uid}, {header: X-User} or {query: user}")
	}
	return out
}

// each calls visit for each word and its place.
func each(n *node, ws words, visit func(word string, at place)) {
	for i, w := range ws {
		at := n.at
		if n.kind == sequence {
			at = n.items[i].at
		}
		visit(w, at)
	}
}

func hostFault(h string) string {
	name := strings.TrimPrefix(h, "*.")
	switch {
	case name == "" || len(h) > 255:
		return "is no host name"
	case strings.Contains(name, "*"):
		return "has a * that is not the first label"
	case strings.HasSuffix(h, "."):
		return "ends with a dot"
	}
	if _, err := netip.ParseAddr(strings.Trim(h, "[]")); err == nil {
		return ""
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return "is no host name: leave the port out"
		}
	}
	return ""
}

func pathFault(p string) string {
	switch {
	case !strings.HasPrefix(p, "/"):
		return "does not begin with /"
	case strings.ContainsAny(p, "%?#*\\ "):
		return "has a character that no plain path has"
	case strings.Contains(p+"/", "/./") || strings.Contains(p+"/", "/../") || strings.Contains(p, "//"):
		return "has an empty segment, or a . or .."
	}
	return ""
}

// source lowers one key source; n is where it is written.
func (l *loader) source(k *keySource, n *node) edgeset.Source {
	var set []string
	for _, f := range []struct {
		name string
		is   bool
	}{
		{"header", k.Header != ""},
		{"host_label", k.HostLabel != 0},
		{"host", k.Host != ""},
		{"path_segment", k.PathSegment != 0},
		{"query", k.Query != ""},
		{"cookie", k.Cookie != ""},
		{"client_cert_san", k.ClientCertSAN != san{}},
		{"jwt_claim", k.JWTClaim != ""},
	} {
		if f.is {
			set = append(set, f.name)
		}
	}
	if len(set) != 1 {
		what := "this key source names no place"
		if len(set) > 1 {
			what = "this key source names several places: " + strings.Join(set, ", ")
		}
		l.fail(n.at, what, "write one of header, host_label, host, path_segment, query, cookie, client_cert_san, jwt_claim in each; the list is their order")
		return edgeset.Source{Header: headerKey}
	}
	out := edgeset.Source{
		Header: http.CanonicalHeaderKey(k.Header), Label: k.HostLabel, Host: strings.ToLower(k.Host), Segment: k.PathSegment, After: k.After,
		Query: k.Query, Cookie: k.Cookie, First: k.Many == "first",
	}
	l.sourceFaults(k, set[0], n)
	switch set[0] {
	case "client_cert_san":
		out.SAN = l.san(k.ClientCertSAN, n)
	case "jwt_claim":
		out.JWT = l.jwt(k, n)
	}
	return out
}

// sourceFaults reports settings that do not belong to the place, and places that cannot be.
func (l *loader) sourceFaults(k *keySource, place string, n *node) {
	belong := map[string][]string{
		"path_segment": {"after"},
		"jwt_claim":    {"jwks", "issuer", "audience", "leeway", "token", "invalid"},
		"header":       {"many"}, "query": {"many"}, "cookie": {"many"}, "client_cert_san": {"many"},
	}[place]
	for _, e := range n.entries {
		if e.key != place && !slices.Contains(belong, e.key) {
			l.fail(e.at, strconv.Quote(e.key)+" is no setting of "+place, "remove it")
		}
	}
	switch {
	case k.Header != "" && !isToken(k.Header):
		l.fail(n.value("header").at, strconv.Quote(k.Header)+" is no name of a header", "use letters, digits and -")
	case k.Cookie != "" && !isToken(k.Cookie):
		l.fail(n.value("cookie").at, strconv.Quote(k.Cookie)+" is no name of a cookie", "use letters, digits, - and _")
	case k.Host != "" && (strings.Count(k.Host, "*") != 1 || hostFault(strings.ToLower(strings.Replace(k.Host, "*", "x", 1))) != ""):
		l.fail(n.value("host").at, strconv.Quote(k.Host)+" needs one *, which stands for the key, in a host name", `write "*.tenants.example.com"`)
	case k.PathSegment < 0:
		l.fail(n.value("path_segment").at, "path_segment counts from 1", "write 1 for the first segment")
	case k.After != "" && pathFault(k.After) != "":
		l.fail(n.value("after").at, strconv.Quote(k.After)+" "+pathFault(k.After), "write whole segments, plain, such as /tenants")
	}
}

// isToken reports whether s is a token of RFC 9110, 5.6.2, as names of headers and cookies are.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return true
}

func (l *loader) san(s san, n *node) *edgeset.SAN {
	at := n.value("client_cert_san").at
	var kinds []edgeset.SAN
	for _, k := range []edgeset.SAN{{Kind: edgeset.SANURI, Pattern: s.URI}, {Kind: edgeset.SANDNS, Pattern: strings.ToLower(s.DNS)}, {Kind: edgeset.SANEmail, Pattern: s.Email}} {
		if k.Pattern != "" {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) != 1 || strings.Count(kinds[0].Pattern, "*") != 1 {
		l.fail(at, "this is not one pattern with one *, which stands for the key", `write "spiffe://example/tenant/*", or {dns: "*.clients.example.com"}`)
		return nil
	}
	return &kinds[0]
}

func (l *loader) jwt(k *keySource, n *node) *edgeset.JWT {
	at := n.get("jwt_claim").at
	if k.JWKS.File == "" {
		l.fail(at, "jwt_claim needs the keys that verify its tokens", "write jwks: {file: /etc/lockstep/jwks.json}")
	}
	if k.Token.Header != "" && k.Token.Cookie != "" {
		l.fail(n.get("token").at, "the token is in a header or in a cookie, not in both", "keep one of the two")
	}
	leeway := defaultLeeway
	if n.get("leeway") != nil {
		leeway = time.Duration(k.Leeway)
	}
	if leeway > 10*time.Minute {
		l.fail(n.value("leeway").at, fmt.Sprintf("a leeway of %s lets tokens live too long", leeway), "write at most 10m; 30s is the default")
	}
	return &edgeset.JWT{
		Claim: k.JWTClaim, JWKS: k.JWKS.File, Issuer: k.Issuer, Audience: k.Audience, Leeway: leeway,
		Header: http.CanonicalHeaderKey(k.Token.Header), Cookie: k.Token.Cookie, Next: k.Invalid == "next",
	}
}

// names gives every route a name: what it takes, where none is written.
func (l *loader) names(routes []edgeset.Route, at *node) {
	seen := map[string]bool{}
	for i := range routes {
		r := &routes[i]
		if r.Name != "" && seen[r.Name] {
			l.fail(at.items[i].value("name").at, "two routes are named "+strconv.Quote(r.Name), "give one of them another name")
		}
		if r.Name == "" {
			r.Name = takes(r)
			if seen[r.Name] {
				r.Name += " (" + strconv.Itoa(i+1) + ")"
			}
		}
		seen[r.Name] = true
	}
}

// takes says what a route takes: api.example.com/v1.
func takes(r *edgeset.Route) string {
	name := strings.Join(r.Hosts, "|") + strings.Join(r.Paths, "|")
	if name == "" {
		name = "any"
	}
	if len(r.Listeners) > 0 {
		name += " on " + strings.Join(r.Listeners, "|")
	}
	return name
}
