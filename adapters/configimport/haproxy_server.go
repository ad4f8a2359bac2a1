package configimport

import (
	"strconv"
	"strings"
	"time"
)

// hapServer is one server line with the default-server lines before it.
type hapServer struct {
	*hapLine
	name, address string
	weight        int // 256 at most; 1 unless said
	weightSet     bool
	maxconn       int
	maxqueue      int
	backup        bool
	disabled      bool
	check         bool
	checkSSL      bool
	inter         time.Duration
	rise, fall    int
	slowstart     time.Duration
	observe       string
	errorLimit    int
	onError       string
	ssl           bool
	verify        string
	caFile, crt   string
	sni, verhost  string
	alpn, proto   string
	sendProxy     string
	cookie        string
	resolvers     string
	sslMin        string
}

// hapServerWords are the options of a server line: how many words follow, and
// what is said of those that nothing here reads.
var hapServerWords = map[string]struct {
	words  int
	ignore string
}{
	"backup": {}, "check": {}, "ssl": {}, "check-ssl": {}, "disabled": {}, "send-proxy": {}, "send-proxy-v2": {}, "no-check": {}, "no-ssl": {}, "no-backup": {}, "enabled": {},
	"no-send-proxy": {}, "no-send-proxy-v2": {}, "no-check-ssl": {}, "no-verifyhost": {},
	"weight": {words: 1}, "maxconn": {words: 1}, "maxqueue": {words: 1}, "inter": {words: 1}, "rise": {words: 1}, "fall": {words: 1}, "slowstart": {words: 1},
	"observe": {words: 1}, "error-limit": {words: 1}, "on-error": {words: 1}, "verify": {words: 1}, "ca-file": {words: 1}, "crt": {words: 1}, "sni": {words: 1}, "verifyhost": {words: 1},
	"alpn": {words: 1}, "proto": {words: 1}, "cookie": {words: 1}, "resolvers": {words: 1}, "ssl-min-ver": {words: 1},
	"init-addr":      {1, ""},
	"resolve-prefer": {1, "both families of addresses are used as the name server gives them"},
	"resolve-opts":   {1, "there are no options of resolution"},
	"resolve-net":    {1, "there is no preferred network"},
	"minconn":        {1, "a limit does not grow with load here; limit.adaptive follows latency instead"},
	"fastinter":      {1, "checks have one interval here"},
	"downinter":      {1, "checks have one interval here"},
	"port":           {1, "checks go to the port that requests go to"},
	"addr":           {1, "checks go to the address that requests go to"},
	"check-sni":      {1, "checks ask for the name that requests ask for"}, "check-alpn": {1, "checks speak what requests speak"}, "check-proto": {1, "checks speak what requests speak"},
	"check-send-proxy": {0, "checks begin with no PROXY header"}, "check-via-socks4": {0, "there is no SOCKS"}, "socks4": {1, "there is no SOCKS"},
	"on-marked-down": {1, "requests under way are left to end when an endpoint is taken out"}, "on-marked-up": {1, "requests under way are left to end"},
	"track": {1, "each endpoint is checked for itself"}, "agent-check": {0, "there is no agent protocol"}, "agent-port": {1, "there is no agent protocol"}, "agent-inter": {1, "there is no agent protocol"},
	"agent-addr": {1, "there is no agent protocol"}, "agent-send": {1, "there is no agent protocol"},
	"ciphers": {1, "ciphers are Go's own list"}, "ciphersuites": {1, "ciphers are Go's own list"}, "crl-file": {1, "revocation lists are not read"}, "ssl-max-ver": {1, "the newest TLS version is always offered"},
	"force-tlsv12": {0, "the newest TLS version is always offered"}, "force-tlsv13": {0, `write upstream.tls.min: "1.3"`}, "no-sslv3": {0, ""}, "no-tlsv10": {0, ""}, "no-tlsv11": {0, ""},
	"no-tls-tickets": {0, "sessions are resumed where endpoints let them"}, "no-ssl-reuse": {0, "sessions are resumed where endpoints let them"}, "allow-0rtt": {0, "nothing is sent as early data"},
	"send-proxy-v2-ssl": {0, "the PROXY header tells of no TLS; v2 without it: upstream.proxy_protocol: v2"}, "send-proxy-v2-ssl-cn": {0, "the PROXY header tells of no TLS"}, "proxy-v2-options": {1, "the PROXY header has no options"},
	"source": {1, "the system chooses the source address"}, "usesrc": {1, "the source address cannot be the client's: use upstream.proxy_protocol"}, "interface": {1, "the system chooses the interface"},
	"id": {1, ""}, "redir": {1, "redirects are the service's"}, "tfo": {0, "TCP Fast Open is not used"}, "namespace": {1, "there are no network namespaces"}, "pool-max-conn": {1, "idle connections are bounded by upstream_idle alone"},
	"pool-low-conn": {1, "idle connections are bounded by upstream_idle alone"}, "pool-purge-delay": {1, "timeouts.upstream_idle says how long idle connections are kept"}, "max-reuse": {1, "write upstream.pool.max_requests"},
	"non-stick": {0, "stick tables are not translated"}, "shard": {1, "there are no stick tables"}, "ws": {1, "WebSockets go over HTTP/1.1"}, "log-bufsize": {1, ""}, "tcp-ut": {1, "there is no such timeout"}, "no-resolve-prefer": {0, ""},
	"log-proto": {1, ""}, "error-code": {1, ""},
}

// options reads the options of a server line, and of default-server lines.
func (s *hapServer) options(words []string, l *hapLine) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		about, known := hapServerWords[w]
		if !known {
			l.not("the option "+strconv.Quote(w)+" is not known here", "look up what it does, and whether it must go on being done")
			continue
		}
		value := ""
		if about.words == 1 {
			if i+1 >= len(words) {
				l.not("the option "+w+" has no value", "")
				return
			}
			i++
			value = words[i]
		}
		if about.ignore != "" {
			l.not(strings.TrimSpace(w+" "+value)+": "+about.ignore, "")
			continue
		}
		s.option(w, value, l)
	}
}

func (s *hapServer) option(w, value string, l *hapLine) {
	count := func(into *int, most int) {
		if n, ok := l.countOf(value, most); ok {
			*into = n
		}
	}
	length := func(into *time.Duration) {
		if d, ok := hapTime(value); ok {
			*into = clamped(d, l.Line)
		} else {
			l.not(w+": "+strconv.Quote(value)+" is not a time", "")
		}
	}
	if bare, off := strings.CutPrefix(w, "no-"); off {
		s.flag(bare, false)
		return
	}
	switch w {
	case "weight":
		s.weightSet = true
		count(&s.weight, 256)
	case "maxconn":
		count(&s.maxconn, 1<<20)
	case "maxqueue":
		count(&s.maxqueue, 1<<20)
	case "rise":
		count(&s.rise, 1<<20)
	case "fall":
		count(&s.fall, 1<<20)
	case "error-limit":
		count(&s.errorLimit, 1<<20)
	case "inter":
		length(&s.inter)
	case "slowstart":
		length(&s.slowstart)
	default:
		s.flag(w, true)
		s.text(w, value)
	}
}

func (s *hapServer) flag(w string, on bool) {
	switch w {
	case "backup":
		s.backup = on
	case "check":
		s.check = on
	case "ssl":
		s.ssl = on
	case "check-ssl":
		s.checkSSL = on
	case "disabled":
		s.disabled = on
	case "enabled":
		s.disabled = false
	case "send-proxy", "send-proxy-v2":
		s.sendProxy = ""
		if on {
			s.sendProxy = map[string]string{"send-proxy": "v1", "send-proxy-v2": "v2"}[w]
		}
	case "verifyhost":
		if !on {
			s.verhost = ""
		}
	}
}

func (s *hapServer) text(w, value string) {
	into := map[string]*string{
		"observe": &s.observe, "on-error": &s.onError, "verify": &s.verify, "ca-file": &s.caFile, "crt": &s.crt, "sni": &s.sni, "verifyhost": &s.verhost,
		"alpn": &s.alpn, "proto": &s.proto, "cookie": &s.cookie, "resolvers": &s.resolvers, "ssl-min-ver": &s.sslMin,
	}[w]
	if into != nil {
		*into = value
	}
}

// isHTTP2 says whether the endpoint is to be spoken to in HTTP/2.
func (s *hapServer) isHTTP2() bool {
	return s.proto == "h2" || s.alpn == "h2" || strings.HasPrefix(s.alpn, "h2,") && s.ssl
}
