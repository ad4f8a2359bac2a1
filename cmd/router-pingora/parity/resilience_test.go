package parity

import (
	"fmt"
	"strings"
	"time"
)

// brittle is the baseline's second form with a breaker and a limit on visa.
const brittle = `{"version":"v1","routingTable":{"visa":"visa","acme":"tier1"},"placements":{
"visa":{"url":"http://<visa>","fallback":"tier1","circuit_breaker":{"failure_threshold":2,"timeout":"1h"},"concurrency_limit":1},
"tier1":{"url":"http://<tier1>","circuit_breaker":{"failure_threshold":2,"timeout":"1h"}},"tier3":{"url":"http://<tier3>"}},"defaultPlacement":"tier3"}`

// one is a native configuration of placement visa with these settings, and a
// tier3 that takes what visa cannot if `fallback` says so.
func one(settings string) string {
	return `lockstep: 1
version: v1
access_log: {fields: baseline}
routes: [{unknown_key: {to: tier3}}]
defaults: {health: none, fallback: none}
placements:
  visa: {endpoints: {a: {url: "http://<visa>"}}, ` + settings + `}
  tier1: {endpoints: {a: {url: "http://<tier1>"}}, limit: {in_flight: 10, guests: 0}}
  tier3: {endpoints: {a: {url: "http://<tier3>"}}}
keys: {visa: visa}
`
}

func with(name, settings string, steps ...step) *testCase {
	return &testCase{name: name, config: one(settings), yaml: true, steps: steps}
}

// resilienceCases are breakers, failover, limits, queues, retries and health.
func resilienceCases() []*testCase {
	served := func(to, failover string) answer {
		a := ok(to, "dedicated", "closed")
		a.failover = failover
		return a
	}
	return []*testCase{
		{name: "baseline: an open breaker fails over to the fallback", config: brittle, steps: []step{
			each{"visa", "/status/500 /status/500", "500 closed visa, 500 closed visa"}, reset{}, ask{
				send: get("visa", "/x"), want: served("tier1", "circuit_open"), saw: arrived{at: "tier1", line: "GET /x HTTP/1.1", key: "visa"},
				log:    base("GET", "/x", "visa", "tier1", "dedicated", "http://<tier1>", 200, "failover_reason=circuit_open"),
				counts: request("tier1", "ok", "2xx", "dedicated", "circuit_open") + attempt("tier1", "<tier1>", "ok"),
			},
		}},
		{name: "baseline: the fallback's own open breaker is looked at, then the default serves", config: brittle, steps: []step{
			each{"visa", "/status/500 /status/500", "500 closed visa, 500 closed visa"},
			each{"acme", "/status/500 /status/500", "500 closed tier1, 500 closed tier1"},
			each{"visa", "/ /", "200 closed tier3 circuit_open, 200 closed tier3 circuit_open"},
		}},
		{name: "baseline: a failure after failover is charged to who served", config: brittle, steps: []step{
			each{"visa", "/status/500 /status/500", "500 closed visa, 500 closed visa"},
			each{"visa", "/status/500 /status/500 /", "500 closed tier1 circuit_open, 500 closed tier1 circuit_open, 200 closed tier3 circuit_open"},
		}},
		{name: "baseline: without settings a breaker opens at the fifth failure in a row", config: baseline1, steps: []step{
			each{
				"visa", "/status/500 /status/500 /status/500 /status/500 / /status/500 /status/500 /status/500 /status/500 /status/500 /",
				"500 closed visa, 500 closed visa, 500 closed visa, 500 closed visa, 200 closed visa, 500 closed visa, 500 closed visa, 500 closed visa, 500 closed visa, 500 closed visa, 200 closed tier3 circuit_open",
			},
		}},
		{name: "baseline: the concurrency limit refuses with 429, and serves again when there is room", config: brittle, steps: []step{
			ask{send: get("visa", "/held"), script: "{hold}" + plain, want: ok("visa", "dedicated", "closed"), later: "first"}, held{"visa", 1}, ask{
				send: get("visa", "/x"),
				want: answer{status: 429, why: "dedicated", with: ownHeaders("limit: placement visa has as many requests in flight as it may"), body: "limit: placement visa has as many requests in flight as it may"},
				log:  base("GET", "/x", "visa", "visa", "dedicated", "", 429, "failover_reason=concurrency_limit"),
			}, finish{name: "first"}, becomes{"visa", "/x", "429", "200 closed visa"},
		}},
		{name: "baseline: the default placement is full at a limit of its own", config: strings.Replace(brittle, `"tier3":{"url":"http://<tier3>"}`, `"tier3":{"url":"http://<tier3>","concurrency_limit":1}`, 1), steps: []step{
			ask{send: get("nobody", "/held"), script: "{hold}" + plain, want: ok("tier3", "default", "closed"), later: "first"},
			held{"tier3", 1},
			each{"nobody", "/", "429"},
			finish{name: "first"},
		}},
		with("an open breaker without fallback is 503, and half-opens when its time is over", `breaker: {consecutive_failures: 2, open: 250ms}`,
			each{"visa", "/status/500 /status/500", "500 closed visa, 500 closed visa"},
			becomes{"visa", "/", "503 open", "200 half_open visa"}, each{"visa", "/ /", "200 closed visa, 200 closed visa"}),
		with("a half-open probe that fails opens the breaker again", `breaker: {consecutive_failures: 2, open: 250ms, grow: 10, open_max: 1h}`,
			each{"visa", "/status/500 /status/500", "500 closed visa, 500 closed visa"},
			becomes{"visa", "/status/500", "503 open", "500 half_open visa"}, each{"visa", "/", "503 open"}),
		with("half-open lets a single test request through", `breaker: {consecutive_failures: 2, open: 250ms}`,
			each{"visa", "/status/500 /status/500", "500 closed visa, 500 closed visa"}, does(singleProbe)),
		with("successes that a half-open breaker needs are counted", `breaker: {consecutive_failures: 2, open: 250ms, half_open_successes: 2}`,
			each{"visa", "/status/500 /status/500", "500 closed visa, 500 closed visa"},
			becomes{"visa", "/", "503 open", "200 half_open visa"}, each{"visa", "/ /", "200 half_open visa, 200 closed visa"}),
		with("a guest passes on from a fallback that takes none", `fallback: [tier1, tier3], breaker: {consecutive_failures: 1, open: 1h}`,
			each{"visa", "/status/500 /", "500 closed visa, 200 closed tier3 circuit_open"}),
		with("a full placement that fails over", `fallback: [tier3], limit: {in_flight: 1, when_full: fail_over}`,
			ask{send: get("visa", "/held"), script: "{hold}" + plain, want: ok("visa", "dedicated", "closed"), later: "first"}, held{"visa", 1},
			ask{
				send: get("visa", "/x"), want: served("tier3", "concurrency_limit"),
				log: base("GET", "/x", "visa", "tier3", "dedicated", "http://<tier3>", 200, "failover_reason=concurrency_limit"),
			}, finish{name: "first"}),
		with("a queued request has its turn when there is room", `limit: {in_flight: 1, when_full: {queue: 1, wait: 10s}}`,
			ask{send: get("visa", "/held"), script: "{hold}" + plain, want: ok("visa", "dedicated", "closed"), later: "first"}, held{"visa", 1},
			ask{send: get("visa", "/x"), want: ok("visa", "dedicated", "closed"), later: "queued"}, waiting(1),
			each{"visa", "/", "429"}, finish{name: "first"}, finish{name: "queued"}),
		with("a retry goes to another endpoint, and the answer counts attempts", `select: first, retries: {max: 1}, breaker: none`, ask{send: get("visa", "/x"), want: ok("visa", "dedicated", "closed")}).
			change(`endpoints: {a: {url: "http://<visa>"}}, select`, `endpoints: {a: {url: "http://<refused>"}, b: {url: "http://<visa>"}}, select`).
			steps1(ask{
				send: get("visa", "/x"), want: visaOK("Content-Length: 2\nContent-Type: text/plain\nX-Lockstep-Attempts: 2", "ok"),
				counts: request("visa", "ok", "2xx", "dedicated", "") + attempt("visa", "<refused>", "connect_refused") + attempt("visa", "<visa>", "ok") + "lockstep_retries_total{placement=visa} 1\n",
			}),
		with("a POST whose bytes were sent is not tried again", `select: first, retries: {max: 1}, breaker: none`).
			change(`endpoints: {a: {url: "http://<visa>"}}, select`, `endpoints: {a: {url: "http://<broken>"}, b: {url: "http://<visa>"}}, select`).
			steps1(does(func(r *run) { r.origin("broken").script("/x", "{reset}") }), ask{
				send: post("/x", "Content-Length: 2", "hi"),
				want: func() answer {
					const text = "reset_before_response: the upstream of visa closed the connection before it answered"
					return answer{status: 502, to: "visa", why: "dedicated", circuit: "closed", with: "X-Lockstep-Attempts: 1\n" + ownHeaders(text), body: text}
				}(),
			}),
		with("round robin takes turns", `breaker: none`).
			change(`endpoints: {a: {url: "http://<visa>"}}, breaker`, `endpoints: {a: {url: "http://<left>"}, b: {url: "http://<right>"}}, breaker`).
			steps1(does(takesTurns)),
		with("a kept connection that the upstream closed is not used for a POST", `breaker: none`,
			ask{send: get("visa", "/x"), want: ok("visa", "dedicated", "closed")},
			does(func(r *run) { r.origin("visa").down(); r.origin("visa").up() }),
			ask{send: post("/y", "Content-Length: 2", "hi"), want: ok("visa", "dedicated", "closed")}),
		with("an upstream that is back serves at once", `breaker: none`,
			does(func(r *run) { r.origin("visa").down() }), each{"visa", "/", "502 closed visa"},
			does(func(r *run) { r.origin("visa").up() }), each{"visa", "/", "200 closed visa"}),
		{name: "baseline: an unhealthy endpoint is left, and comes back", config: strings.Replace(baseline2, `"visa":{"url":"http://<visa>"}`, `"visa":{"url":"http://<visa>","health_check":{"path":"/health","interval":"40ms","timeout":"1s"}}`, 1), steps: []step{
			each{"visa", "/", "200 closed visa"},
			does(func(r *run) { r.origin("visa").health(true) }),
			becomes{"visa", "/", "200 closed visa", "200 closed tier3 upstream_unhealthy"},
			ask{
				send: get("visa", "/x"), want: served("tier3", "upstream_unhealthy"),
				log: base("GET", "/x", "visa", "tier3", "dedicated", "http://<tier3>", 200, "failover_reason=upstream_unhealthy"),
			},
			does(func(r *run) { r.origin("visa").health(false) }),
			becomes{"visa", "/", "200 closed tier3 upstream_unhealthy", "200 closed visa"},
		}},
		with("health never blocks a request: the last endpoint serves though unhealthy", `health: {get: /health, every: 50ms, start: unhealthy}`,
			each{"visa", "/", "200 closed visa"}),
		with("one failed probe does not make an endpoint unhealthy", `fallback: [tier3], health: {get: /health, every: 20ms, fall: 1000000}`,
			does(func(r *run) {
				o := r.origin("visa")
				o.health(true)
				_, _, n := o.count()
				until(r.t, "two more health checks", func() bool { _, _, now := o.count(); return now >= n+2 })
			}), each{"visa", "/", "200 closed visa"}),
		with("the health check is a GET of its own", `health: {get: /alive, every: 1h}`,
			does(func(r *run) {
				o := r.origin("visa")
				until(r.t, "a health check", func() bool { return o.last().is("GET /alive") })
				r.same("the health check", o.last().head, "GET /alive HTTP/1.1\nHost: <visa>\nUser-Agent: lockstep-health\n")
			})),
	}
}

// change replaces a part of the configuration.
func (c *testCase) change(old, now string) *testCase {
	if !strings.Contains(c.config, old) {
		panic(fmt.Sprintf("%s: the configuration has no %q", c.name, old))
	}
	c.config = strings.Replace(c.config, old, now, 1)
	return c
}

// steps1 sets the steps.
func (c *testCase) steps1(s ...step) *testCase {
	c.steps = s
	return c
}

// waiting waits until so many requests wait in queues.
type waiting int

func (n waiting) play(r *run) {
	r.t.Helper()
	until(r.t, fmt.Sprintf("%d requests in a queue", n), func() bool {
		_, page := fetch("http://" + r.router.admin() + "/metrics")
		return strings.Contains(page, fmt.Sprintf("state=\"queue\"} %d\n", n))
	})
}

// singleProbe holds a half-open probe back and asks on meanwhile.
func singleProbe(r *run) {
	r.t.Helper()
	o := r.origin("visa")
	var probe *exchange
	until(r.t, "a half-open probe", func() bool {
		probe = r.begin(ask{send: get("visa", "/held"), script: "{hold}" + plain, want: ok("visa", "dedicated", "half_open")})
		for {
			select {
			case <-probe.got.done:
				return false // refused: it was too early
			case <-time.After(pause):
			}
			if _, n, _ := o.count(); n > 0 {
				return true
			}
		}
	})
	each{"visa", "/ /", "503 half_open, 503 half_open"}.play(r)
	o.release()
	r.end(probe)
	each{"visa", "/", "200 closed visa"}.play(r)
}

// takesTurns asks four times and notes which endpoint served.
func takesTurns(r *run) {
	r.t.Helper()
	var turns []string
	for range 4 {
		before, _, _ := r.origin("left").count()
		r.short("visa", "/")
		if after, _, _ := r.origin("left").count(); after > before {
			turns = append(turns, "left")
		} else {
			turns = append(turns, "right")
		}
	}
	if got := strings.Join(turns, " "); got != "left right left right" && got != "right left right left" {
		r.t.Errorf("the endpoints were used in the order %s", got)
	}
}
