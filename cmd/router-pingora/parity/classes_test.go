package parity

import (
	"strings"
	"syscall"
)

// strict has low limits, and short times where a case waits for them, so that
// every class of R16 can be had quickly, and a slow machine gets no other. Its
// breakers open at the second failure, for good.
const strict = `lockstep: 1
version: v1
listen: {edge: {address: "127.0.0.1:0", trust_headers_from: [127.0.0.1/32], http1: {target_max: 1KiB}}}
priority: {header: X-Priority, default: 0}
routes: [{name: all, match: {host: [a.example]}, unknown_key: {reject: 421}}]
defaults:
  health: none
  fallback: none
  body_max: 10B
  breaker: {consecutive_failures: 2, open: 1h}
placements:
  visa: {endpoints: {a: {url: "http://<visa>"}}}
  slow: {endpoints: {a: {url: "http://<slow>"}}, timeouts: {response_header: 300ms}}
  still: {endpoints: {a: {url: "http://<still>"}}, timeouts: {settle: 100ms, body_idle: 400ms}}
  one: {endpoints: {a: {url: "http://<one>"}}, limit: {in_flight: 1}}
  queue: {endpoints: {a: {url: "http://<queue>"}}, limit: {in_flight: 1, when_full: {queue: 1, wait: 200ms}}}
  shed: {endpoints: {a: {url: "http://<shed>"}}, limit: {in_flight: 2, priorities: [100%, 50%]}}
  share: {endpoints: {a: {url: "http://<share>"}}, limit: {in_flight: 4, tenant_share: 50%}}
  sick: {endpoints: {a: {url: "http://<sick>"}}, health: {get: /health, every: 1h, start: unhealthy}, last_resort: refuse}
  gone: {endpoints: {a: {url: "http://<refused>"}}}
  hole: {endpoints: {a: {url: "http://<blackhole>"}}, timeouts: {connect: 400ms}}
  nowhere: {endpoints: {a: {url: "http://nowhere.invalid:80"}}}
  forged: {endpoints: {a: {url: "https://<tls-stranger>"}}, upstream: {tls: {ca: "<dir>/ca.pem"}}}
  misnamed: {endpoints: {a: {url: "https://<tls-other-name>"}}, upstream: {tls: {ca: "<dir>/ca.pem"}}}
  plain: {endpoints: {a: {url: "https://<visa>"}}, upstream: {tls: {ca: "<dir>/ca.pem"}}}
  older: {endpoints: {a: {url: "https://<tls-good>"}}, upstream: {protocol: h2, tls: {ca: "<dir>/ca.pem"}}}
  broken: {endpoints: {a: {url: "https://<visa>"}}, upstream: {tls: {ca: "<dir>/missing.pem"}}}
keys: {visa: visa, still: still, slow: slow, one: one, queue: queue, shed: shed, share: share, sick: sick, gone: gone, hole: hole, nowhere: nowhere, forged: forged, misnamed: misnamed, plain: plain, older: older, broken: broken}
`

// impatient is strict with short times for clients.
var impatient = strings.Replace(strict, "http1: {target_max", "timeouts: {header: 400ms}, http1: {body_idle: 400ms, target_max", 1)

// slowly makes a case's clients be waited for only shortly.
func slowly(c *testCase) *testCase {
	c.config = impatient
	return c
}

// withCA gives the case the authority that upstreams are verified against.
func withCA(r *run) { r.file("ca.pem", trusted().pem) }

// primed lets the breaker of visa count one failure: with the next it opens.
var primed = each{"visa", "/status/500", "500 closed visa"}

// excluded holds that what came between primed and this changed no count (R7):
// as a failure it would have opened the breaker, as a success cleared the count.
var excluded = each{"visa", "/status/500 /status/500", "500 closed visa, 503 open"}

// failed holds that what came after primed was a failure: the breaker is open.
var failed = each{"visa", "/", "503 open"}

// counted holds that the ask before cleared the count.
var counted = each{"visa", "/status/500 /status/500 /", "500 closed visa, 500 closed visa, 503 open"}

// refusal is a case of a class that no endpoint has to do with.
func refusal(name string, a ask, before ...step) *testCase {
	steps := append([]step{primed}, before...)
	return &testCase{name: name, config: strict, yaml: true, before: withCA, steps: append(steps, reset{}, a, excluded)}
}

// reset forgets how the metrics were before, so that the next ask is counted alone.
type reset struct{}

func (reset) play(r *run) { r.settle() }

// refusalCases are the classes 1 to 12 and 23 to 28 of R16: the router's own.
func refusalCases() []*testCase {
	const noKey = "no_key: the request has no routing key where its route looks for one"
	none := row{method: "GET", path: "/"}
	log := func(l row, status int, class string) string {
		l.status, l.class = status, class
		return l.text()
	}
	own := func(status int, class, text string) answer { return refused(status, class+": "+text) }
	return []*testCase{
		refusal("no_key: a request without a key", ask{
			send: get("", "/"), want: refused(400, noKey), log: log(none, 400, "no_key"),
			counts: request("", "no_key", "4xx", "", "") + reject("no_key"),
		}),
		refusal("no_key: a request with an empty key", ask{
			send: get("", "/", "X-Routing-Key: "), want: refused(400, noKey), log: log(none, 400, "no_key"),
		}),
		refusal("unknown_key: a route that refuses unknown keys", ask{
			send: get("nobody", "/"), want: own(421, "unknown_key", "no placement is configured for the routing key of the request"),
			log:    log(row{method: "GET", path: "/", key: "nobody"}, 421, "unknown_key"),
			counts: request("", "unknown_key", "4xx", "", "") + reject("unknown_key"),
		}),
		refusal("no_route: a host that no route takes", ask{
			send: "GET / HTTP/1.1\nHost: b.example\nX-Routing-Key: visa\n\n",
			want: own(404, "no_route", "no route takes requests for this host and path"), log: log(row{method: "GET", path: "/", route: "-"}, 404, "no_route"),
			counts: request("", "no_route", "4xx", "", "") + reject("no_route"),
		}),
		refusal("bad_request: both lengths", ask{
			send:   "POST / HTTP/1.1\nHost: a.example\nX-Routing-Key: visa\nContent-Length: 5\nTransfer-Encoding: chunked\n\n0\n\n",
			want:   leaving(own(400, "bad_request", "both_lengths: the request has both Content-Length and Transfer-Encoding")),
			log:    log(row{method: "POST", path: "/", early: true, more: "refused=both_lengths client=*"}, 400, "bad_request"),
			counts: request("", "bad_request", "4xx", "", "") + reject("bad_request"),
		}),
		refusal("body_too_large: by its length", ask{
			send:   "POST / HTTP/1.1\nHost: a.example\nX-Routing-Key: visa\nContent-Length: 11\n\nhello world",
			want:   answer{status: 413, why: "dedicated", with: ownHeaders("body_too_large: the request body is larger than its placement accepts"), body: "body_too_large: the request body is larger than its placement accepts"},
			log:    log(row{method: "POST", path: "/", key: "visa", placement: "visa", reason: "dedicated", failover: "body_size_limit"}, 413, "body_too_large"),
			counts: request("visa", "body_too_large", "4xx", "dedicated", "") + reject("body_too_large"),
		}),
		refusal("limit: a placement with a request in flight", ask{
			send: get("one", "/"), want: answer{status: 429, why: "dedicated", body: "limit: placement one has as many requests in flight as it may", with: ownHeaders("limit: placement one has as many requests in flight as it may")},
			log:    log(row{method: "GET", path: "/", key: "one", placement: "one", reason: "dedicated", failover: "concurrency_limit"}, 429, "limit"),
			counts: request("one", "limit", "4xx", "dedicated", "") + reject("limit"),
		}, ask{send: get("one", "/held"), script: "{hold}" + plain, later: "first"}, held{"one", 1}),
		refusal("queue_timeout: a queue in which nothing moves", ask{
			send: get("queue", "/"), want: answer{status: 503, why: "dedicated", with: ownHeaders("queue_timeout: placement queue had no room for the request in time"), body: "queue_timeout: placement queue had no room for the request in time"},
			log:    log(row{method: "GET", path: "/", key: "queue", placement: "queue", reason: "dedicated", more: "queued_ms=*"}, 503, "queue_timeout"),
			counts: request("queue", "queue_timeout", "5xx", "dedicated", "") + reject("queue_timeout"),
		}, ask{send: get("queue", "/held"), script: "{hold}" + plain, later: "first"}, held{"queue", 1}),
		refusal("shed: a less critical request at a placement that is half full", ask{
			send: get("shed", "/", "X-Priority: 1"), want: answer{status: 503, why: "dedicated", with: "Retry-After: 1\n" + ownHeaders("shed: placement shed is filling, and more critical requests come first"), body: "shed: placement shed is filling, and more critical requests come first"},
			log:    log(row{method: "GET", path: "/", key: "shed", placement: "shed", reason: "dedicated"}, 503, "shed"),
			counts: request("shed", "shed", "5xx", "dedicated", "") + reject("shed"),
		}, ask{send: get("shed", "/held"), script: "{hold}" + plain, later: "first"}, held{"shed", 1}),
		refusal("fair_share: a tenant that holds half of the room", ask{
			send: get("share", "/"), want: answer{status: 429, why: "dedicated", with: "Retry-After: 1\n" + ownHeaders("fair_share: placement share is filling, and this tenant holds its share of it"), body: "fair_share: placement share is filling, and this tenant holds its share of it"},
			log:    log(row{method: "GET", path: "/", key: "share", placement: "share", reason: "dedicated"}, 429, "fair_share"),
			counts: request("share", "fair_share", "4xx", "dedicated", "") + reject("fair_share"),
		}, ask{send: get("share", "/held"), script: "{hold}" + plain, later: "first"}, held{"share", 1},
			ask{send: get("share", "/held"), script: "{hold}" + plain, later: "second"}, held{"share", 2}),
		refusal("no_endpoint: the last endpoint is unhealthy and must not serve", ask{
			send: get("sick", "/"), want: answer{status: 503, why: "dedicated", with: ownHeaders("no_endpoint: placement sick has no healthy endpoint and no fallback takes the request"), body: "no_endpoint: placement sick has no healthy endpoint and no fallback takes the request"},
			log:    log(row{method: "GET", path: "/", key: "sick", placement: "sick", reason: "dedicated"}, 503, "no_endpoint"),
			counts: request("sick", "no_endpoint", "5xx", "dedicated", "") + reject("no_endpoint"),
		}),
		{name: "circuit_open: the breaker is open and there is no fallback", config: strict, yaml: true, before: withCA, steps: []step{primed, primed, reset{}, ask{
			send: get("visa", "/"), want: answer{status: 503, why: "dedicated", circuit: "open", with: ownHeaders("circuit_open: the circuit of placement visa is open and no fallback takes the request"), body: "circuit_open: the circuit of placement visa is open and no fallback takes the request"},
			log:    log(row{method: "GET", path: "/", key: "visa", placement: "visa", reason: "dedicated", url: "http://<visa>", circuit: "open", failover: "circuit_open"}, 503, "circuit_open"),
			counts: request("visa", "circuit_open", "5xx", "dedicated", "") + reject("circuit_open"),
		}}},
		{name: "not_ready: no control plane and no file", args: []string{"--control", "ws://<refused>/connect"}, early: true, steps: []step{ask{
			send: get("visa", "/"), want: own(503, "not_ready", "the router has no configuration yet"),
			log:    base("GET", "/", "visa", "", "", "", 503),
			counts: request("", "not_ready", "5xx", "", "") + reject("not_ready"),
		}}},
		slowly(refusal("request_timeout: a header that does not end", ask{
			send: "GET / HTTP/1.1\nHost: a.exa", want: leaving(own(408, "request_timeout", "header_timeout: the request's head did not arrive in time")),
			log:    log(row{method: "GET", path: "/", early: true, more: "refused=header_timeout client=*"}, 408, "request_timeout"),
			counts: request("", "request_timeout", "4xx", "", "") + reject("request_timeout"),
		})),
		slowly(refusal("request_timeout: a body that stops", ask{
			send:   "POST /up HTTP/1.1\nHost: a.example\nX-Routing-Key: visa\nContent-Length: 9\n\nhell",
			want:   answer{status: 408, to: "visa", why: "dedicated", circuit: "closed", closed: true, with: "Connection: close\n" + ownHeaders("request_timeout: body_timeout: the request body stopped arriving"), body: "request_timeout: body_timeout: the request body stopped arriving"},
			saw:    arrived{at: "visa", line: "POST /up HTTP/1.1", key: "visa", with: "Content-Length: 9", body: "hell", broken: true},
			log:    log(row{method: "POST", path: "/up", key: "visa", placement: "visa", reason: "dedicated", url: "http://<visa>", circuit: "closed", attempts: 1, in: 4}, 408, "request_timeout"),
			counts: request("visa", "request_timeout", "4xx", "dedicated", "") + attempt("visa", "<visa>", "request_timeout"),
		})),
		refusal("header_too_large: a head of more than 64 KiB", ask{
			send: get("visa", "/", "X-Long: "+long(64<<10)), want: leaving(own(431, "header_too_large", "the request's head is larger than accepted")),
			log:    log(row{method: "GET", path: "/", early: true, more: "refused=header_too_large client=*"}, 431, "header_too_large"),
			counts: request("", "header_too_large", "4xx", "", "") + reject("header_too_large"),
		}),
		basic("header_too_large: without a section listen a head may have 1 MiB", ask{
			send: get("visa", "/x", "X-Long: "+long(512<<10)), want: ok("visa", "dedicated", "closed"),
		}, ask{
			send: get("visa", "/y", "X-Long: "+long(1<<20)), want: leaving(own(431, "header_too_large", "the request's head is larger than accepted")),
		}),
		refusal("uri_too_long: a target of more than 1 KiB", ask{
			send: get("visa", "/"+long(1<<10)), want: leaving(own(414, "uri_too_long", "the request target is longer than accepted")),
			log:    log(row{method: "GET", path: "/" + long(1<<10), early: true, more: "refused=uri_too_long client=*"}, 414, "uri_too_long"),
			counts: request("", "uri_too_long", "4xx", "", "") + reject("uri_too_long"),
		}),
		clientGone(), draining(),
	}
}

// leaving is an answer that ends its connection, and says so.
func leaving(a answer) answer {
	a.with, a.closed = a.with+"\nConnection: close", true
	return a
}

func long(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'l'
	}
	return string(b)
}

// clientGone leaves while its request is under way.
func clientGone() *testCase {
	return &testCase{name: "client_gone: the client leaves before the answer", config: strict, yaml: true, before: withCA, steps: []step{
		primed,
		reset{},
		does(func(r *run) {
			x := r.begin(ask{
				send: get("visa", "/held"), script: "{hang}",
				log: row{method: "GET", path: "/held", key: "visa", placement: "visa", reason: "dedicated", url: "http://<visa>", circuit: "closed", attempts: 1, status: 499, class: "client_gone"}.text(),
			})
			until(r.t, "the request at the origin", func() bool { return r.origin("visa").last().is("GET /held") })
			x.link.conn.Close()
			r.logged(x)
			r.counts("a client that left", request("visa", "client_gone", "4xx", "dedicated", "")+attempt("visa", "<visa>", "client_gone"))
		}),
		excluded,
	}}
}

// unhurried is native with a name for its route and all fields in the log.
var unhurried = strings.Replace(strings.Replace(native, "access_log: {fields: baseline}\n", "", 1), "routes: [{", "routes: [{name: all, ", 1)

// draining is a request that was half sent when the drain began.
func draining() *testCase {
	const text = "drain: the router is shutting down"
	return &testCase{name: "drain: a request that came too late", config: unhurried, yaml: true, args: []string{"--drain", "5s"}, steps: []step{
		ask{send: get("visa", "/held"), script: "{hold}" + plain, later: "under way", want: leaving(ok("visa", "dedicated", "closed"))},
		held{"visa", 1},
		ask{
			on: "late", send: "GET / HTTP/1.1\nHost: a.example\n{then}X-Routing-Key: visa\n\n", then: func(r *run, _ *exchange) {
				r.links["late"].taken(r.t)
				r.router.signal(syscall.SIGTERM)
				until(r.t, "draining", func() bool { code, _ := fetch("http://" + r.router.admin() + "/readyz"); return code == 503 })
			},
			want: answer{status: 503, why: "dedicated", closed: true, with: "Connection: close\n" + ownHeaders(text), body: text},
			log:  row{method: "GET", path: "/", key: "visa", reason: "dedicated", status: 503, class: "drain"}.text(),
		},
		finish{name: "under way"},
		does(func(r *run) { r.router.wait() }),
	}}
}

// settle waits until every request that has ended is counted, and takes the
// metrics for those before.
func (r *run) settle() {
	r.t.Helper()
	until(r.t, "every request to be counted", func() bool {
		r.counted = r.metrics()
		n := 0.0
		for name, v := range r.counted {
			if strings.HasPrefix(name, "lockstep_requests_total") {
				n += v
			}
		}
		return n >= float64(r.sent-len(r.open))
	})
}

// unauthorized is a token that nobody signed.
func unauthorized() *testCase {
	const text = "unauthorized: the token of the request does not hold"
	config := `lockstep: 1
version: v1
routes: [{name: all, key: [{jwt_claim: tenant, jwks: {file: "<dir>/jwks.json"}}], unknown_key: {to: visa}}]
defaults: {health: none, fallback: none, breaker: {consecutive_failures: 2, open: 1h}}
placements: {visa: {endpoints: {a: {url: "http://<visa>"}}}}
keys: {visa: visa}
`
	keys := `{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","kid":"k","use":"sig","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`
	return &testCase{name: "unauthorized: a token that nobody signed", config: config, yaml: true, before: func(r *run) { r.file("jwks.json", []byte(keys)) }, steps: []step{ask{
		send:   get("", "/", "Authorization: Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJ0ZW5hbnQiOiJ2aXNhIn0.AAAA"),
		want:   answer{status: 401, body: text, with: "Www-Authenticate: Bearer\n" + ownHeaders(text)},
		log:    row{method: "GET", path: "/", status: 401, class: "unauthorized"}.text(),
		counts: request("", "unauthorized", "4xx", "", "") + reject("unauthorized"),
	}}}
}
