package parity

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ask is one request and all that must come of it.
type ask struct {
	on string // the connection, which is kept under that name; "" for one of its own
	// send is the request, LF standing for CR LF. {seen:TEXT} in it waits until an
	// origin has TEXT of the body, {then} does `then`. <name> is an address.
	send   string
	then   func(*run, *exchange)
	tls    func(*run) *tls.Config // nil for plain TCP
	script string                 // what the origins answer at the request's path; "" for plain
	want   answer
	saw    arrived // what an origin must have got; not looked at without `at`
	log    string  // the line of the access log, "" if it is not looked at, "-" for none
	counts string  // how the metrics change, "" if they are not looked at
	later  string  // the answer is not waited for; finish takes it up under this name
}

// arrived is a request as an origin must get it.
type arrived struct {
	at       string // the origin
	line     string // "GET /x HTTP/1.1"
	key      string // X-Routing-Key, "" for none
	id       string // X-Request-Id, "" for one that the router made
	from     string // X-Forwarded-For, "" for 127.0.0.1
	proto    string // X-Forwarded-Proto, "" for http
	host     string // "" for the origin's own authority
	with     string // all other headers, one a line
	body     string
	trailers string
	broken   bool // the body did not come to its end
}

func (a arrived) text() string {
	lines := nonEmpty(a.with)
	lines = append(lines, "Host: "+or(a.host, "<"+a.at+">"), "X-Forwarded-For: "+or(a.from, "127.0.0.1"),
		"X-Forwarded-Proto: "+or(a.proto, "http"), "X-Request-Id: "+or(a.id, "<id>"))
	if a.key != "" {
		lines = append(lines, "X-Routing-Key: "+a.key)
	}
	h := http.Header{}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		h.Add(name, value)
	}
	text := a.line + "\n" + headerText(h) + "\n" + a.body + "\n"
	if a.trailers != "" {
		text += "[trailers]\n" + a.trailers + "\n"
	}
	if a.broken {
		text += "[broken]\n"
	}
	return text
}

// exchange is an ask on its way.
type exchange struct {
	a    ask
	what string
	link *link
	got  *reply
	n    int // lines of the log before it
}

func (a ask) play(r *run) {
	r.t.Helper()
	x := r.begin(a)
	if a.later != "" {
		r.open[a.later] = x
		return
	}
	r.end(x)
}

// requestLine takes the method and path of a request as it is written.
func requestLine(send string) (method, path string) {
	line, _, _ := strings.Cut(send, "\n")
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return line, ""
	}
	path, _, _ = strings.Cut(fields[1], "?")
	return fields[0], path
}

// begin sends a request.
func (r *run) begin(a ask) *exchange {
	r.t.Helper()
	method, path := requestLine(a.send)
	if a.script != "" {
		for _, o := range r.origins {
			o.script(path, a.script)
		}
	}
	line, _, _ := strings.Cut(a.send, "\n")
	x := &exchange{a: a, what: short(line), n: len(r.router.logs())}
	x.link = r.links[a.on]
	if a.on == "" || x.link == nil {
		var config *tls.Config
		if a.tls != nil {
			config = a.tls(r)
		}
		x.link = r.dial(config)
		r.links[a.on] = x.link
	}
	x.link.extend()
	for l := range strings.SplitSeq(a.send, "\n") {
		if id, ok := strings.CutPrefix(l, "X-Request-Id: "); ok {
			r.alike.given = append(r.alike.given, id)
		}
	}
	x.got = x.link.receive(method)
	r.sent++
	r.send(x)
	return x
}

// send writes the request, in pieces where it says so.
func (r *run) send(x *exchange) {
	r.t.Helper()
	rest := r.fill(x.a.send)
	for rest != "" {
		piece, after, paused := strings.Cut(rest, "{")
		_, err := x.link.conn.Write([]byte(crlf(piece)))
		if err != nil && !x.a.want.none && !x.a.want.closed {
			r.t.Fatalf("sending: %v", err) // one that is refused early may be closed early
		}
		if !paused {
			return
		}
		word, tail, _ := strings.Cut(after, "}")
		if text, ok := strings.CutPrefix(word, "seen:"); ok {
			until(r.t, "an origin to see "+text, func() bool { return r.anySaw(text) })
		} else {
			x.a.then(r, x)
		}
		rest = tail
	}
}

// anySaw reports whether some origin has a text in the body of its last request.
func (r *run) anySaw(text string) bool {
	for _, o := range r.origins {
		if got := o.last(); got != nil && strings.Contains(got.text(), text) {
			return true
		}
	}
	return false
}

// end waits for the answer and looks at everything.
func (r *run) end(x *exchange) {
	r.t.Helper()
	x.got.wait(r.t)
	r.same("the answer to "+x.what, x.got.text(), x.a.want.text())
	if x.a.on == "" {
		x.link.conn.Close()
	}
	if x.a.saw.at != "" {
		r.sawAs(x)
	}
	if x.a.log != "" {
		r.logged(x)
	}
	if x.a.counts != "" {
		r.counts(x.what, x.a.counts)
	}
}

// sawAs looks at what an origin got.
func (r *run) sawAs(x *exchange) {
	r.t.Helper()
	got := r.origin(x.a.saw.at).last()
	if got == nil {
		r.t.Errorf("%s: origin %s has seen nothing", x.what, x.a.saw.at)
		return
	}
	until(r.t, "the end of the request at the origin", func() bool {
		got.mu.Lock()
		defer got.mu.Unlock()
		return got.over
	})
	text := got.head + "\n" + short(got.text()) + "\n"
	if got.tail != "" {
		text += "[trailers]\n" + got.tail
	}
	if got.err != nil {
		text += "[broken]\n"
	}
	r.same("what the upstream saw of "+x.what, text, x.a.saw.text())
}

// finish ends an ask that was begun with `later`; it releases the origins first
// unless told not to.
type finish struct {
	name string
	hold bool
}

func (f finish) play(r *run) {
	r.t.Helper()
	x := r.open[f.name]
	delete(r.open, f.name)
	if !f.hold {
		for _, o := range r.origins {
			o.release()
		}
	}
	r.end(x)
}

// held waits until so many scripts of an origin have come to their {hold}.
type held struct {
	at string
	n  int
}

func (h held) play(r *run) {
	r.t.Helper()
	until(r.t, fmt.Sprintf("%d requests held by %s", h.n, h.at), func() bool {
		_, n, _ := r.origin(h.at).count()
		return n >= h.n
	})
}

// comes waits until that much of a body has reached the client, whose end is
// still held back: the body streams.
type comes struct{ name, text string }

func (c comes) play(r *run) {
	r.t.Helper()
	x := r.open[c.name]
	r.begun(x)
	until(r.t, "the begin of a body that is not over", func() bool { return strings.Contains(x.got.soFar(), c.text) })
	select {
	case <-x.got.done:
		r.t.Error("the answer is over, and its origin still holds the rest back")
	default:
	}
}

// each sends a GET for every path and says of each answer status, circuit
// state, who served, and the failover reason, in short: "500 closed visa".
type each struct {
	key   string
	paths string
	want  string
}

func (e each) play(r *run) {
	r.t.Helper()
	var got []string
	for path := range strings.FieldsSeq(e.paths) {
		got = append(got, r.short(e.key, path))
	}
	what := "GET " + e.paths + " in turn"
	r.same(what, strings.Join(got, "\n"), strings.Join(lines(e.want), "\n"))
}

// lines are the parts of a text between commas.
func lines(text string) (out []string) {
	for l := range strings.SplitSeq(text, ",") {
		out = append(out, strings.TrimSpace(l))
	}
	return out
}

// short asks once and says what came in a few words.
func (r *run) short(key, path string) string {
	r.t.Helper()
	l := r.dial(nil)
	defer l.conn.Close()
	r.sent++
	got := l.receive("GET")
	fmt.Fprintf(l.conn, "GET %s HTTP/1.1\r\nHost: a.example\r\nX-Routing-Key: %s\r\n\r\n", path, key)
	got.wait(r.t)
	if got.failed != nil {
		return "no answer"
	}
	words := []string{fmt.Sprint(got.status)}
	for _, name := range []string{"X-Circuit-State", "X-Routed-To", "X-Failover-Reason"} {
		if v := got.header.Get(name); v != "" {
			words = append(words, v)
		}
	}
	return strings.Join(words, " ")
}

// becomes asks again and again until the answer, in each's words, is the one
// wanted; any of the others may come before.
type becomes struct {
	key, path string
	others    string
	want      string
}

func (b becomes) play(r *run) {
	r.t.Helper()
	var got string
	until(r.t, b.want, func() bool {
		if got = r.short(b.key, b.path); got == b.want {
			return true
		}
		for _, o := range lines(b.others) {
			if got == o {
				time.Sleep(pause)
				return false
			}
		}
		r.t.Fatalf("%s: got %q before %q; only %q may come", b.path, got, b.want, b.others)
		return false
	})
	r.tell("at last", got)
}

// begun waits for the header of an answer.
func (r *run) begun(x *exchange) {
	r.t.Helper()
	select {
	case <-x.got.head:
	case <-time.After(patience):
		r.t.Fatalf("no header of an answer to %s after %v", x.what, patience)
	}
}
