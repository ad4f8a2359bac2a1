package httpproxy

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/routing"
	"lockstep/adapters/upstream"
	"lockstep/core"
)

// Options are what a RoundTripper or Handler is made with. The zero value is usable.
type Options struct {
	Dial upstream.DialFunc // opens connections to upstreams; nil means net.Dialer
	// TLS is what connections to https upstreams begin with; nil means the system's roots.
	TLS *tls.Config
	Log *AccessLog // one line a request, Handler only; nil means none
	// Config answers GET /debug/config, Handler only; nil means that the path is
	// routed like any other.
	Config func() ConfigInfo
	// Observer is told of every request and attempt; nil means nobody.
	Observer Observer
	// Routing finds the route and key of each request; nil means one with its own
	// defaults, which is never closed.
	Routing *routing.Router
	// StickyKey keys the hash in sticky cookies (R10). Routers behind one balancer
	// need the same; nil means an empty key: the hash can then be tried against
	// addresses that somebody guesses.
	StickyKey []byte
}

// RoundTripper is the router as an http.RoundTripper: the request's
// routing key says where it goes, its URL only gives path and query.
//
// Refusals and upstream failures are answers, as a client of the router would
// get them (400, 413, 421, 429, 502, 503, 504), not errors. An error means that
// the request's context ended. The body must be read to its end or closed, as
// with any RoundTripper: until then the attempt holds its slot.
type RoundTripper struct {
	router  Router
	routing *routing.Router
	pools   *upstream.Set
	live    *live
	sticky  stickiness

	observer Observer // nil for none
	detail   bool     // the log wants to know what only an observation tells
}

// NewRoundTripper returns a RoundTripper over a driver. Its Deliver must be
// registered with Driver.Handle, or drains and removed endpoints leave
// connections open.
func NewRoundTripper(r Router, o Options) *RoundTripper {
	if o.Routing == nil {
		o.Routing = routing.New(routing.Options{})
	}
	return &RoundTripper{
		router: r, routing: o.Routing, pools: upstream.New(upstream.Options{Dial: o.Dial, TLS: o.TLS}), live: newLive(),
		sticky:   stickiness{key: o.StickyKey},
		observer: o.Observer, detail: o.Log.detailed(),
	}
}

// Deliver carries out the decisions that concern connections; it is a sink of
// the driver and ignores all others.
func (t *RoundTripper) Deliver(d driver.Delivery) {
	switch d.Kind {
	case core.Abort:
		t.live.abort(d.Handle, d.Class)
	case core.CloseIdle:
		t.pools.Drop(upstream.Identity{Placement: d.PlacementName, URL: d.URL})
	case core.NoteAdopted:
		if d.Config != nil {
			t.pools.Adopted(d.Config)
		}
	}
}

// CloseIdleConnections closes connections to upstreams that carry no request.
func (t *RoundTripper) CloseIdleConnections() { t.pools.CloseIdle() }

// RoundTrip implements http.RoundTripper.
func (t *RoundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	id, begun := t.identify(r), time.Now()
	id.seen = t.sight(r, id.text, begun)
	a := arrival(r, id)
	adm := t.arrive(a, id)
	res, x := t.answer(r, nil, id, &adm, &a, begun)
	id.seen.ended(&adm, res.StatusCode, x.endedAs(&adm), time.Now())
	if x != nil && core.Class(x.cut.Load()) == core.ClassNone && r.Context().Err() != nil {
		res.Body.Close()
		return nil, context.Cause(r.Context())
	}
	return res, nil
}

func arrival(r *http.Request, id requestID) driver.Arrival {
	a := driver.Arrival{ID: id.bits, Method: methodClass(r.Method), Length: bodyLength(r), Resolver: id.way}
	a.Replayable = a.Length == 0
	return a
}

func (t *RoundTripper) arrive(a driver.Arrival, id requestID) driver.Admission {
	adm := t.router.Arrive(a)
	id.seen.routed(id.way)
	return adm
}

// bodyLength is the length of the request's body, -1 if it is not known.
func bodyLength(r *http.Request) int64 {
	if r.ContentLength == 0 && r.RequestURI == "" && r.Body != nil && r.Body != http.NoBody {
		return -1 // only of requests made by a program: of a server's 0 is the length, also where HTTP/2 has a Body that is not NoBody
	}
	return r.ContentLength
}

// attempt sends a request that was admitted to its endpoint. w is where
// informational responses go, nil for nowhere. If the exchange's next is a
// Retry, there is no answer: the attempt is over, and another may follow.
func (t *RoundTripper) attempt(r *http.Request, w http.ResponseWriter, id requestID, adm *driver.Admission, begun time.Time, kept *replay) (*http.Response, *exchange) {
	x := &exchange{
		router: t.router, live: t.live, adm: *adm, writer: w,
		times: adm.Config.Timeouts(adm.PlacementIndex), begun: begun,
		client: r.Context(), upload: uploadOf(r, w, adm.Config, &id), way: id.way, sticky: &t.sticky, replay: kept,
	}
	if kept != nil {
		x.takeReplay()
	}
	x.call.Context, x.call.Watcher = x.client, x
	x.follow()
	// Of several attempts nobody knows beforehand which one serves.
	x.hints = w != nil && !adm.Again && r.Header["Expect"] == nil // else net/http's 100 Continue may cross them
	x.start()
	pool, err := t.pools.Get(upstream.Identity{Placement: adm.PlacementName, URL: adm.URL}, adm.Config, adm.PlacementIndex)
	if err != nil {
		x.finish(core.Internal)
		return ownAnswer(r, adm, id.text, core.Internal, 0), x
	}
	if pool.TellsClient() {
		x.call.Client, x.call.Local = clientOf(r)
	}
	out, upgrade := x.request(r, id.text, pool)
	x.look = id.seen.attempt(adm, out.Header)
	res, err := pool.RoundTrip(&x.call, out)
	x.endHints()
	if err == nil && x.cut.Load() != 0 {
		res.Body.Close()
		err = context.Canceled
	}
	if err != nil {
		return x.failed(r, err, id.text), x
	}
	return x.received(r, res, upgrade, id.text), x
}

// request is what goes upstream: a shallow copy with its own URL and header.
func (x *exchange) request(r *http.Request, id string, p *upstream.Pool) (*http.Request, string) {
	out := &x.out
	*out = *r
	var upgrade string
	out.Header, upgrade = requestHeader(r, id, x.way)
	x.target(r, p)
	out.URL = &x.url
	out.Host, out.RequestURI, out.TransferEncoding = "", "", nil
	out.Close, out.GetBody = false, nil
	out.Body, out.ContentLength = nil, 0
	if x.upload != nil {
		out.Body, out.ContentLength = x.upload, bodyLength(r)
	}
	return out, upgrade
}

// clientOf is who sent a request and where it arrived, as PROXY protocol tells
// it; nil where that is not known.
func clientOf(r *http.Request) (client, local net.Addr) {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	to, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if err != nil || !ok {
		return nil, nil
	}
	return net.TCPAddrFromAddrPort(from), to
}

// uploadOf returns the request's body, nil for none. A length that was
// announced has been checked by the driver; one that was not is counted here.
func uploadOf(r *http.Request, w http.ResponseWriter, c *core.Config, id *requestID) *upload {
	length := bodyLength(r)
	if length == 0 {
		return nil
	}
	u := &upload{body: r.Body, left: -1, client: w, seen: id.seen}
	if length > 0 {
		return u
	}
	if route, ok := id.way.home(c, id.bits); ok && c.BodyMax(int(route.Placement)) > 0 {
		u.left = c.BodyMax(int(route.Placement)) // the key's own placement's, whoever serves
	}
	return u
}

// target makes url the endpoint's address with the request's own path and query, byte
// for byte where net/http lets us: it would clean the path of a parsed URL.
func (x *exchange) target(r *http.Request, p *upstream.Pool) {
	u := &x.url
	u.Scheme, u.Host, u.RawQuery, u.ForceQuery = p.Scheme(), p.Host(), r.URL.RawQuery, r.URL.ForceQuery
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if path == "*" || (strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//")) {
		u.Opaque = path
		return
	}
	u.Path, u.RawPath = r.URL.Path, r.URL.RawPath
}

// failed ends an exchange that has no response.
func (x *exchange) failed(r *http.Request, err error, id string) *http.Response {
	class, ours := x.fault()
	if !ours {
		class, x.why = classify(err), err
	}
	x.finish(class)
	res := ownAnswer(r, &x.adm, id, class, 0)
	if x.upload != nil {
		if why := x.upload.why.Load(); why != nil && (*why).Class() == class {
			text := (*why).Error() + "\n"
			if !strings.HasPrefix(text, class.String()+": ") {
				text = class.String() + ": " + text
			}
			say(r, res, text)
		}
	}
	return res
}

// received turns an upstream's response into the router's.
func (x *exchange) received(r *http.Request, res *http.Response, asked, id string) *http.Response {
	agreed := cleanResponse(res)
	announce(res.Header, &x.adm, id)
	if x.adm.Pin && res.StatusCode < http.StatusInternalServerError { // nobody is bound to what fails
		x.pin(res.Header)
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		stream, ok := res.Body.(io.ReadWriteCloser)
		if !ok || asked == "" || !strings.EqualFold(asked, agreed) {
			res.Body.Close()
			x.finish(core.BadResponse)
			return ownAnswer(r, &x.adm, id, core.BadResponse, 0)
		}
		// From here on the client's half close is not its going away, though
		// net/http's reader of a hijacked connection ends the context at it.
		x.unfollow()
		x.replied(res.StatusCode, tunnelled)
		res.Body = &tunnel{x, stream}
		return res
	}
	if res.StatusCode >= 500 && x.adm.Again && x.ask(res) {
		return nil
	}
	x.replied(res.StatusCode, flowing)
	if res.Body == http.NoBody {
		x.finish(core.ClassNone)
		return res
	}
	x.body = download{x, res.Body}
	res.Body = &x.body
	return res
}
