package http1_test

import "strings"

// hygieneCase is what a client sends on one connection, and what must come of it.
type hygieneCase struct {
	name string
	raw  string
	want string // the reason's code, "ok" for a request that is served
	seen int    // complete requests that the origin sees
}

const (
	get   = "GET /first HTTP/1.1\r\n"
	post  = "POST /first HTTP/1.1\r\n"
	host  = "Host: shop.example\r\nX-Routing-Key: k\r\n"
	end   = "\r\n"
	last  = "Connection: close\r\n"
	inner = "GET /smuggled HTTP/1.1\r\nHost: shop.example\r\nX-Routing-Key: k\r\n\r\n"
	te    = "Transfer-Encoding: chunked\r\n"
	zero  = "0\r\n\r\n"
)

// hygieneCases is the suite: at least 150 ways to send one request that somebody
// may take for two, or for another.
func hygieneCases() []hygieneCase {
	return concat(
		lengthCases(), codingCases(), chunkCases(), trailerCases(), hostCases(), lineCases(),
		headerCases(), endCases(), limitCases(), pipelineCases(), otherCases(),
	)
}

func concat(groups ...[]hygieneCase) (all []hygieneCase) {
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// one builds a case of one POST with the given header lines and body.
func one(name, lines, body, want string, seen int) hygieneCase {
	return hygieneCase{name, post + host + lines + end + body, want, seen}
}

func lengthCases() []hygieneCase {
	return []hygieneCase{
		one("length", "Content-Length: 5\r\n"+last, "hello", "ok", 1),
		one("length 0", "Content-Length: 0\r\n"+last, "", "ok", 1),
		one("length with leading zeros", "Content-Length: 0005\r\n"+last, "hello", "ok", 1),
		one("length surrounded by spaces and tabs", "Content-Length: \t 5 \t\r\n"+last, "hello", "ok", 1),
		one("length in capital letters", "CONTENT-LENGTH: 5\r\n"+last, "hello", "ok", 1),
		one("no length hides a second request", "", inner, "ok", 2),
		one("length then chunked", "Content-Length: 5\r\n"+te, zero+inner, "both_lengths", 0),
		one("chunked then length", te+"Content-Length: 5\r\n", zero+inner, "both_lengths", 0),
		one("length of all, chunked of none", "Content-Length: 90\r\n"+te, zero+inner, "both_lengths", 0),
		one("length 0 and chunked", "Content-Length: 0\r\n"+te, "5\r\nhello\r\n0\r\n\r\n", "both_lengths", 0),
		one("two different lengths", "Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"+inner, "repeated_length", 0),
		one("two equal lengths", "Content-Length: 5\r\nContent-Length: 5\r\n", "hello", "repeated_length", 0),
		one("length 0 then length", "Content-Length: 0\r\nContent-Length: 82\r\n", inner, "repeated_length", 0),
		one("two lengths in one header", "Content-Length: 5, 6\r\n", "hello!", "bad_length", 0),
		one("two equal lengths in one header", "Content-Length: 5, 5\r\n", "hello", "bad_length", 0),
		one("length and comma", "Content-Length: 5,\r\n", "hello", "bad_length", 0),
		one("length with plus", "Content-Length: +5\r\n", "hello", "bad_length", 0),
		one("length with minus", "Content-Length: -5\r\n", "hello", "bad_length", 0),
		one("length minus zero", "Content-Length: -0\r\n", inner, "bad_length", 0),
		one("length in hex", "Content-Length: 0x5\r\n", "hello", "bad_length", 0),
		one("length in hex digits", "Content-Length: a\r\n", "0123456789", "bad_length", 0),
		one("length with a fraction", "Content-Length: 5.0\r\n", "hello", "bad_length", 0),
		one("length with an exponent", "Content-Length: 5e0\r\n", "hello", "bad_length", 0),
		one("length with an underscore", "Content-Length: 1_0\r\n", "0123456789", "bad_length", 0),
		one("length with a space inside", "Content-Length: 1 0\r\n", "0123456789", "bad_length", 0),
		one("length empty", "Content-Length:\r\n", inner, "bad_length", 0),
		one("length only spaces", "Content-Length:   \r\n", inner, "bad_length", 0),
		one("length in quotes", "Content-Length: \"5\"\r\n", "hello", "bad_length", 0),
		one("length beyond 63 bits", "Content-Length: 9223372036854775808\r\n", "hello", "bad_length", 0),
		one("length beyond 64 bits", "Content-Length: 18446744073709551621\r\n", "hello", "bad_length", 0),
		one("length of 100 digits", "Content-Length: "+strings.Repeat("0", 99)+"5\r\n", "hello", "bad_length", 0),
		one("length with a vertical tab", "Content-Length: \x0b5\r\n", "hello", "bad_header_value", 0),
		one("length with a zero byte", "Content-Length: 5\x00\r\n", "hello", "nul", 0),
		one("length with a full-width digit", "Content-Length: ５\r\n", "hello", "bad_length", 0),
		one("length with a space before the colon", "Content-Length : 5\r\n", "hello", "space_before_colon", 0),
		one("length with an underscore in its name", "Content_Length: 82\r\n", inner, "ok", 2),
		{"length on GET", get + host + last + "Content-Length: 5\r\n\r\nhello", "ok", 1},
		{"two lengths on GET", get + host + "Content-Length: 0\r\nContent-Length: 82\r\n\r\n" + inner, "repeated_length", 0},
	}
}

func codingCases() []hygieneCase {
	coding := func(name, value, want string) hygieneCase {
		return one("coding "+name, "Transfer-Encoding:"+value+"\r\n", zero+inner, want, 0)
	}
	return []hygieneCase{
		one("chunked", te+last, zero, "ok", 1),
		one("chunked in capitals", "Transfer-Encoding: CHUNKED\r\n"+last, zero, "ok", 1),
		one("chunked between spaces", "Transfer-Encoding: \t chunked \t\r\n"+last, zero, "ok", 1),
		one("chunked, name in small letters", "transfer-encoding: chunked\r\n"+last, zero, "ok", 1),
		coding("empty", "", "te_not_last"),
		coding("identity", " identity", "te_unknown"),
		coding("identity then chunked", " identity, chunked", "te_unknown"),
		coding("gzip", " gzip", "te_unknown"),
		coding("gzip then chunked", " gzip, chunked", "te_unknown"),
		coding("chunked then gzip", " chunked, gzip", "te_not_last"),
		coding("chunked then identity", " chunked, identity", "te_not_last"),
		coding("chunked twice", " chunked, chunked", "te_not_last"),
		coding("chunked and comma", " chunked,", "te_not_last"),
		coding("comma and chunked", " ,chunked", "te_not_last"),
		coding("chunked with a parameter", " chunked;q=1", "te_unknown"),
		coding("in quotes", " \"chunked\"", "te_unknown"),
		coding("xchunked", " xchunked", "te_unknown"),
		coding("chunke", " chunke", "te_unknown"),
		coding("chunked with a letter behind", " chunkedx", "te_unknown"),
		coding("cow", " cow", "te_unknown"),
		coding("chunked and space and word", " chunked x", "te_unknown"),
		coding("behind a vertical tab", " \x0bchunked", "bad_header_value"),
		coding("behind a form feed", " \x0cchunked", "bad_header_value"),
		coding("before a zero byte", " chunked\x00", "nul"),
		coding("with a no-break space", " \xa0chunked", "te_unknown"),
		coding("with a letter that folds to k", " chun\u212aed", "te_unknown"),
		coding("on a second line", "\r\n chunked", "obs_fold"),
		one("two codings headers, chunked last", "Transfer-Encoding: identity\r\n"+te, zero+inner, "te_unknown", 0),
		one("two codings headers, chunked first", te+"Transfer-Encoding: identity\r\n", zero+inner, "te_not_last", 0),
		one("chunked in two headers", te+te, zero+inner, "te_not_last", 0),
		one("space before the coding's colon", "Transfer-Encoding : chunked\r\n", zero+inner, "space_before_colon", 0),
		one("tab before the coding's colon", "Transfer-Encoding\t: chunked\r\n", zero+inner, "space_before_colon", 0),
		one("space before the coding's name", " Transfer-Encoding: chunked\r\n", zero+inner, "obs_fold", 0),
		one("control before the coding's name", "\x01Transfer-Encoding: chunked\r\n", zero+inner, "bad_header_name", 0),
		one("coding's name with an underscore", "Transfer_Encoding: chunked\r\n"+last, "", "ok", 1),
		one("coding behind a bare LF", "X: a\nTransfer-Encoding: chunked\r\n", zero+inner, "bare_lf", 0),
		one("coding behind a bare CR", "X: a\rTransfer-Encoding: chunked\r\n", zero+inner, "bare_cr", 0),
		one("Content-Length in Connection", "Connection: Content-Length\r\nContent-Length: 5\r\n", "hello", "ok", 1),
		{"chunked in HTTP/1.0", "POST /first HTTP/1.0\r\n" + host + te + "\r\n" + zero + inner, "te_on_http10", 0},
		{"chunked and length in HTTP/1.0", "POST /first HTTP/1.0\r\n" + host + te + "Content-Length: 5\r\n\r\n" + zero + inner, "te_on_http10", 0},
		{"chunked on GET", get + host + te + last + "\r\n" + zero, "ok", 1},
		{"length and unknown coding", post + host + "Content-Length: 5\r\nTransfer-Encoding: cow\r\n\r\nhello" + inner, "both_lengths", 0},
	}
}

func chunkCases() []hygieneCase {
	body := func(name, body, want string, seen int) hygieneCase {
		return one("chunk: "+name, te+last, body, want, seen)
	}
	return []hygieneCase{
		body("two of them", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "ok", 1),
		body("capital hex", "A\r\n0123456789\r\n0\r\n\r\n", "ok", 1),
		body("size with leading zeros", "005\r\nhello\r\n000\r\n\r\n", "ok", 1),
		body("an extension", "5;name=value\r\nhello\r\n0\r\n\r\n", "ok", 1),
		body("an extension with quotes", "5;name=\"a;b\"\r\nhello\r\n0;x\r\n\r\n", "ok", 1),
		body("size of 15 digits", "000000000000005\r\nhello\r\n0\r\n\r\n", "ok", 1),
		body("size of 16 digits", "0000000000000005\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size that wraps to 5", "10000000000000005\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size minus one", "-1\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size with plus", "+5\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size with 0x", "0x5\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size with an underscore", "0_5\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size with a space behind", "5 \r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size with a tab behind", "5\t\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size with a space before", " 5\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size with a space and extension", "5 ;a=b\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size not hex", "g\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size empty", "\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size only an extension", ";a=b\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size with a zero byte", "5\x00\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size with a comma", "5,5\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size in full-width digits", "５\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("size with bare LF", "5\nhello\r\n0\r\n\r\n", "bare_lf", 0),
		body("size with bare CR", "5\rhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("LF in an extension", "5;a\nxx\r\nhello\r\n0\r\n\r\n", "bare_lf", 0),
		body("CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("zero byte in an extension", "5;a\x00b\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("an extension too long", "5;"+strings.Repeat("a", 300)+"\r\nhello\r\n0\r\n\r\n", "bad_chunk_size", 0),
		body("too many extensions", strings.Repeat("1;"+strings.Repeat("a", 200)+"\r\nx\r\n", 200)+zero, "bad_chunk_size", 0),
		body("data longer than its size", "4\r\nhello\r\n0\r\n\r\n", "bad_chunk_end", 0),
		body("data shorter than its size", "6\r\nhello\r\n0\r\n\r\n", "bad_chunk_end", 0),
		body("data ends in bare LF", "5\r\nhello\n0\r\n\r\n", "bad_chunk_end", 0),
		body("data ends in bare CR", "5\r\nhello\r0\r\n\r\n", "bad_chunk_end", 0),
		body("data ends in two other bytes", "5\r\nhelloxx0\r\n\r\n", "bad_chunk_end", 0),
		body("data runs into the next size", "5\r\nhello5\r\nhello\r\n0\r\n\r\n", "bad_chunk_end", 0),
		body("the last one with bare LF", "5\r\nhello\r\n0\n\r\n", "bare_lf", 0),
		body("the end with bare LF", "5\r\nhello\r\n0\r\n\n", "bare_lf", 0),
		body("the end is not empty", "5\r\nhello\r\n0\r\nxx\r\n\r\n", "bad_header_name", 0),
		{"chunk: a request behind the last", post + host + te + end + "5\r\nhello\r\n0\r\n\r\n" + inner, "ok", 2},
		{"chunk: a request in place of the end", post + host + te + end + "0\r\n" + inner, "bad_header_name", 0},
	}
}

func trailerCases() []hygieneCase {
	trailer := func(name, lines, want string, seen int) hygieneCase {
		return one("trailer: "+name, te+last, "5\r\nhello\r\n0\r\n"+lines+"\r\n", want, seen)
	}
	return []hygieneCase{
		trailer("a plain one", "X-Sum: 5\r\n", "ok", 1),
		trailer("Content-Length", "Content-Length: 5\r\n", "bad_trailer", 0),
		trailer("Transfer-Encoding", te, "bad_trailer", 0),
		trailer("Host", "Host: evil.example\r\n", "bad_trailer", 0),
		trailer("the routing key", "X-Routing-Key: other\r\n", "bad_trailer", 0),
		trailer("X-Forwarded-For", "X-Forwarded-For: 1.2.3.4\r\n", "bad_trailer", 0),
		trailer("Connection", "Connection: keep-alive\r\n", "bad_trailer", 0),
		trailer("Authorization", "Authorization: x\r\n", "bad_trailer", 0),
		trailer("folded", "X: a\r\n b\r\n", "obs_fold", 0),
		trailer("bare LF", "X: a\nY: b\r\n", "bare_lf", 0),
		trailer("bare CR", "X: a\rY: b\r\n", "bare_cr", 0),
		trailer("zero byte", "X: a\x00\r\n", "nul", 0),
		trailer("no colon", "X\r\n", "bad_header_name", 0),
		trailer("space before the colon", "X : a\r\n", "space_before_colon", 0),
		trailer("too many", strings.Repeat("X: a\r\n", 101), "trailer_too_large", 0),
		trailer("too large", "X: "+strings.Repeat("a", 40000)+"\r\n", "trailer_too_large", 0),
		one("trailer: Content-Length announced", te+"Trailer: Content-Length\r\n", zero, "bad_trailer", 0),
		one("trailer: a bad name announced", te+"Trailer: a b\r\n", zero, "bad_trailer", 0),
	}
}

func hostCases() []hygieneCase {
	h := func(name, lines, want string) hygieneCase {
		seen := 0
		if want == "ok" {
			seen = 1
		}
		return hygieneCase{"host: " + name, get + lines + "X-Routing-Key: k\r\n" + last + end, want, seen}
	}
	abs := func(name, target, hosts, want string) hygieneCase {
		c := h(name, hosts, want)
		c.raw = strings.Replace(c.raw, "/first", target, 1)
		return c
	}
	return []hygieneCase{
		h("a name", "Host: a.example\r\n", "ok"), h("a port", "Host: a.example:8080\r\n", "ok"), h("IPv4", "Host: 192.0.2.1\r\n", "ok"),
		h("IPv6", "Host: [2001:db8::1]:80\r\n", "ok"), h("capitals", "HOST: A.EXAMPLE\r\n", "ok"), h("an underscore", "Host: a_b.example\r\n", "ok"),
		h("none", "", "missing_host"),
		h("empty", "Host:\r\n", "bad_host"),
		h("two", "Host: a.example\r\nHost: b.example\r\n", "repeated_host"),
		h("two equal", "Host: a.example\r\nHost: a.example\r\n", "repeated_host"),
		h("two in one", "Host: a.example, b.example\r\n", "bad_host"),
		h("comma", "Host: a.example,b.example\r\n", "bad_host"),
		h("a path", "Host: a.example/evil\r\n", "bad_host"),
		h("user and password", "Host: u:p@a.example\r\n", "bad_host"),
		h("an at sign", "Host: a@b\r\n", "bad_host"),
		h("a query", "Host: a.example?x\r\n", "bad_host"),
		h("a fragment", "Host: a.example#x\r\n", "bad_host"),
		h("a space", "Host: a b\r\n", "bad_host"),
		h("a backslash", "Host: a\\b\r\n", "bad_host"),
		h("a quote", "Host: \"a\"\r\n", "bad_host"),
		h("a percent", "Host: a%00b\r\n", "bad_host"),
		h("not ASCII", "Host: ä.example\r\n", "bad_host"),
		h("a port that is none", "Host: a:b\r\n", "bad_host"),
		h("a port too large", "Host: a:65536\r\n", "bad_host"),
		h("two ports", "Host: a:80:80\r\n", "bad_host"),
		h("only a port", "Host: :80\r\n", "bad_host"),
		h("IPv6 without its end", "Host: [::1\r\n", "bad_host"),
		h("IPv6 with a zone", "Host: [fe80::1%25eth0]\r\n", "bad_host"),
		h("IPv6 and more", "Host: [::1]x\r\n", "bad_host"),
		h("a zero byte", "Host: a\x00b\r\n", "nul"),
		h("a control", "Host: a\x01b\r\n", "bad_header_value"),
		h("a fold", "Host: a\r\n b\r\n", "obs_fold"),
		h("space before the colon", "Host : a\r\n", "space_before_colon"),
		h("space before the first line", " Host: a\r\nHost: b\r\n", "obs_fold"),
		abs("absolute target of the same host", "http://a.example/x", "Host: a.example\r\n", "ok"),
		abs("absolute target of another host", "http://b.example/x", "Host: a.example\r\n", "bad_host"),
		abs("absolute target of another port", "http://a.example:81/x", "Host: a.example\r\n", "bad_host"),
		abs("absolute target with a user", "http://u@a.example/x", "Host: a.example\r\n", "bad_target"),
		abs("absolute target without Host", "http://a.example/x", "", "missing_host"),
		{"host: none in HTTP/1.0", "GET /first HTTP/1.0\r\nX-Routing-Key: k\r\n\r\n", "ok", 1},
		{"host: two in HTTP/1.0", "GET /first HTTP/1.0\r\nHost: a\r\nHost: b\r\nX-Routing-Key: k\r\n\r\n", "repeated_host", 0},
	}
}

func lineCases() []hygieneCase {
	line := func(name, text, want string) hygieneCase {
		seen := 0
		if want == "ok" {
			seen = 1
		}
		return hygieneCase{"line: " + name, text + host + last + end, want, seen}
	}
	return []hygieneCase{
		line("one empty line before", "\r\n"+get, "ok"),
		line("two empty lines before", "\r\n\r\n"+get, "bad_request_line"),
		line("a bare LF before", "\n"+get, "bare_lf"),
		line("a space before", " "+get, "bad_method"),
		line("two spaces behind the method", "GET  / HTTP/1.1\r\n", "bad_request_line"),
		line("two spaces behind the target", "GET /  HTTP/1.1\r\n", "bad_request_line"),
		line("a tab behind the method", "GET\t/ HTTP/1.1\r\n", "bad_method"),
		line("a tab behind the target", "GET /\tHTTP/1.1\r\n", "bad_request_line"),
		line("a space at the end", "GET / HTTP/1.1 \r\n", "bad_request_line"),
		line("no version", "GET /\r\n", "bad_request_line"),
		line("only a method", "GET\r\n", "bad_request_line"),
		line("version 0.9", "GET / HTTP/0.9\r\n", "bad_version"),
		line("version 1.2", "GET / HTTP/1.2\r\n", "bad_version"),
		line("version 2.0", "GET / HTTP/2.0\r\n", "bad_version"),
		line("version 1.10", "GET / HTTP/1.10\r\n", "bad_request_line"),
		line("version 01.1", "GET / HTTP/01.1\r\n", "bad_request_line"),
		line("version 1", "GET / HTTP/1\r\n", "bad_request_line"),
		line("version in small letters", "GET / http/1.1\r\n", "bad_request_line"),
		line("another protocol", "GET / RTSP/1.0\r\n", "bad_request_line"),
		line("a word too many", "GET / x HTTP/1.1\r\n", "bad_request_line"),
		line("the version twice", "GET / HTTP/1.1 HTTP/1.1\r\n", "bad_request_line"),
		line("a method in small letters", "get / HTTP/1.1\r\n", "bad_method"),
		line("a method with a colon", "GE:T / HTTP/1.1\r\n", "bad_method"),
		line("a method that nobody knows", "FROB / HTTP/1.1\r\n", "ok"),
		line("a method of 33 letters", strings.Repeat("A", 33)+" / HTTP/1.1\r\n", "bad_method"),
		line("a method with a zero byte", "GE\x00T / HTTP/1.1\r\n", "nul"),
		line("a method not ASCII", "GÄT / HTTP/1.1\r\n", "bad_method"),
		line("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "bad_method"),
		line("CONNECT", "CONNECT a.example:443 HTTP/1.1\r\n", "connect"),
		line("CONNECT to a path", "CONNECT /x HTTP/1.1\r\n", "bad_target"),
		line("an asterisk on OPTIONS", "OPTIONS * HTTP/1.1\r\n", "ok"),
		line("an asterisk on GET", "GET * HTTP/1.1\r\n", "bad_target"),
		line("a target without slash", "GET x HTTP/1.1\r\n", "bad_target"),
		line("a target that is a host", "GET a.example:80 HTTP/1.1\r\n", "bad_target"),
		line("a target with a fragment", "GET /#x HTTP/1.1\r\n", "bad_target"),
		line("a target with a zero byte", "GET /\x00 HTTP/1.1\r\n", "nul"),
		line("a target with a control", "GET /\x01 HTTP/1.1\r\n", "bad_target"),
		line("a target with DEL", "GET /\x7f HTTP/1.1\r\n", "bad_target"),
		line("a target not ASCII", "GET /ä HTTP/1.1\r\n", "bad_target"),
		line("a target with a broken escape", "GET /%zz HTTP/1.1\r\n", "bad_target"),
		line("a target of another scheme", "GET ftp://shop.example/ HTTP/1.1\r\n", "bad_target"),
		line("a target that begins with two slashes", "GET //evil.example/ HTTP/1.1\r\n", "ok"),
		line("a bare CR in it", "GET /\rX HTTP/1.1\r\n", "bare_cr"),
		line("a bare LF at its end", "GET / HTTP/1.1\n", "bare_lf"),
		line("two CRs at its end", "GET / HTTP/1.1\r\r\n", "bare_cr"),
		line("LF CR at its end", "GET / HTTP/1.1\n\r", "bare_lf"),
	}
}

func headerCases() []hygieneCase {
	h := func(name, line, want string) hygieneCase {
		seen := 0
		if want == "ok" {
			seen = 1
		}
		return hygieneCase{"header: " + name, get + host + line + last + end, want, seen}
	}
	return []hygieneCase{
		h("empty value", "X:\r\n", "ok"), h("no space behind the colon", "X:a\r\n", "ok"), h("bytes from 128", "X: \xe4\xff\r\n", "ok"),
		h("a colon in the value", "X: a:b\r\n", "ok"), h("a tab in the value", "X: a\tb\r\n", "ok"),
		h("no colon", "X\r\n", "bad_header_name"),
		h("no name", ": a\r\n", "bad_header_name"),
		h("a space in the name", "X Y: a\r\n", "bad_header_name"),
		h("a space before the colon", "X : a\r\n", "space_before_colon"),
		h("a tab before the colon", "X\t: a\r\n", "space_before_colon"),
		h("a parenthesis in the name", "X(: a\r\n", "bad_header_name"),
		h("a slash in the name", "X/Y: a\r\n", "bad_header_name"),
		h("a name not ASCII", "Xä: a\r\n", "bad_header_name"),
		h("a zero byte in the name", "X\x00: a\r\n", "nul"),
		h("a zero byte in the value", "X: a\x00b\r\n", "nul"),
		h("a control in the value", "X: a\x08b\r\n", "bad_header_value"),
		h("DEL in the value", "X: a\x7fb\r\n", "bad_header_value"),
		h("ESC in the value", "X: \x1b[31m\r\n", "bad_header_value"),
		h("a fold with a space", "X: a\r\n b\r\n", "obs_fold"),
		h("a fold with a tab", "X: a\r\n\tb\r\n", "obs_fold"),
		h("a fold that is empty", "X: a\r\n \r\n", "obs_fold"),
		h("bare LF", "X: a\n", "bare_lf"),
		h("bare LF and a second header", "X: a\nY: b\r\n", "bare_lf"),
		h("bare CR", "X: a\rY: b\r\n", "bare_cr"),
		h("two CRs", "X: a\r\r\n", "bare_cr"),
		h("an expectation that nobody knows", "Expect: tea\r\n", "bad_expect"),
		h("two expectations", "Expect: 100-continue, tea\r\n", "bad_expect"),
	}
}

func endCases() []hygieneCase {
	return []hygieneCase{
		{"end: LF LF", "GET / HTTP/1.1\nHost: shop.example\nX-Routing-Key: k\n\n", "bare_lf", 0},
		{"end: LF", get + host + "\n", "bare_lf", 0},
		{"end: CRLF LF behind a header", get + host + "X: a\r\n\n" + inner, "bare_lf", 0},
		{"end: CR CR", get + host + "\r\r\n\r\n", "bare_cr", 0},
		{"end: a space in the empty line", get + host + " \r\n\r\n", "obs_fold", 0},
		{"end: no header at all", "GET /first HTTP/1.1\r\n\r\n", "missing_host", 0},
		{"end: no header at all in HTTP/1.0 but the key", "GET /first HTTP/1.0\r\nX-Routing-Key: k\r\n\r\n", "ok", 1},
	}
}

func limitCases() []hygieneCase {
	return []hygieneCase{
		{"limit: a target of 8192", "GET /" + strings.Repeat("a", 8191) + " HTTP/1.1\r\n" + host + last + end, "ok", 1},
		{"limit: a target of 8193", "GET /" + strings.Repeat("a", 8192) + " HTTP/1.1\r\n" + host + last + end, "uri_too_long", 0},
		{"limit: a target that does not end", "GET /" + strings.Repeat("a", 9000), "uri_too_long", 0},
		{"limit: 100 headers", get + host + last + strings.Repeat("X: a\r\n", 97) + end, "ok", 1},
		{"limit: 101 headers", get + host + last + strings.Repeat("X: a\r\n", 98) + end, "too_many_headers", 0},
		{"limit: headers that do not end", get + host + strings.Repeat("X: a\r\n", 1000), "too_many_headers", 0},
		{"limit: a head of 32 KiB", get + host + last + "X: " + strings.Repeat("a", 32<<10-len(get+host+last+"X: \r\n\r\n")) + "\r\n\r\n", "ok", 1},
		{"limit: a head of a byte more", get + host + last + "X: " + strings.Repeat("a", 32<<10-len(get+host+last+"X: \r\n\r\n")+1) + "\r\n\r\n", "header_too_large", 0},
		{"limit: a header that does not end", get + host + "X: " + strings.Repeat("a", 40000), "header_too_large", 0},
	}
}

func pipelineCases() []hygieneCase {
	return []hygieneCase{
		{"pipeline: two requests", get + host + end + inner, "ok", 2},
		{"pipeline: an upload between", post + host + "Content-Length: 5\r\n\r\nhello" + inner, "ok", 2},
		{"pipeline: an empty line between", get + host + end + "\r\n" + inner, "ok", 2},
		{"pipeline: two empty lines between", get + host + end + "\r\n\r\n" + inner, "bad_request_line", 1},
		{"pipeline: rubbish between", get + host + end + "x\r\n" + inner, "bad_request_line", 1},
		{"pipeline: a byte more than the length", post + host + "Content-Length: 5\r\n\r\nhello!" + inner, "bad_method", 1},
		{"pipeline: a bad request behind a good one", get + host + end + get + host + "Content-Length: 5\r\n" + te + "\r\nhello", "both_lengths", 1},
		{"pipeline: nothing behind close", get + host + last + end + inner, "ok", 1},
		{"pipeline: nothing behind HTTP/1.0", "GET /first HTTP/1.0\r\n" + host + end + inner, "ok", 1},
		{"pipeline: HTTP/1.0 that keeps", "GET /first HTTP/1.0\r\n" + host + "Connection: keep-alive\r\n\r\n" + inner, "ok", 2},
		{"pipeline: HEAD and then", "HEAD /first HTTP/1.1\r\n" + host + end + inner, "ok", 2},
		{"pipeline: a bad chunk and then", post + host + te + end + "5\r\nhelloxx" + inner, "bad_chunk_end", 0},
	}
}

func otherCases() []hygieneCase {
	return []hygieneCase{
		{"other: upgrade to h2c is not passed on", get + host + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + inner, "ok", 2},
		{"other: upgrade to h2c among others", get + host + last + "Upgrade: h2c, other\r\n\r\n", "ok", 1},
		{"other: the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "bad_version", 0},
		{"other: routing key named in Connection", get + host + "Connection: close, X-Routing-Key\r\n\r\n", "ok", 1},
		{"other: not HTTP", "EHLO mail.example\r\n", "bad_request_line", 0},
		{"other: a PROXY header", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + get + host + end, "bad_request_line", 0},
		{"other: binary", "\x00\x01\x02\x03\r\n\r\n", "bad_method", 0},
	}
}
