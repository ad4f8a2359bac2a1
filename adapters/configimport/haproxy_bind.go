package configimport

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// hapBindWords are the options of bind that are not read: how many words follow, and why.
var hapBindWords = map[string]struct {
	words int
	why   string
}{
	"name": {1, ""}, "id": {1, ""}, "v4v6": {0, ""}, "v6only": {0, "both families are listened on"}, "ciphers": {1, "ciphers are Go's own list"}, "ciphersuites": {1, "ciphers are Go's own list"},
	"curves": {1, "curves are Go's own list"}, "ecdhe": {1, "curves are Go's own list"}, "process": {1, "it is about the process"}, "thread": {1, "it is about the process"}, "shards": {1, "it is about the process"},
	"backlog": {1, "the system's backlog is used"}, "interface": {1, "a listener has no interface"}, "transparent": {0, "there is no transparent proxying"}, "tfo": {0, "TCP Fast Open is not used"}, "defer-accept": {0, ""},
	"mss": {1, "the system's is used"}, "tcp-ut": {1, "there is no such timeout"}, "mode": {1, "it is about sockets of the file system"}, "user": {1, ""}, "group": {1, ""}, "uid": {1, ""}, "gid": {1, ""}, "level": {1, ""}, "severity-output": {1, ""},
	"crt-list": {1, "lists of certificates are not read"}, "strict-sni": {0, "a client that names nobody gets the first certificate"}, "generate-certificates": {0, "no certificates are made"}, "ca-sign-file": {1, "no certificates are made"},
	"ca-sign-pass": {1, "no certificates are made"}, "crl-file": {1, "revocation lists are not read"}, "ca-verify-file": {1, "the authorities are those of ca-file"}, "crt-ignore-err": {1, "a certificate that does not hold is refused"},
	"ca-ignore-err": {1, "a certificate that does not hold is refused"}, "no-ca-names": {0, ""}, "ocsp-update": {1, "OCSP is not stapled"}, "tls-ticket-keys": {1, "write session_tickets: {keys: FILE}: 32 bytes in base64 a line"}, "no-tls-tickets": {0, "write session_tickets: none"},
	"allow-0rtt": {0, "early data is not taken"}, "prefer-client-ciphers": {0, ""}, "ssl-max-ver": {1, "the newest TLS version is always offered"}, "force-tlsv12": {0, "the newest TLS version is always offered"}, "force-tlsv13": {0, `write min: "1.3"`},
	"no-sslv3": {0, ""}, "no-tlsv10": {0, ""}, "no-tlsv11": {0, ""}, "no-tlsv12": {0, `write min: "1.3"`}, "no-tlsv13": {0, "TLS 1.3 is always offered"}, "nice": {1, "it is about the process"}, "namespace": {1, "there are no network namespaces"}, "accept-netscaler-cip": {1, "there is no such protocol"},
	"quic-cc-algo": {1, "there is no HTTP/3"}, "quic-force-retry": {0, "there is no HTTP/3"}, "npn": {1, ""}, "sigalgs": {1, "they are Go's own list"}, "client-sigalgs": {1, "they are Go's own list"}, "default-crt": {1, "write default: NAME in tls"}, "expose-fd": {1, ""},
}

// bindTLS is what the options of a bind line say of TLS.
type bindTLS struct {
	on                   bool
	certs                []string
	ca, verify, min, alp string
	proto                string
}

// bindOptions reads what follows the address of a bind line.
func (h *hap) bindOptions(f *hapFront, l *hapLine, t *tree) {
	var s bindTLS
	words := l.words[min(2, len(l.words)):]
	for i := 0; i < len(words); i++ {
		w, value := words[i], ""
		takes := slices.Contains([]string{"crt", "alpn", "ca-file", "verify", "ssl-min-ver", "maxconn", "proto"}, w) || hapBindWords[w].words == 1
		if takes {
			if i+1 >= len(words) {
				l.not("the option "+w+" has no value", "")
				break
			}
			i++
			value = words[i]
		}
		switch w {
		case "ssl":
			s.on = true
		case "crt":
			s.certs = append(s.certs, value)
		case "alpn":
			s.alp = value
		case "ca-file":
			s.ca = value
		case "verify":
			s.verify = value
		case "ssl-min-ver":
			s.min = value
		case "proto":
			s.proto = value
		case "maxconn":
			if n, ok := l.countOf(value, 1<<31-1); ok && n > 0 {
				t.set("max_connections", strconv.Itoa(n), l.from())
				l.differs("a connection beyond maxconn is closed, where HAProxy lets it wait", "")
			}
		case "accept-proxy":
			t.set("proxy_protocol", `{from: ["0.0.0.0/0", "::/0"], required: true}`, l.from())
			l.differs("anybody is believed, as before", "name the balancers in proxy_protocol.from")
		default:
			about, known := hapBindWords[w]
			switch {
			case !known:
				l.not("the option "+strconv.Quote(w)+" is not known here", "look up what it does, and whether it must go on being done")
			case about.why != "":
				l.not(strings.TrimSpace(w+" "+value)+": "+about.why, "")
			}
		}
	}
	if s.proto != "" {
		l.not("proto "+s.proto+": a listener takes HTTP/1.1 and HTTP/2, whichever the client speaks", "")
	}
	if s.on {
		s.write(l, t)
	} else if f.noH2 != nil {
		t.set("http2", "none", f.noH2.from())
	}
}

func (s *bindTLS) write(l *hapLine, t *tree) {
	from := l.from()
	if len(s.certs) == 0 {
		l.not("it has no crt, so a listener without certificates is written: it does not start", "write tls.certs")
		s.certs = []string{"certs.pem"}
	}
	var pairs []string
	folder := ""
	for _, c := range s.certs {
		if strings.HasSuffix(c, "/") || path.Ext(c) == "" {
			if folder != "" || len(s.certs) > 1 {
				l.not("certificates are in one folder or in files: "+c+" is left out", "put all into one folder")
				if folder != "" || len(pairs) > 0 {
					continue
				}
			}
			folder = c
			continue
		}
		pairs = append(pairs, "{cert: "+quoted(c)+", key: "+quoted(c)+"}")
	}
	if folder != "" {
		t.set("tls/certs", quoted(folder), from)
	} else {
		t.set("tls/certs", "["+strings.Join(pairs, ", ")+"]", from)
	}
	if s.ca != "" {
		t.set("tls/client_ca", quoted(s.ca), from)
		switch s.verify {
		case "required", "optional":
			t.set("tls/client_cert", s.verify, from)
		default:
			t.set("tls/client_cert", "none", from)
		}
	}
	switch s.min {
	case "", "TLSv1.2":
	case "TLSv1.3":
		t.set("tls/min", `"1.3"`, from)
	default:
		l.differs("TLS is 1.2 or newer", "")
	}
	if s.alp != "" && !slices.Contains(strings.Split(s.alp, ","), "h2") {
		t.set("http2", "none", from)
	}
}
