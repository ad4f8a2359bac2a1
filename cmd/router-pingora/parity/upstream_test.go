package parity

// upstreamFailure is what the failed attempt at a placement must look like.
type upstreamFailure struct {
	key, class, sentence string
	whole                string // in place of sentence, where that does not begin with the upstream
	status               int
	url                  string // as the log has it
	path, script         string
}

// text is the answer's text.
func (f upstreamFailure) text() string {
	if f.whole != "" {
		return f.class + ": " + f.whole
	}
	return f.class + ": the upstream of " + f.key + " " + f.sentence
}

func (f upstreamFailure) ask() ask {
	l := row{
		method: "GET", path: or(f.path, "/"), key: f.key, placement: f.key, reason: "dedicated", url: f.url, circuit: "closed",
		status: f.status, class: f.class, attempts: 1, more: "upstream_error=*",
	}
	if f.class == "response_timeout" {
		l.more = "" // the upstream did nothing that could be told
	}
	return ask{
		send: get(f.key, or(f.path, "/")), script: f.script, log: l.text(),
		want:   answer{status: f.status, to: f.key, why: "dedicated", circuit: "closed", with: ownHeaders(f.text()), body: f.text()},
		counts: request(f.key, f.class, "5xx", "dedicated", "") + attemptAt(f.key, f.url, f.class),
	}
}

// attemptAt counts an attempt at an endpoint by its URL.
func attemptAt(placement, url, class string) string {
	return "lockstep_attempts_total{class=" + class + " endpoint=" + url + " placement=" + placement + "} 1\n"
}

// twice is a case in which every attempt fails alike: the second opens the breaker.
func (f upstreamFailure) twice(name string) *testCase {
	short := map[int]string{502: "502", 504: "504"}[f.status] + " closed " + f.key
	path := or(f.path, "/")
	return &testCase{name: f.class + ": " + name, config: strict, yaml: true, before: withCA, steps: []step{
		f.ask(), each{f.key, path + " " + path, short + ", 503 open"},
	}}
}

// upstreamCases are the classes 13 to 22 of R16, and internal: what goes wrong with an endpoint.
func upstreamCases() []*testCase {
	all := []*testCase{
		upstreamFailure{key: "nowhere", class: "dns", status: 502, url: "http://nowhere.invalid:80", whole: "the name of the upstream of nowhere does not resolve"}.twice("a name that nobody has"),
		upstreamFailure{key: "gone", class: "connect_refused", status: 502, url: "http://<refused>", sentence: "refuses connections"}.twice("nobody listens"),
		upstreamFailure{key: "hole", class: "connect_timeout", status: 502, url: "http://<blackhole>", sentence: "did not accept the connection in time"}.twice("nobody answers"),
		upstreamFailure{key: "forged", class: "tls", status: 502, url: "https://<tls-stranger>", whole: "the TLS handshake with the upstream of forged failed"}.twice("an authority that is not trusted"),
		upstreamFailure{key: "misnamed", class: "tls", status: 502, url: "https://<tls-other-name>", whole: "the TLS handshake with the upstream of misnamed failed"}.twice("a certificate for another name"),
		upstreamFailure{key: "plain", class: "tls", status: 502, url: "https://<visa>", whole: "the TLS handshake with the upstream of plain failed"}.twice("an upstream that speaks no TLS"),
		upstreamFailure{key: "older", class: "tls", status: 502, url: "https://<tls-good>", whole: "the TLS handshake with the upstream of older failed"}.twice("an upstream that does not offer HTTP/2 where nothing else will do"),
		upstreamFailure{key: "visa", class: "reset_before_response", status: 502, url: "http://<visa>", sentence: "closed the connection before it answered", path: "/x", script: "{reset}"}.twice("a reset in place of an answer"),
		upstreamFailure{key: "visa", class: "reset_before_response", status: 502, url: "http://<visa>", sentence: "closed the connection before it answered", path: "/x", script: "{close}"}.twice("an end in place of an answer"),
		upstreamFailure{key: "visa", class: "reset_before_response", status: 502, url: "http://<visa>", sentence: "closed the connection before it answered", path: "/x", script: "HTTP/1.1 200 OK\nContent-Le{close}"}.twice("an end within the header"),
		upstreamFailure{key: "slow", class: "response_timeout", status: 504, url: "http://<slow>", sentence: "did not answer in time", path: "/x", script: "{hang}"}.twice("silence"),
		upstreamFailure{key: "visa", class: "bad_response", status: 502, url: "http://<visa>", sentence: "answered with something that is not HTTP", path: "/x", script: "SSH-2.0-OpenSSH_9.7\n{close}"}.twice("another protocol"),
		upstreamFailure{key: "visa", class: "bad_response", status: 502, url: "http://<visa>", sentence: "answered with something that is not HTTP", path: "/x", script: "HTTP/1.1 200 OK\nContent-Length: 2\nTransfer-Encoding: chunked\n\n0\n\n"}.twice("both lengths"),
	}
	return append(all, passedOn()...)
}

// passedOn are the failures that come after the header: the client gets what there is.
func passedOn() []*testCase {
	visa := row{method: "GET", path: "/x", key: "visa", placement: "visa", reason: "dedicated", url: "http://<visa>", circuit: "closed", attempts: 1}
	log := func(status int, class string, out int, more string) string {
		l := visa
		l.status, l.class, l.out, l.more = status, class, out, more
		return l.text()
	}
	ended := func(name string, a ask, effect step) *testCase {
		a.send = get("visa", "/x")
		a.want.to, a.want.why, a.want.circuit = "visa", "dedicated", "closed"
		return &testCase{name: name, config: strict, yaml: true, before: withCA, steps: []step{primed, reset{}, a, effect}}
	}
	cut := answer{status: 200, with: "Content-Length: 10", body: "hello", cut: true}
	chunked := answer{status: 200, chunked: true, body: "hello", cut: true}
	broken := request("visa", "broken_body", "2xx", "dedicated", "") + attempt("visa", "<visa>", "broken_body")
	return []*testCase{
		ended("ok: a success clears the count of failures", ask{
			want: answer{status: 200, with: "Content-Length: 2\nContent-Type: text/plain", body: "ok"}, log: log(200, "ok", 2, ""),
			counts: request("visa", "ok", "2xx", "dedicated", "") + attempt("visa", "<visa>", "ok"),
		}, counted),
		ended("ok: an upstream's own 4xx is a success (R7)", ask{
			script: "HTTP/1.1 404 Not Found\nContent-Length: 3\n\nnay", want: answer{status: 404, with: "Content-Length: 3", body: "nay"}, log: log(404, "ok", 3, ""),
			counts: request("visa", "ok", "4xx", "dedicated", "") + attempt("visa", "<visa>", "ok"),
		}, counted),
		ended("upstream_5xx: an upstream's own 503 passes through and counts", ask{
			script: "HTTP/1.1 503 Busy\nContent-Length: 4\nRetry-After: 7\n\nbusy", want: answer{status: 503, with: "Content-Length: 4\nRetry-After: 7", body: "busy"}, log: log(503, "upstream_5xx", 4, ""),
			counts: request("visa", "upstream_5xx", "5xx", "dedicated", "") + attempt("visa", "<visa>", "upstream_5xx"),
		}, failed),
		ended("broken_body: an end before the length is over", ask{
			script: "HTTP/1.1 200 OK\nContent-Length: 10\n\nhello{close}", want: cut, log: log(200, "broken_body", 5, "upstream_error=*"), counts: broken,
		}, failed),
		ended("broken_body: a reset before the length is over", ask{
			script: "HTTP/1.1 200 OK\nContent-Length: 10\n\nhello{reset}", want: cut, log: log(200, "broken_body", 5, "upstream_error=*"), counts: broken,
		}, failed),
		ended("broken_body: an end between two chunks", ask{
			script: "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n{close}", want: chunked, log: log(200, "broken_body", 5, "upstream_error=*"), counts: broken,
		}, failed),
		ended("broken_body: a chunk that has no size", ask{
			script: "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\nxyz\n{close}", want: chunked, log: log(200, "broken_body", 5, "upstream_error=*"), counts: broken,
		}, failed),
		{name: "body_timeout: a body that stands still", config: strict, yaml: true, before: withCA, steps: []step{ask{
			send: get("still", "/x"), script: "HTTP/1.1 200 OK\nContent-Length: 10\n\nhello{hang}",
			want:   answer{status: 200, to: "still", why: "dedicated", circuit: "closed", with: "Content-Length: 10", body: "hello", cut: true},
			log:    row{method: "GET", path: "/x", key: "still", placement: "still", reason: "dedicated", url: "http://<still>", circuit: "closed", attempts: 1, status: 200, class: "body_timeout", out: 5}.text(),
			counts: request("still", "body_timeout", "2xx", "dedicated", "") + attempt("still", "<still>", "body_timeout"),
			// After settle it was booked as a success, and then as one failure (R7).
		}, each{"still", "/status/500 /", "500 closed still, 503 open"}}},
		{name: "body_too_large: by counting", config: strict, yaml: true, before: withCA, steps: []step{primed, reset{}, ask{
			send:   "POST /up HTTP/1.1\nHost: a.example\nX-Routing-Key: visa\nTransfer-Encoding: chunked\n\n5\nhello\n6\nworld!\n0\n\n",
			want:   answer{status: 413, to: "visa", why: "dedicated", circuit: "closed", closed: true, with: "Connection: close\n" + ownHeaders("body_too_large: the request body is larger than its placement accepts"), body: "body_too_large: the request body is larger than its placement accepts"},
			log:    row{method: "POST", path: "/up", key: "visa", placement: "visa", reason: "dedicated", url: "http://<visa>", circuit: "closed", attempts: 1, status: 413, class: "body_too_large", failover: "body_size_limit", in: 11}.text(),
			counts: request("visa", "body_too_large", "4xx", "dedicated", "") + attempt("visa", "<visa>", "body_too_large"),
		}, excluded}},
		{name: "internal: a TLS setting whose file is missing", config: strict, yaml: true, before: withCA, steps: []step{ask{
			send: get("broken", "/"), want: answer{status: 500, to: "broken", why: "dedicated", circuit: "closed", with: ownHeaders("internal: the router could not handle the request"), body: "internal: the router could not handle the request"},
			log:    row{method: "GET", path: "/", key: "broken", placement: "broken", reason: "dedicated", url: "https://<visa>", circuit: "closed", attempts: 1, status: 500, class: "internal", more: "upstream_error=*"}.text(),
			counts: request("broken", "internal", "5xx", "dedicated", "") + attemptAt("broken", "https://<visa>", "internal"),
		}, each{"broken", "/ / /", "500 closed broken, 500 closed broken, 500 closed broken"}}},
		unauthorized(),
	}
}
