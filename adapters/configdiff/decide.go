package configdiff

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"lockstep/adapters/configfile"
	"lockstep/adapters/routing"
	"lockstep/core"
)

// Outcome is how a golden request is decided.
type Outcome struct {
	Route      string   `json:"route,omitempty"`
	Key        string   `json:"key,omitempty"`
	Source     string   `json:"key_source,omitempty"` // what gave the key
	Known      bool     `json:"known"`                // the table has the key
	Placement  string   `json:"placement,omitempty"`  // that serves; "" for a refusal, and where the parts of a split differ
	Candidates []string `json:"candidates,omitempty"` // of the home; nil where the parts of a split differ
	Split      string   `json:"split,omitempty"`      // the parts, of a key that is split
	Reason     string   `json:"reason,omitempty"`
	Failover   string   `json:"failover,omitempty"` // none where the home serves
	Refused    int      `json:"refused,omitempty"`
	Class      string   `json:"class,omitempty"` // of the refusal, in the words of R16
	// Fails: the placement that gets the request is down, and nothing takes it out.
	Fails bool `json:"fails,omitempty"`
	// At is the line that decides: of the key, of the fallback, or of what becomes of unknown keys.
	At *configfile.Position `json:"at,omitempty"`

	via     int
	home    int32 // as a table has it; none for a refusal before any home
	reached []reached
}

// reached is a placement that serves, and the candidates up to it; of a split
// one for each part.
type reached struct {
	placement string
	way       []string
}

// decider answers golden requests under one configuration.
type decider struct {
	side   Side
	routes []route
	find   *routing.Offline
	idle   *core.Config // the configuration as far as it decides one request alone
	down   string       // what is down in broken
	broken *core.Router // the last one made: one of a large configuration takes megabytes
	out    []core.Decision
}

func newDecider(s Side) (*decider, error) {
	d := &decider{side: s}
	var err error
	if d.routes, err = routesOf(s); err != nil {
		return nil, err
	}
	if d.find, err = routing.NewOffline(s.Config); err != nil {
		return nil, err
	}
	if d.idle, err = core.Compile(alone(s.File.Spec)); err != nil {
		return nil, err
	}
	return d, nil
}

// alone is what of a Spec decides one request while nothing else is in flight:
// without keys, which the configuration itself maps; without what a
// request that waits or comes again would need, and the growth of shares.
func alone(spec core.Spec) core.Spec {
	spec.Keys, spec.Splits, spec.Routes, spec.Edge, spec.Table = nil, nil, nil, "", ""
	spec.Tables, spec.Guards = nil, core.GuardSpec{}
	spec.Placements = slices.Clone(spec.Placements)
	for i := range spec.Placements {
		p := &spec.Placements[i]
		p.Retries, p.SlowStart, p.Limit.TenantShare, p.Edge = core.RetrySpec{}, 0, 0, ""
	}
	return spec
}

// decide answers one expectation. An error is one of the expectation: at names the field.
func (d *decider) decide(e *Expectation) (o Outcome, field string, err error) {
	o = Outcome{home: none}
	var refuse core.Class
	var split uint64
	if e.isRequest() {
		var found routing.Found
		req, peer, err := e.request()
		if err != nil {
			return o, "", err
		}
		if _, ok := d.side.File.EffectiveListener(e.Listener); !ok && e.Listener != "" {
			return o, ".listener", fmt.Errorf("%s has no listener named %q", d.side.Name, e.Listener)
		}
		d.find.Find(req, peer, e.Claims, &found)
		o.via, o.Key, o.Source, refuse = int(found.Via), found.Key, found.SourceName(), found.Refuse
		split = found.Split
		if refuse != core.NoRoute {
			o.Route = d.routes[o.via].name
		}
	} else {
		if o.via, err = d.routeNamed(e.Route); err != nil {
			return o, ".route", err
		}
		o.Key, o.Route = e.Key, d.routes[o.via].name
	}
	for i, name := range e.Down {
		if _, ok := d.side.Config.FindPlacement(name); !ok {
			return o, fmt.Sprintf(".down[%d]", i), fmt.Errorf("%s has no placement named %q", d.side.Name, name)
		}
	}
	d.answer(e, &o, refuse, split)
	return o, "", nil
}

func (d *decider) routeNamed(name string) (int, error) {
	if name == "" && len(d.routes) == 1 {
		return 0, nil
	}
	for i := range d.routes {
		if d.routes[i].name == name && name != "" {
			return i, nil
		}
	}
	if name == "" {
		return 0, fmt.Errorf("%s has %d routes, and this key does not say by which it came", d.side.Name, len(d.routes))
	}
	return 0, fmt.Errorf("%s has no route named %q", d.side.Name, name)
}

// answer fills in what becomes of a request whose route and key are known.
func (d *decider) answer(e *Expectation, o *Outcome, refuse core.Class, split uint64) {
	c := d.side.Config
	match, ok := c.MatchVia(uint16(o.via), o.Key, split)
	if refuse != core.ClassNone {
		match, ok = core.Route{Placement: -1, Refuse: refuse}, false
	}
	if !ok {
		o.refuse(match.Refuse, c)
		o.At = d.routeAt(o.via, "unknown_key.reject")
		return
	}
	o.home = match.Placement
	info := c.RouteInfo(o.via)
	if home, known := c.TableHome(info.Table, o.Key); known {
		o.Known, o.home = true, int32(home)
		table := tableOf(d.side, info.Table)
		o.At = table.place(o.Key)
	} else {
		o.At = d.routeAt(o.via, "unknown_key.to")
	}
	if o.home >= 0 || split != 0 {
		d.serve(e, o, match)
		if o.home < 0 {
			o.Split = c.HomeName(int(o.home))
		}
		return
	}
	// Drawn by the request id, which a golden request has not: what all parts agree on is certain.
	o.Split = c.HomeName(int(o.home))
	d.serveParts(e, o, match)
}

// serveParts answers for every part of a split, and keeps what they have in common.
func (d *decider) serveParts(e *Expectation, o *Outcome, match core.Route) {
	first := true
	for _, p := range d.side.Config.Split(int(^o.home)) {
		if p.Share == 0 {
			continue
		}
		match.Placement, match.Reason = int32(p.Placement), d.side.Config.Placement(p.Placement).Kind
		one := *o
		one.reached = nil
		d.serve(e, &one, match)
		if first {
			*o, first = one, false
			continue
		}
		o.Fails = o.Fails || one.Fails
		o.reached = append(o.reached, one.reached...)
		if o.Placement != one.Placement || o.Refused != one.Refused {
			o.Placement, o.Refused, o.Class = "", 0, ""
		}
		if !slices.Equal(o.Candidates, one.Candidates) {
			o.Candidates = nil
		}
		if o.Reason != one.Reason {
			o.Reason = ""
		}
		if o.Failover != one.Failover {
			o.Failover = ""
		}
	}
}

// serve puts a request that has a home to core.
func (d *decider) serve(e *Expectation, o *Outcome, match core.Route) {
	c := d.side.Config
	o.Candidates = chain(c, int(match.Placement))
	o.Reason = match.Reason.String()
	r := d.router(e.Down)
	// The indexes of placements are those of the whole configuration: only keys are left out.
	d.out = r.Step(r.Now(), &core.Event{Kind: core.Arrive, Epoch: r.Epoch(), Route: match, Length: 0}, d.out[:0])
	for i := range d.out {
		switch x := &d.out[i]; x.Kind {
		case core.Forward:
			view := r.Placement(x.Placement)
			o.Placement, o.Failover = view.Name, x.Failover.String()
			position := slices.Index(o.Candidates, o.Placement)
			o.reached = append(o.reached, reached{o.Placement, o.Candidates[:position+1]})
			o.Fails = slices.Contains(e.Down, o.Placement)
			if x.Failover == core.FailoverNone {
				o.Failover = "none"
			} else if position > 0 {
				o.At = place(d.side.File.FallbackAt(c, c.Placement(int(match.Placement)), position))
			}
			r.Step(r.Now(), &core.Event{Kind: core.Finish, Handle: x.Handle, Status: 200}, nil)
		case core.Reject:
			o.Refused, o.Class = int(x.Status), x.Class.String()
			if at := fallbackAt(d.side, match.Placement); at != nil {
				o.At = at // nobody of that list served
			}
		}
	}
}

func (o *Outcome) refuse(class core.Class, c *core.Config) {
	o.Refused, o.Class = int(class.Row().Status), class.String()
	switch class {
	case core.UnknownKey:
		o.Refused = int(c.RouteInfo(o.via).Status)
	case core.NoRoute:
		o.Refused = int(c.NoRouteStatus())
	}
}

func (d *decider) routeAt(via int, setting string) *configfile.Position {
	at, _ := d.side.File.Where(configfile.RoutePath(via, setting))
	return place(at)
}

// router is one in which every endpoint of those placements has failed for so
// long that breakers and health know it, as far as the configuration has any.
func (d *decider) router(down []string) *core.Router {
	key := strings.Join(sorted(down), "\n")
	if d.broken != nil && d.down == key {
		fresh := core.New(core.Options{})
		fresh.CopyFrom(d.broken)
		return fresh
	}
	r := core.New(core.Options{})
	b, failed := &breakage{router: r, config: d.idle}, map[int32]bool{}
	b.step(&core.Event{Kind: core.Adopt, Config: d.idle})
	for _, name := range down {
		if i, ok := d.idle.FindPlacement(name); ok {
			failed[int32(i)] = true
		}
	}
	b.run(failed)
	d.down, d.broken = key, r
	return d.router(down)
}

// request builds the request that e describes, and who sent it.
func (e *Expectation) request() (*http.Request, routing.Peer, error) {
	u, err := url.ParseRequestURI(e.path())
	if err != nil {
		return nil, routing.Peer{}, err
	}
	method := e.Method
	if method == "" {
		method = http.MethodGet
	}
	req := &http.Request{Method: method, URL: u, Host: e.Host, RequestURI: e.path(), Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	for name, value := range e.Headers {
		req.Header.Set(name, value)
	}
	peer := routing.Peer{Listener: e.Listener}
	if len(e.ClientCert) > 0 {
		peer.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{certificate(e.ClientCert)}}}
		peer.TLS.PeerCertificates = peer.TLS.VerifiedChains[0]
	}
	return req, peer, nil
}

// certificate is one that has these names, for a check: URIs, e-mail addresses, DNS names.
func certificate(names []string) *x509.Certificate {
	c := &x509.Certificate{}
	for _, name := range names {
		u, err := url.Parse(name)
		switch {
		case err == nil && u.Scheme != "" && strings.Contains(name, "://"):
			c.URIs = append(c.URIs, u)
		case strings.Contains(name, "@"):
			c.EmailAddresses = append(c.EmailAddresses, name)
		default:
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	return c
}
