package parity

import "strings"

// baseline1 is the older of the baseline's two forms.
const baseline1 = `{"version":"v1","routingTable":{"visa":"visa","acme":"tier1"},
"cellEndpoints":{"visa":"http://<visa>","tier1":"http://<tier1>","tier3":"http://<tier3>"},"defaultPlacement":"tier3"}`

// baseline2 is the newer.
const baseline2 = `{"version":"v1","routingTable":{"visa":"visa","acme":"tier1"},"placements":{
"visa":{"url":"http://<visa>"},"tier1":{"url":"http://<tier1>"},"tier3":{"url":"http://<tier3>"}},"defaultPlacement":"tier3"}`

// native says the same in the native form.
const native = `lockstep: 1
version: v1
access_log: {fields: baseline}
routes: [{unknown_key: {to: tier3}}]
defaults: {health: none, fallback: none}
placements:
  visa: {endpoints: {a: {url: "http://<visa>"}}}
  tier1: {endpoints: {a: {url: "http://<tier1>"}}}
  tier3: {endpoints: {a: {url: "http://<tier3>"}}}
keys: {visa: visa, acme: tier1}
`

// forms are the three ways to say one configuration.
var forms = []struct {
	name, text string
	yaml       bool
}{
	{"the baseline's first form", baseline1, false},
	{"the baseline's second form", baseline2, false},
	{"the native form", native, true},
}

// get is a plain GET with that key, "" for none.
func get(key, path string, more ...string) string {
	s := "GET " + path + " HTTP/1.1\nHost: a.example\n"
	if key != "" {
		s += "X-Routing-Key: " + key + "\n"
	}
	for _, m := range more {
		s += m + "\n"
	}
	return s + "\n"
}

// headerCases are BASELINE's request and response headers.
func headerCases() (all []*testCase) {
	for _, f := range forms {
		for _, c := range []*testCase{
			{name: "a dedicated placement serves its key", steps: []step{ask{
				send: get("visa", "/a?b=c"), want: ok("visa", "dedicated", "closed"),
				saw:    arrived{at: "visa", line: "GET /a?b=c HTTP/1.1", key: "visa"},
				log:    base("GET", "/a", "visa", "visa", "dedicated", "http://<visa>", 200),
				counts: request("visa", "ok", "2xx", "dedicated", "") + attempt("visa", "<visa>", "ok"),
			}}},
			{name: "a tier serves its key", steps: []step{ask{
				send: get("acme", "/"), want: ok("tier1", "tier", "closed"),
				saw: arrived{at: "tier1", line: "GET / HTTP/1.1", key: "acme"},
				log: base("GET", "/", "acme", "tier1", "tier", "http://<tier1>", 200),
			}}},
			{name: "an unknown key goes to the default placement", steps: []step{ask{
				send: get("nobody", "/"), want: ok("tier3", "default", "closed"),
				saw: arrived{at: "tier3", line: "GET / HTTP/1.1", key: "nobody"},
				log: base("GET", "/", "nobody", "tier3", "default", "http://<tier3>", 200),
			}}},
		} {
			c.name, c.config, c.yaml = c.name+" ("+f.name+")", f.text, f.yaml
			all = append(all, c)
		}
	}
	return all
}

// saw is what visa must get of a GET, with these other headers.
func saw(path, with string) arrived {
	return arrived{at: "visa", line: "GET " + path + " HTTP/1.1", key: "visa", with: with}
}

// contractCases are single headers: what is made, kept, appended, stripped.
func contractCases() []*testCase {
	text := "Content-Length: 2\nContent-Type: text/plain"
	plainOK := visaOK(text, "ok")
	withID := func(id string) answer {
		a := plainOK
		a.id = id
		return a
	}
	sawWith := func(a arrived, change func(*arrived)) arrived {
		change(&a)
		return a
	}
	return []*testCase{
		basic("X-Request-Id is kept as it came", ask{
			send: get("visa", "/x", "X-Request-Id: my-own id/7"), want: withID("my-own id/7"),
			saw: sawWith(saw("/x", ""), func(a *arrived) { a.id = "my-own id/7" }),
		}),
		basic("an X-Request-Id of 32 hex digits is kept", ask{
			send: get("visa", "/x", "X-Request-Id: 0123456789abcdef0123456789abcdef"), want: withID("0123456789abcdef0123456789abcdef"),
			saw: sawWith(saw("/x", ""), func(a *arrived) { a.id = "0123456789abcdef0123456789abcdef" }),
		}),
		basic("an X-Request-Id is kept on a refusal", ask{
			send: get("", "/x", "X-Request-Id: kept"), want: func() answer {
				a := refused(400, "no_key: the request has no X-Routing-Key header")
				a.id = "kept"
				return a
			}(),
		}),
		basic("an empty X-Request-Id is as none", ask{
			send: get("visa", "/x", "X-Request-Id:"), want: plainOK, saw: saw("/x", ""),
		}),
		basic("an upstream cannot set the router's own headers", ask{
			send: get("visa", "/x"), script: "HTTP/1.1 200 OK\nContent-Length: 2\nX-Routed-To: a\nX-Route-Reason: b\nX-Circuit-State: c\nX-Failover-Reason: d\nX-Request-Id: e\n\nok",
			want: visaOK("Content-Length: 2", "ok"),
		}),
		basic("X-Forwarded-For is appended and X-Forwarded-Proto set", ask{
			send: get("visa", "/x", "X-Forwarded-For: 10.1.2.3", "X-Forwarded-Proto: https"), want: plainOK,
			saw: sawWith(saw("/x", ""), func(a *arrived) { a.from = "10.1.2.3, 127.0.0.1" }),
		}),
		basic("several X-Forwarded-For become one", ask{
			send: get("visa", "/x", "X-Forwarded-For: 10.1.2.3", "X-Forwarded-For: 10.1.2.4"), want: plainOK,
			saw: sawWith(saw("/x", ""), func(a *arrived) { a.from = "10.1.2.3, 10.1.2.4, 127.0.0.1" }),
		}),
		basic("hop-by-hop headers of a request stay here", ask{
			send: get("visa", "/x", "Connection: X-Mine, keep-alive", "X-Mine: 1", "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive",
				"Proxy-Authorization: Basic eA==", "Te: gzip", "Upgrade: h2c", "Http2-Settings: AAMAAABk", "X-Kept: yes"),
			want: plainOK, saw: saw("/x", "X-Kept: yes"),
		}),
		basic("Te: trailers is passed on", ask{
			send: get("visa", "/x", "Te: trailers, deflate"), want: plainOK, saw: saw("/x", "Te: trailers"),
		}),
		basic("a Connection header cannot name the router's own headers away", ask{
			send: get("visa", "/x", "Connection: X-Request-Id, X-Forwarded-For, X-Routing-Key", "X-Request-Id: kept"), want: withID("kept"),
			saw: sawWith(saw("/x", ""), func(a *arrived) { a.id = "kept" }),
		}),
		basic("hop-by-hop headers of an answer stay here", ask{
			on: "kept", send: get("visa", "/x"), script: "HTTP/1.1 200 OK\nConnection: X-Mine, keep-alive\nX-Mine: 1\nKeep-Alive: timeout=5\nProxy-Authenticate: Basic\n" +
				"Proxy-Connection: keep-alive\nUpgrade: h2c\nContent-Length: 2\nX-Kept: yes\n\nok",
			want: visaOK("Content-Length: 2\nX-Kept: yes", "ok"),
		}, ask{on: "kept", send: get("visa", "/y"), want: plainOK}),
		basic("an upstream that closes does not close the client's connection", ask{
			on: "kept", send: get("visa", "/x"), script: "HTTP/1.1 200 OK\nConnection: close\nContent-Length: 2\n\nok{close}", want: visaOK("Content-Length: 2", "ok"),
		}, ask{on: "kept", send: get("visa", "/y"), want: plainOK}),
		basic("repeated headers keep their number and order", ask{
			send: get("visa", "/x", "Accept: a", "Accept: b", "Cookie: c=1"), script: "HTTP/1.1 200 OK\nSet-Cookie: a=1\nSet-Cookie: b=2\nContent-Length: 2\n\nok",
			want: visaOK("Content-Length: 2\nSet-Cookie: a=1\nSet-Cookie: b=2", "ok"), saw: saw("/x", "Accept: a\nAccept: b\nCookie: c=1"),
		}),
		basic("an answer's own Date, Server and Via pass", ask{
			send: get("visa", "/x"), script: "HTTP/1.1 200 OK\nDate: Sun, 06 Nov 1994 08:49:37 GMT\nServer: theirs\nVia: 1.0 x\nContent-Length: 2\n\nok",
			want: func() answer {
				a := visaOK("Content-Length: 2\nServer: theirs\nVia: 1.0 x", "ok")
				a.date = "Sun, 06 Nov 1994 08:49:37 GMT"
				return a
			}(),
		}),
		basic("no content type is guessed", ask{
			send: get("visa", "/x"), script: "HTTP/1.1 200 OK\nContent-Length: 6\n\n<html>", want: visaOK("Content-Length: 6", "<html>"),
		}),
		basic("nothing is compressed or decompressed", ask{
			send: get("visa", "/x", "Accept-Encoding: gzip"), script: "HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 3\n\nabc",
			want: visaOK("Content-Encoding: gzip\nContent-Length: 3", "abc"), saw: saw("/x", "Accept-Encoding: gzip"),
		}),
		basic("a redirect is passed on and not followed", ask{
			send: get("visa", "/x"), script: "HTTP/1.1 302 Found\nLocation: http://elsewhere.example/\nContent-Length: 0\n\n",
			want: answer{status: 302, to: "visa", why: "dedicated", circuit: "closed", with: "Content-Length: 0\nLocation: http://elsewhere.example/"},
		}),
		basic("a 206 passes with its range", ask{
			send: get("visa", "/x", "Range: bytes=0-1"), script: "HTTP/1.1 206 Partial Content\nContent-Range: bytes 0-1/9\nContent-Length: 2\n\nok",
			want: answer{status: 206, to: "visa", why: "dedicated", circuit: "closed", with: "Content-Length: 2\nContent-Range: bytes 0-1/9", body: "ok"}, saw: saw("/x", "Range: bytes=0-1"),
		}),
		basic("the path is not cleaned and the query not touched", ask{
			send: get("visa", "/a/../b//c%2Fd?x=%41&&y;z"), script: "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", want: plainOK,
			saw: saw("/a/../b//c%2Fd?x=%41&&y;z", ""),
		}),
		basic("an absolute target is its path", ask{
			send: "GET http://a.example/x?y HTTP/1.1\nHost: a.example\nX-Routing-Key: visa\n\n", want: plainOK, saw: saw("/x?y", ""),
		}),
		{name: "upstream.host is what the upstream sees as Host", yaml: true, config: strings.Replace(native, `"http://<visa>"}}`, `"http://<visa>"}}, upstream: {host: shop.internal}`, 1), steps: []step{ask{
			send: get("visa", "/x"), want: plainOK, saw: sawWith(saw("/x", ""), func(a *arrived) { a.host = "shop.internal" }),
		}}},
	}
}
