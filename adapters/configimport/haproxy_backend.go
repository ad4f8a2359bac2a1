package configimport

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// hapBackend is what the lines of a backend say, before it is written as a placement.
type hapBackend struct {
	section  *hapSection
	servers  []*hapServer
	template *hapServer // of a server-template
	dns      string

	balance   []string
	balanceAt *hapLine
	consist   bool // hash-type consistent
	hashAt    *hapLine
	factor    int
	factorAt  *hapLine

	connect, server, queue, check hapTimeout

	httpchk  *hapLine
	method   string
	path     string
	expect   string // a list of statuses
	expectAt *hapLine
	sslHello bool

	retries    int
	retriesAt  *hapLine
	retryOn    []string
	retryOnAt  *hapLine
	cookie     string
	cookieAt   *hapLine
	ttl        time.Duration
	allBackups bool
}

type hapTimeout struct {
	d  time.Duration
	at *hapLine
}

func (t hapTimeout) from() []string {
	if t.at == nil {
		return nil
	}
	return []string{t.at.from()}
}

// backend translates a backend, or the backend half of a listen.
func (h *hap) backend(s *hapSection) {
	b := &hapBackend{section: s, retries: 3}
	var defaults hapServer
	defaults.weight = 1
	for _, l := range s.settings() {
		h.backendLine(b, l, &defaults)
	}
	s.head.ok()
	if len(b.servers) == 0 && b.template == nil {
		if s.kind == "backend" {
			s.head.not("this backend has no server that is translated, so it becomes no placement", "")
		}
		return
	}
	h.writeBackend(b)
}

// backendLine reads one line; what belongs to frontends alone is left to them.
func (h *hap) backendLine(b *hapBackend, l *hapLine, defaults *hapServer) {
	words, off := l.words, false
	if words[0] == "no" && len(words) > 1 {
		words, off = words[1:], true
	}
	name := settingName(words)
	if f := hapBackLines[name]; f != nil {
		if off {
			b.switchOff(name, l)
			return
		}
		f(b, &hapLine{l.Line, words})
		return
	}
	switch name {
	case "server":
		b.addServer(h, l, *defaults)
	case "server-template":
		b.addTemplate(h, l, *defaults)
	case "default-server":
		defaults.options(words[1:], l)
		l.ok()
	default:
		if b.section.isFront() && hapFrontLines[name] || hapFrontOnly[name] {
			return // the frontend's half says what becomes of it
		}
		hapAbsent(l, name)
	}
}

func (b *hapBackend) switchOff(name string, l *hapLine) {
	l.ok()
	switch name {
	case "option httpchk":
		b.httpchk = nil
	case "option allbackups":
		b.allBackups = false
	case "option ssl-hello-chk":
		b.sslHello = false
	}
}

// hapBackLines read the settings of backends.
var hapBackLines = map[string]func(b *hapBackend, l *hapLine){
	"mode":    func(_ *hapBackend, l *hapLine) { l.ok() },
	"balance": func(b *hapBackend, l *hapLine) { b.balance, b.balanceAt = l.words[1:], l; l.ok() },
	"hash-type": func(b *hapBackend, l *hapLine) {
		b.consist, b.hashAt = l.word(1) == "consistent", l
		l.ok()
		if len(l.words) > 2 {
			l.differs("the hash function is ours, whatever is said here", "")
		}
	},
	"hash-balance-factor": func(b *hapBackend, l *hapLine) {
		if n, ok := l.countOf(l.word(1), 1000); ok {
			b.factor, b.factorAt = n, l
			l.ok()
		}
	},
	"timeout connect": func(b *hapBackend, l *hapLine) { b.connect.read(l) },
	"timeout server":  func(b *hapBackend, l *hapLine) { b.server.read(l) },
	"timeout queue":   func(b *hapBackend, l *hapLine) { b.queue.read(l) },
	"timeout check":   func(b *hapBackend, l *hapLine) { b.check.read(l) },
	"option httpchk":  func(b *hapBackend, l *hapLine) { b.readHTTPCheck(l) },
	"http-check send": func(b *hapBackend, l *hapLine) { b.readCheckSend(l) },
	"http-check expect": func(b *hapBackend, l *hapLine) {
		b.readExpect(l)
	},
	"option tcp-check":     func(_ *hapBackend, l *hapLine) { l.ok() },
	"option ssl-hello-chk": func(b *hapBackend, l *hapLine) { b.sslHello = true; l.ok() },
	"option allbackups":    func(b *hapBackend, l *hapLine) { b.allBackups = true; l.ok() },
	"option redispatch": func(_ *hapBackend, l *hapLine) {
		l.ok()
		l.differs("every retry goes to another endpoint here, not the last one alone", "")
	},
	"option forwardfor": func(_ *hapBackend, l *hapLine) {
		l.ok()
		if len(l.words) > 2 {
			l.differs("X-Forwarded-For is always set, by this name, for every client", "")
		}
	},
	"retries": func(b *hapBackend, l *hapLine) {
		if n, ok := l.countOf(l.word(1), 4); ok {
			b.retries, b.retriesAt = n, l
			l.ok()
		}
	},
	"retry-on": func(b *hapBackend, l *hapLine) { b.retryOn, b.retryOnAt = l.words[1:], l; l.ok() },
	"cookie":   func(b *hapBackend, l *hapLine) { b.readCookie(l) },
	"http-reuse": func(_ *hapBackend, l *hapLine) {
		l.ok()
		if l.word(1) == "never" {
			l.not("connections to endpoints are always used again", "write upstream.pool.max_requests: 1")
		}
	},
	"option http-keep-alive":    func(_ *hapBackend, l *hapLine) { l.ok() },
	"option prefer-last-server": func(_ *hapBackend, l *hapLine) { l.not("requests are balanced one by one", "") },
}

func (t *hapTimeout) read(l *hapLine) {
	if d, ok := l.timeOf(2); ok {
		*t = hapTimeout{d, l}
		l.ok()
	}
}

func (b *hapBackend) readHTTPCheck(l *hapLine) {
	b.httpchk, b.method, b.path = l, "OPTIONS", "/"
	switch args := l.words[2:]; len(args) {
	case 0:
	case 1:
		b.path = args[0]
	default:
		b.method, b.path = args[0], args[1]
		if len(args) > 2 && strings.Contains(strings.Join(args[2:], " "), "\r\n") {
			l.not("headers of checks are not written; Host is the endpoint's, or upstream.host", "")
		}
	}
	l.ok()
}

func (b *hapBackend) readCheckSend(l *hapLine) {
	l.ok()
	if b.httpchk == nil {
		b.method, b.path = "OPTIONS", "/"
	}
	for i := 2; i+1 < len(l.words); i++ {
		value := l.words[i+1]
		switch l.words[i] {
		case "meth":
			b.method = value
		case "uri", "uri-lf":
			b.path = value
		case "ver":
		case "hdr":
			l.not("the header "+value+" of checks is not sent", "for Host: upstream.host says it, for requests as well")
			i++
		default:
			l.not(l.words[i]+" of checks is not sent", "")
		}
		i++
	}
}

func (b *hapBackend) readExpect(l *hapLine) {
	words := slices.DeleteFunc(slices.Clone(l.words[2:]), func(w string) bool { return false })
	for len(words) > 1 && (words[0] == "min-recv" || words[0] == "comment" || strings.HasSuffix(words[0], "-status") && words[0] != "rstatus") {
		words = words[2:]
	}
	if len(words) != 2 || words[0] != "status" {
		l.not("what is in an answer is not looked at: a check is good by its status", "let the path that is checked answer 200 or 503")
		return
	}
	var out []string
	for _, r := range strings.Split(words[1], ",") {
		low, high, isRange := strings.Cut(r, "-")
		from, err1 := strconv.Atoi(low)
		to := from
		if isRange {
			var err error
			to, err = strconv.Atoi(high)
			if err != nil {
				err1 = err
			}
		}
		if err1 != nil || from < 100 || to > 599 || to < from {
			l.not(strconv.Quote(r)+" is not a status", "")
			return
		}
		if isRange {
			r = low + ".." + high
		}
		out = append(out, r)
	}
	b.expect, b.expectAt = "["+strings.Join(out, ", ")+"]", l
	l.ok()
}

func (b *hapBackend) readCookie(l *hapLine) {
	name := l.word(1)
	if !slices.Contains(l.words, "insert") || !isHapName(name) || name == "" || len(name) > 64 || strings.Contains(name, ":") {
		l.not("only a cookie that the router inserts keeps a client at an endpoint", "write sticky: {cookie: NAME}, whose value the router makes")
		return
	}
	b.cookie, b.cookieAt, b.ttl = name, l, 0
	l.ok()
	l.differs("the value is made by the router, so clients with a cookie of HAProxy's are placed anew once; the cookie is HttpOnly, SameSite=Lax, Path=/", "")
	for i := 2; i < len(l.words); i++ {
		switch w := l.words[i]; w {
		case "insert", "indirect", "nocache", "httponly", "secure", "dynamic":
		case "maxlife", "maxidle", "domain", "attr":
			i++
			if d, ok := hapTime(l.word(i)); ok && w == "maxlife" && d >= time.Second {
				b.ttl = clamped(d, l.Line).Truncate(time.Second)
				continue
			}
			l.not(w+" "+l.word(i)+" of the cookie has no counterpart", "")
		default:
			l.not(w+" of the cookie has no counterpart", "")
		}
	}
}

// addServer reads a server line.
func (b *hapBackend) addServer(h *hap, l *hapLine, s hapServer) {
	s.hapLine, s.name, s.address = l, l.word(1), l.word(2)
	if s.address == "" || !isHapName(s.name) {
		l.not("a server has a name and an address", "")
		return
	}
	l.ok()
	s.options(l.words[3:], l)
	host, port, fault := hapAddress(s.address)
	switch {
	case fault == "it has no port" || strings.HasPrefix(fault, `its port is "+`) || strings.HasPrefix(fault, `its port is "-`):
		l.not("a server without a port of its own is reached by the port that the client came to, which is not so here", "write its port")
		return
	case fault != "":
		l.not("its address is of no use here: "+fault, "")
		return
	case host == "" || host == "*" || host == "0.0.0.0":
		l.not("its address is the client's own destination", "write its address")
		return
	}
	s.address = net.JoinHostPort(host, port)
	switch {
	case s.disabled:
		l.not("it is disabled, so it is left out", "add the endpoint when it is to serve")
		return
	case s.weightSet && s.weight == 0:
		l.not("a weight of 0 gets no new client, so it is left out; clients with a cookie for it are placed anew", "add the endpoint when it is to serve")
		return
	}
	for _, o := range b.servers {
		if o.address == s.address {
			l.not("two endpoints of a placement cannot have one address ("+o.At()+")", "give the first the weight of both")
			return
		}
		if o.name == s.name {
			l.not("two servers have this name ("+o.At()+")", "")
			return
		}
	}
	b.servers = append(b.servers, &s)
	_ = h
}

// addTemplate reads a server-template line: endpoints that DNS finds.
func (b *hapBackend) addTemplate(h *hap, l *hapLine, s hapServer) {
	s.hapLine, s.name, s.address = l, l.word(1), l.word(3)
	l.ok()
	if s.address == "" || b.template != nil {
		l.not("a placement has one name that DNS is asked for", "make a placement of its own of it")
		return
	}
	s.options(l.words[4:], l)
	if strings.HasPrefix(s.address, "_") {
		b.dns = "srv:" + strings.TrimSuffix(s.address, ":0")
	} else {
		host, port, fault := hapAddress(s.address)
		if fault != "" || net.ParseIP(host) != nil || host == "" {
			l.not("its address is no name with a port", "")
			return
		}
		b.dns = host + ":" + port
	}
	l.differs("all addresses that DNS gives are used, whatever number is said here", "")
	b.template = &s
}
