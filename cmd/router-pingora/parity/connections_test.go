package parity

// methodCases are methods, versions and the life of a connection.
func methodCases() []*testCase {
	text := "Content-Length: 2\nContent-Type: text/plain"
	plainOK := visaOK(text, "ok")
	line := func(method, target, proto string) string {
		return method + " " + target + " " + proto + "\nHost: a.example\nX-Routing-Key: visa\n"
	}
	any := func(method string) *testCase {
		return basic(method+" is passed on", ask{
			send: line(method, "/x", "HTTP/1.1") + "\n", want: plainOK,
			saw: arrived{at: "visa", line: method + " /x HTTP/1.1", key: "visa"},
			log: base(method, "/x", "visa", "visa", "dedicated", "http://<visa>", 200),
		})
	}
	emptyUp := func(method string) *testCase {
		return basic(method+" without a body is passed on with a length of 0", ask{
			send: line(method, "/x", "HTTP/1.1") + "Content-Length: 0\n\n", want: plainOK,
			saw: arrived{at: "visa", line: method + " /x HTTP/1.1", key: "visa", with: "Content-Length: 0"},
		})
	}
	old := func(a answer, keeps bool) answer {
		a.proto, a.closed = "HTTP/1.0", !keeps
		return a
	}
	const notProxied = "bad_request: connect: CONNECT is not proxied"
	return []*testCase{
		any("OPTIONS"), any("TRACE"), any("DELETE"), any("BREW"), emptyUp("PUT"), emptyUp("PATCH"),
		basic("HEAD has the header of the GET and no body", ask{
			on: "kept", send: line("HEAD", "/x", "HTTP/1.1") + "\n", script: "HTTP/1.1 200 OK\nContent-Length: 77\nContent-Type: text/plain\n\n",
			want: visaOK("Content-Length: 77\nContent-Type: text/plain", ""), saw: arrived{at: "visa", line: "HEAD /x HTTP/1.1", key: "visa"},
		}, ask{on: "kept", send: get("visa", "/y"), want: plainOK}),
		basic("HEAD of a refusal has its length and no body", ask{
			on: "kept", send: "HEAD /x HTTP/1.1\nHost: a.example\n\n", want: answer{status: 400, with: ownHeaders("no_key: the request has no X-Routing-Key header")},
		}, ask{on: "kept", send: get("visa", "/y"), want: plainOK}),
		basic("OPTIONS * is passed on", ask{
			send: line("OPTIONS", "*", "HTTP/1.1") + "\n", want: plainOK, saw: arrived{at: "visa", line: "OPTIONS * HTTP/1.1", key: "visa"},
		}),
		basic("CONNECT is refused", ask{
			send: "CONNECT elsewhere.example:443 HTTP/1.1\nHost: elsewhere.example:443\n\n",
			want: answer{status: 405, closed: true, body: notProxied, with: "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE\nConnection: close\n" + ownHeaders(notProxied)},
		}),
		basic("a connection is kept for the next request", ask{on: "kept", send: get("visa", "/x"), want: plainOK}, ask{on: "kept", send: get("acme", "/y"), want: ok("tier1", "tier", "closed")}),
		basic("a connection is kept after a refusal", ask{
			on: "kept", send: get("", "/x"), want: refused(400, "no_key: the request has no X-Routing-Key header"),
		}, ask{on: "kept", send: get("visa", "/y"), want: plainOK}),
		basic("a client that asks for it gets a connection that closes", ask{send: get("visa", "/x", "Connection: close"), want: leaving(plainOK), saw: saw("/x", "")}),
		basic("HTTP/1.0 closes", ask{send: line("GET", "/x", "HTTP/1.0") + "\n", want: old(leaving(plainOK), false), saw: saw("/x", "")}),
		basic("HTTP/1.0 that asks for it is kept", ask{
			on: "kept", send: line("GET", "/x", "HTTP/1.0") + "Connection: keep-alive\n\n", want: old(visaOK(text+"\nConnection: keep-alive", "ok"), true), saw: saw("/x", ""),
		}, ask{on: "kept", send: get("visa", "/y"), want: plainOK}),
		basic("HTTP/1.0 gets no chunks: the body ends with the connection", ask{
			send: line("GET", "/x", "HTTP/1.0") + "Connection: keep-alive\n\n", script: "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n",
			want: old(leavingWith(visaOK("", "hello")), false),
		}),
		basic("an HTTP/1.0 request without Host is served", ask{
			send: "GET /x HTTP/1.0\nX-Routing-Key: visa\n\n", want: old(leaving(plainOK), false), saw: saw("/x", ""),
		}),
		basic("an upstream that speaks HTTP/1.0 is served in HTTP/1.1", ask{
			send: get("visa", "/x"), script: "HTTP/1.0 200 OK\nContent-Length: 2\n\nok{close}", want: visaOK("Content-Length: 2", "ok"),
		}),
		pipelined(),
		basic("100 Continue comes before the body is sent", ask{
			send: post("/x", "Expect: 100-continue\nContent-Length: 5", "{then}hello"), then: func(r *run, x *exchange) {
				until(r.t, "100 Continue", func() bool { return len(x.got.informedSoFar()) > 0 })
			},
			want: func() answer {
				a := plainOK
				a.informed = "HTTP/1.1 100\n"
				return a
			}(),
			saw: arrived{at: "visa", line: "POST /x HTTP/1.1", key: "visa", with: "Content-Length: 5\nExpect: 100-continue", body: "hello"},
		}),
		basic("a refusal comes before the body is sent", ask{
			send: "POST /x HTTP/1.1\nHost: a.example\nExpect: 100-continue\nContent-Length: 5\n\n", want: leaving(refused(400, "no_key: the request has no X-Routing-Key header")),
		}),
		basic("103 Early Hints pass", ask{
			send: get("visa", "/x"), script: "HTTP/1.1 103 Early Hints\nLink: </a>; rel=preload\n\n" + plain,
			want: func() answer {
				a := plainOK
				a.informed = "HTTP/1.1 103\nLink: </a>; rel=preload\n"
				return a
			}(),
		}),
		basic("an expectation that nobody knows", ask{
			send: post("/x", "Expect: a-miracle\nContent-Length: 5", "hello"),
			want: leaving(refused(417, "bad_request: bad_expect: the only expectation understood is 100-continue")),
		}),
		basic("a request without Host", ask{
			send: "GET /x HTTP/1.1\nX-Routing-Key: visa\n\n", want: leaving(refused(400, "bad_request: missing_host: the request has no Host header")),
		}),
		basic("not HTTP", ask{send: "HELLO\n\n", want: leaving(refused(400, "bad_request: bad_request_line: the request line is not method, target and version with one space between them"))}),
		basic("a chunk without a size ends the upload and its connection", ask{
			send: post("/x", "Transfer-Encoding: chunked", "5\nhello\nxyz\n"),
			want: leaving(answer{status: 400, to: "visa", why: "dedicated", circuit: "closed", with: ownHeaders("bad_request: bad_chunk_size: a chunk of the body does not begin with its size"), body: "bad_request: bad_chunk_size: a chunk of the body does not begin with its size"}),
		}),
	}
}

// pipelined sends two requests at once.
func pipelined() *testCase {
	return basic("pipelined requests are answered in their order", does(func(r *run) {
		r.origin("visa").script("/x", "HTTP/1.1 200 OK\nContent-Length: 5\n\nfirst")
		l := r.dial(nil)
		if _, err := l.conn.Write([]byte(crlf(get("visa", "/x") + get("acme", "/y")))); err != nil {
			r.t.Fatal(err)
		}
		for _, want := range []answer{visaOK("Content-Length: 5", "first"), ok("tier1", "tier", "closed")} {
			got := l.receive("GET")
			got.wait(r.t)
			r.same("a pipelined answer", got.text(), want.text())
		}
	}))
}
