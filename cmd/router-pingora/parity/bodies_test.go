package parity

import (
	"fmt"
	"strings"
)

// visaOK is an answer of visa with these other headers and body.
func visaOK(with, body string) answer {
	return answer{status: 200, to: "visa", why: "dedicated", circuit: "closed", with: with, body: body}
}

// basic is a case over the native form with one step and its expectation.
func basic(name string, steps ...step) *testCase {
	return &testCase{name: name, config: native, yaml: true, steps: steps}
}

// post is a POST to visa with these header lines and body.
func post(path, header, body string) string {
	return "POST " + path + " HTTP/1.1\nHost: a.example\nX-Routing-Key: visa\n" + header + "\n\n" + body
}

// bodyCases are bodies both ways: lengths, chunks, trailers, none, streams.
func bodyCases() []*testCase {
	withBody := func(body string) arrived {
		return arrived{at: "visa", line: "POST /x HTTP/1.1", key: "visa", with: fmt.Sprintf("Content-Length: %d", len(body)), body: body}
	}
	chunkedUp := arrived{at: "visa", line: "POST /x HTTP/1.1", key: "visa", with: "Transfer-Encoding: chunked", body: "hello world!"}
	text := "Content-Length: 2\nContent-Type: text/plain"
	chunked := visaOK("", "hello world!")
	chunked.chunked = true
	withTrailers := chunked
	withTrailers.with, withTrailers.trailers = "Trailer: X-Sum", "X-Sum: 12"
	return []*testCase{
		basic("a body with a length goes up as it is", ask{
			send: post("/x", "Content-Length: 5", "hello"), want: visaOK(text, "ok"), saw: withBody("hello"),
		}),
		basic("a body in chunks goes up in chunks", ask{
			send: post("/x", "Transfer-Encoding: chunked", "5\nhello\n7\n world!\n0\n\n"), want: visaOK(text, "ok"), saw: chunkedUp,
		}),
		basic("chunk extensions are not passed on and change nothing", ask{
			send: post("/x", "Transfer-Encoding: chunked", "5;a=b\nhello\n7\n world!\n0\n\n"), want: visaOK(text, "ok"), saw: chunkedUp,
		}),
		basic("trailers go up", ask{
			send: post("/x", "Transfer-Encoding: chunked\nTrailer: X-Sum", "5\nhello\n7\n world!\n0\nX-Sum: 12\n\n"), want: visaOK(text, "ok"),
			saw: arrived{at: "visa", line: "POST /x HTTP/1.1", key: "visa", with: "Transfer-Encoding: chunked\nTrailer: X-Sum", body: "hello world!", trailers: "X-Sum: 12"},
		}),
		basic("an empty body with a length of 0", ask{
			send: post("/x", "Content-Length: 0", ""), want: visaOK(text, "ok"), saw: withBody(""),
		}),
		basic("an empty body in chunks", ask{
			send: post("/x", "Transfer-Encoding: chunked", "0\n\n"), want: visaOK(text, "ok"),
			saw: arrived{at: "visa", line: "POST /x HTTP/1.1", key: "visa", with: "Transfer-Encoding: chunked"},
		}),
		basic("a GET with a body keeps it", ask{
			send: "GET /x HTTP/1.1\nHost: a.example\nX-Routing-Key: visa\nContent-Length: 3\n\nabc", want: visaOK(text, "ok"),
			saw: arrived{at: "visa", line: "GET /x HTTP/1.1", key: "visa", with: "Content-Length: 3", body: "abc"},
		}),
		basic("an answer in chunks comes in chunks", ask{
			send: get("visa", "/x"), script: "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n7\n world!\n0\n\n", want: chunked,
		}),
		basic("trailers that are announced come down", ask{
			send: get("visa", "/x"), script: "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X-Sum\n\n5\nhello\n7\n world!\n0\nX-Sum: 12\n\n", want: withTrailers,
		}),
		basic("an answer without a length ends with its connection and comes in chunks", ask{
			send: get("visa", "/x"), script: "HTTP/1.1 200 OK\n\nhello world!{close}", want: chunked,
		}),
		basic("an empty answer", ask{
			send: get("visa", "/x"), script: "HTTP/1.1 200 OK\nContent-Length: 0\n\n", want: visaOK("Content-Length: 0", ""),
		}),
		basic("204 has no body and no length", ask{
			on: "kept", send: get("visa", "/x"), script: "HTTP/1.1 204 No Content\n\n", want: told204(),
		}, ask{on: "kept", send: get("visa", "/y"), want: visaOK(text, "ok")}),
		basic("304 keeps its length and has no body", ask{
			on: "kept", send: get("visa", "/x", `If-None-Match: "a"`), script: "HTTP/1.1 304 Not Modified\nContent-Length: 99\nEtag: \"a\"\n\n",
			want: answer{status: 304, to: "visa", why: "dedicated", circuit: "closed", with: "Content-Length: 99\nEtag: \"a\""},
		}, ask{on: "kept", send: get("visa", "/y"), want: visaOK(text, "ok")}),
		basic("8 MiB come down by length", ask{
			send: get("visa", "/x"), script: fmt.Sprintf("HTTP/1.1 200 OK\nContent-Length: %d\n\n{megabytes}", large), want: visaOK(fmt.Sprintf("Content-Length: %d", large), fmt.Sprintf("[%d bytes]", large)),
		}),
		basic("8 MiB come down until the end of the connection", ask{
			send: get("visa", "/x"), script: "HTTP/1.1 200 OK\n\n{megabytes}{close}", want: answer{status: 200, to: "visa", why: "dedicated", circuit: "closed", chunked: true, body: fmt.Sprintf("[%d bytes]", large)},
		}),
		basic("1 MiB goes up", ask{
			send: post("/x", fmt.Sprintf("Content-Length: %d", 1<<20), strings.Repeat("y", 1<<20)), want: visaOK(text, "ok"),
			saw: arrived{at: "visa", line: "POST /x HTTP/1.1", key: "visa", with: fmt.Sprintf("Content-Length: %d", 1<<20), body: fmt.Sprintf("[%d bytes]", 1<<20)},
		}),
		basic("a stream in chunks: the first byte is there before the last is sent",
			ask{send: get("visa", "/x"), script: "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n{hold}7\n world!\n0\n\n", want: chunked, later: "x"},
			comes{"x", "hello"}, finish{name: "x"}),
		basic("a stream with a length: the first byte is there before the last is sent",
			ask{send: get("visa", "/x"), script: "HTTP/1.1 200 OK\nContent-Length: 12\n\nhello{hold} world!", want: visaOK("Content-Length: 12", "hello world!"), later: "x"},
			comes{"x", "hello"}, finish{name: "x"}),
		basic("an event stream: each event is there when it is sent",
			ask{
				send: get("visa", "/x", "Accept: text/event-stream"), script: "HTTP/1.1 200 OK\nContent-Type: text/event-stream\n\ndata: 1\n\n{hold}data: 2\n\n{close}", later: "x",
				want: answer{status: 200, to: "visa", why: "dedicated", circuit: "closed", chunked: true, with: "Content-Type: text/event-stream", body: "data: 1\r\n\r\ndata: 2\r\n\r"},
			},
			comes{"x", "data: 1"}, finish{name: "x"}),
		basic("the header of a stream is there before its body", ask{
			send: get("visa", "/x"), script: "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n{hold}5\nhello\n7\n world!\n0\n\n", want: chunked, later: "x",
		}, does(func(r *run) { r.begun(r.open["x"]) }), finish{name: "x"}),
		basic("an upload streams: its first byte is at the origin before the last is sent", ask{
			send: post("/x", "Transfer-Encoding: chunked", "5\nhello\n{seen:hello}7\n world!\n0\n\n"), want: visaOK(text, "ok"), saw: chunkedUp,
		}),
		basic("an upload with a length streams", ask{
			send: post("/x", "Content-Length: 12", "hello{seen:hello} world!"), want: visaOK(text, "ok"), saw: withBody("hello world!"),
		}),
		basic("both ways at once: an answer that begins before its request ends", ask{
			send:   post("/x", "Transfer-Encoding: chunked", "5\nhello\n{then}7\n world!\n0\n\n"),
			script: "{early}HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n{hold}7\n world!\n0\n\n",
			then: func(r *run, x *exchange) {
				r.begun(x)
				r.origin("visa").release()
			},
			want: leavingWith(chunked),
		}),
	}
}

// told204 is a 204 of visa.
func told204() answer { return answer{status: 204, to: "visa", why: "dedicated", circuit: "closed"} }

// leavingWith is leaving for an answer that has other headers, or none.
func leavingWith(a answer) answer {
	a.with, a.closed = strings.TrimPrefix(a.with+"\nConnection: close", "\n"), true
	return a
}
