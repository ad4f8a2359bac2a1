package parity

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"

	"lockstep/adapters/configfile"
	"lockstep/core"
	"lockstep/traces"
)

// strictEdge is native behind a listener that believes 10.0.0.0/8 alone.
var strictEdge = strings.Replace(native, "access_log:", "listen: {edge: {address: \"127.0.0.1:0\", trust_headers_from: [10.0.0.0/8]}}\naccess_log:", 1)

// split sends a tenth of one key elsewhere.
const split = `lockstep: 1
version: v1
access_log: {fields: baseline}
routes: [{unknown_key: {reject: 421}}]
defaults: {health: none, fallback: none}
placements: {visa: {endpoints: {a: {url: "http://<visa>"}}}, tier3: {endpoints: {a: {url: "http://<tier3>"}}}}
keys: {both: {visa: 70%, tier3: 30%}}
`

// otherCases are what no other table holds.
func otherCases() []*testCase {
	text := "Content-Length: 2\nContent-Type: text/plain"
	notBelieved := arrived{at: "visa", line: "GET /x HTTP/1.1", key: "visa"}
	grpc := func(key, want string, status int, why string) ask {
		header := "Content-Type: application/grpc\nTe: trailers\nContent-Length: 0\n"
		if key != "" {
			header += "X-Routing-Key: " + key + "\n"
		}
		return ask{send: "POST /s/m HTTP/1.1\nHost: a.example\n" + header + "\n", want: answer{
			status: 200, why: why, with: fmt.Sprintf("Content-Length: 0\nContent-Type: application/grpc\nGrpc-Message: %s\nGrpc-Status: %d\nX-Content-Type-Options: nosniff", want, status),
		}}
	}
	return []*testCase{
		{name: "a client that is not believed cannot say where it comes from", config: strictEdge, yaml: true, steps: []step{ask{
			send: get("visa", "/x", "X-Forwarded-For: 10.1.2.3", "X-Forwarded-Proto: https"), want: visaOK(text, "ok"), saw: notBelieved,
		}}},
		with("the whole request has a time until its header comes", `timeouts: {request: 400ms, response_header: 10s}`, ask{
			send: get("visa", "/x"), script: "{hang}",
			want: func() answer {
				a := refused(504, "response_timeout: the upstream of visa did not answer in time")
				a.to, a.why, a.circuit = "visa", "dedicated", "closed"
				return a
			}(),
		}),
		with("the time of a request does not cut its body", `timeouts: {request: 300ms, response_header: 300ms}`,
			ask{send: get("visa", "/x"), script: "HTTP/1.1 200 OK\nContent-Type: text/event-stream\n\ndata: 1{hold}data: 2{close}", later: "x", want: answer{
				status: 200, to: "visa", why: "dedicated", circuit: "closed", chunked: true, with: "Content-Type: text/event-stream", body: "data: 1data: 2",
			}},
			comes{"x", "data: 1"},
			// Another request that runs into the same time shows that it is over.
			ask{send: get("visa", "/y"), script: "{hang}", want: func() answer {
				a := refused(504, "response_timeout: the upstream of visa did not answer in time")
				a.to, a.why, a.circuit = "visa", "dedicated", "closed"
				return a
			}()},
			finish{name: "x"}),
		basic("gRPC: a refusal is gRPC", grpc("", "no_key: the request has no X-Routing-Key header", 3, "")),
		{name: "gRPC: a placement that is full", config: brittle, steps: []step{
			ask{send: get("visa", "/held"), script: "{hold}" + plain, want: ok("visa", "dedicated", "closed"), later: "held"},
			held{"visa", 1},
			grpc("visa", "limit: placement visa has as many requests in flight as it may", 8, "dedicated"),
			finish{name: "held"},
		}},
		{name: "a split key goes where its share falls", config: split, yaml: true, steps: []step{does(splits)}},
		{name: "SIGUSR1 dumps the newest decisions, and the dump replays", config: native, yaml: true, args: []string{"--dumps", "<dir>/dumps"}, steps: []step{
			each{"visa", "/ /status/500", "200 closed visa, 500 closed visa"}, does(func(r *run) {
				var dumps []string
				r.router.signal(syscall.SIGUSR1)
				until(r.t, "a dump", func() bool {
					dumps, _ = filepath.Glob(filepath.Join(r.dir, "dumps", "*.lst")) // the pattern is a good one
					return len(dumps) > 0
				})
				replayAll(r.t, r.program.name, dumps)
			}),
		}},
	}
}

// splits asks with forty request ids and holds where each must go (R1).
func splits(r *run) {
	r.t.Helper()
	file, err := configfile.Load(filepath.Join(r.dir, "c.yaml"))
	if err != nil {
		r.t.Fatal(err)
	}
	config, err := file.Compile()
	if err != nil {
		r.t.Fatal(err)
	}
	l := r.dial(nil)
	var got, want []string
	for i := range 40 {
		id := fmt.Sprintf("%032x", i*7919)
		reply := l.receive("GET")
		if _, err := l.conn.Write([]byte(crlf(get("both", "/", "X-Request-Id: "+id)))); err != nil {
			r.t.Fatal(err)
		}
		reply.wait(r.t)
		got = append(got, id+" "+reply.header.Get("X-Routed-To"))
		route, _ := config.MatchVia(0, "both", core.RequestHash(traces.ParseRequestID(id)))
		want = append(want, id+" "+config.Placement(int(route.Placement)).Name)
	}
	r.same("where a split key goes", strings.Join(got, "\n"), strings.Join(want, "\n"))
}
