package configimport

import "strings"

// hapAbsent notes what nothing here translates: why, and what to do instead.
func hapAbsent(l *hapLine, name string) {
	if about, ok := hapAbsences[name]; ok {
		if about == (absence{}) {
			l.ok()
			return
		}
		l.not(about.why, about.do)
		return
	}
	first, _, _ := strings.Cut(name, " ")
	if about, ok := hapAbsences[first]; ok {
		l.not(about.why, about.do)
		return
	}
	l.not(first+" is not known here", "look up what it does, and whether it must go on being done")
}

type absence struct{ why, do string }

// hapAbsences says why a setting has no counterpart. An empty one needs none:
// Lockstep does so anyway.
var hapAbsences = map[string]absence{
	"http-request deny":                   {"requests that it keeps out are let through by the result: nothing here judges requests", "keep them out before the router or in the service, from the first day on"},
	"http-request tarpit":                 {"requests that it keeps out are let through by the result: nothing here judges requests", "keep them out before the router or in the service, from the first day on"},
	"http-request reject":                 {"requests that it keeps out are let through by the result: nothing here judges requests", "keep them out before the router or in the service, from the first day on"},
	"http-request auth":                   {"requests that it keeps out are let through by the result: nothing here judges requests", "keep them out before the router or in the service, from the first day on"},
	"http-request wait-for-handshake":     {"requests that it keeps out are let through by the result: nothing here judges requests", "keep them out before the router or in the service, from the first day on"},
	"http-request redirect":               {"requests that it redirects are served as they come", "redirect before the router or in the service"},
	"http-request return":                 {"requests that it answers go to a placement", "answer in a service"},
	"tcp-request connection":              {"connections that it keeps out are let in by the result", "max_connections and max_connections_per_client of a listener; a firewall"},
	"tcp-request content":                 {"connections that it keeps out are let in by the result", "max_connections and max_connections_per_client of a listener; a firewall"},
	"tcp-request session":                 {"connections that it keeps out are let in by the result", "max_connections and max_connections_per_client of a listener; a firewall"},
	"http-request":                        {"requests are not changed by rules", "set headers and rewrite paths before the router or in the service"},
	"http-response":                       {"answers are not changed", "set headers of answers in the service"},
	"http-after-response":                 {"answers are not changed", "set headers of answers in the service"},
	"tcp-request":                         {"connections are not judged by rules", "limits of connections: max_connections and max_connections_per_client of a listener"},
	"tcp-response":                        {"answers are not judged by rules", ""},
	"stick-table":                         {"there are no stick tables", "limit.tenant_share bounds one tenant; sticky keeps a client at an endpoint"},
	"stick":                               {"there are no stick tables", "sticky: {cookie: NAME}, or select: rendezvous by a key"},
	"use-server":                          {"an endpoint is not chosen by rules", "make a placement of its own of it, and a route or key that leads there"},
	"redirect":                            {"the router redirects nobody", "redirect before the router or in the service"},
	"errorfile":                           {"error pages are the service's; the router answers with a status and a reason", ""},
	"errorloc":                            {"error pages are the service's", ""},
	"errorloc302":                         {"error pages are the service's", ""},
	"errorloc303":                         {"error pages are the service's", ""},
	"errorfiles":                          {"error pages are the service's", ""},
	"http-error":                          {"error pages are the service's", ""},
	"compression":                         {"answers are not compressed", "compress in the service"},
	"filter":                              {"there are no filters", ""},
	"stats":                               {"there is no page of statistics", `look at metrics, health and state by HTTP: admin: {address: "127.0.0.1:9901"}`},
	"monitor-uri":                         {"no path answers for the router itself among those of clients", "use /readyz of the admin listener"},
	"monitor":                             {"no path answers for the router itself among those of clients", "use /readyz of the admin listener"},
	"monitor-net":                         {"no path answers for the router itself", "use /readyz of the admin listener"},
	"capture":                             {"headers are not captured for the log", ""},
	"declare":                             {"headers are not captured for the log", ""},
	"log":                                 {"Lockstep writes its access log to standard output, as JSON", "collect it from there; fields and sampling: access_log"},
	"log-format":                          {"the access log has one form, JSON", "choose fields and sampling under access_log"},
	"log-format-sd":                       {"the access log has one form, JSON", ""},
	"log-tag":                             {"the access log has one form, JSON", ""},
	"log-steps":                           {"the access log has one line a request", ""},
	"error-log-format":                    {"the access log has one form, JSON", ""},
	"unique-id-format":                    {"each request has an X-Request-Id of the router's form", ""},
	"unique-id-header":                    {"each request has an id in X-Request-Id", "let services read X-Request-Id"},
	"option httplog":                      {},
	"option dontlognull":                  {},
	"option dontlog-normal":               {"every request has its log line", "write access_log: {sample: .., always: [errors]}"},
	"option log-separate-errors":          {"there is one log", ""},
	"option logasap":                      {"a request is logged at its end", ""},
	"option tcplog":                       {"only requests are logged", ""},
	"option httpslog":                     {"the access log has one form, JSON", ""},
	"option http-server-close":            {"connections to endpoints are always used again", "write upstream.pool.max_requests: 1 where they may not be"},
	"option httpclose":                    {"connections are always used again", "listen: {NAME: {http1: {requests_max: 1}}} closes those of clients"},
	"option forceclose":                   {"connections are always used again", ""},
	"option abortonclose":                 {},
	"option splice-auto":                  {"it tunes HAProxy's own workings", ""},
	"option splice-request":               {"it tunes HAProxy's own workings", ""},
	"option splice-response":              {"it tunes HAProxy's own workings", ""},
	"option clitcpka":                     {},
	"option srvtcpka":                     {},
	"option tcpka":                        {},
	"option tcp-smart-accept":             {"it tunes HAProxy's own workings", ""},
	"option tcp-smart-connect":            {"it tunes HAProxy's own workings", ""},
	"option nolinger":                     {"connections end in order", ""},
	"option http-buffer-request":          {"bodies flow through as they come", ""},
	"option http-ignore-probes":           {},
	"option http-no-delay":                {},
	"option http-use-htx":                 {},
	"option originalto":                   {"X-Original-To is not set", ""},
	"option persist":                      {"an endpoint that is down gets nobody, cookie or not", ""},
	"option log-health-checks":            {},
	"option checkcache":                   {"answers are not looked at", ""},
	"option accept-invalid-http-request":  {"requests are read strictly", "mend the clients; what is refused is logged with its reason"},
	"option accept-invalid-http-response": {"answers are read strictly", ""},
	"option accept-unsafe-violations-in-http-request": {"requests are read strictly", ""},
	"option idle-close-on-response":                   {},
	"option contstats":                                {},
	"option socket-stats":                             {},
	"option independent-streams":                      {},
	"option transparent":                              {"the client's own destination is no endpoint", ""},
	"option http_proxy":                               {"the router is no forward proxy", ""},
	"option http-restrict-req-hdr-names":              {"names of headers are read strictly", ""},
	"option disable-h2-upgrade":                       {"HTTP/2 without TLS is taken where the client begins with it", "write http2: none in the listener"},
	"option mysql-check":                              {"checks speak HTTP, gRPC, TLS or TCP", "health: {tcp: true} is written in its place"},
	"option pgsql-check":                              {"checks speak HTTP, gRPC, TLS or TCP", ""},
	"option redis-check":                              {"checks speak HTTP, gRPC, TLS or TCP", ""},
	"option smtpchk":                                  {"checks speak HTTP, gRPC, TLS or TCP", ""},
	"option ldap-check":                               {"checks speak HTTP, gRPC, TLS or TCP", ""},
	"option spop-check":                               {"checks speak HTTP, gRPC, TLS or TCP", ""},
	"option external-check":                           {"checks run no programs", ""},
	"external-check":                                  {"checks run no programs", ""},
	"tcp-check":                                       {"what a check sends and expects over TCP is not said here", "health: {tcp: true} asks only for a connection"},
	"http-check":                                      {"checks have one request and look at its status", ""},
	"email-alert":                                     {"alert from metrics", ""},
	"timeout tunnel":                                  {"an upgraded connection has the timeouts of any other", "see timeouts.body_idle"},
	"timeout client-fin":                              {"there is no such timeout", ""},
	"timeout server-fin":                              {"there is no such timeout", ""},
	"timeout tarpit":                                  {"nobody is kept waiting on purpose", ""},
	"timeout client-hs":                               {"", ""},
	"fullconn":                                        {"limits do not grow with load here", "limit.adaptive follows latency"},
	"minconn":                                         {"limits do not grow with load here", ""},
	"load-server-state-from-file":                     {"state is not kept between starts but in recordings", ""},
	"server-state-file-name":                          {"state is not kept between starts but in recordings", ""},
	"backlog":                                         {"the system's backlog is used", ""},
	"description":                                     {"there is no such setting", "write a comment, or labels of a placement"},
	"id":                                              {"there are no numbers of proxies", ""},
	"guid":                                            {"there are no identities of proxies", ""},
	"disabled":                                        {"a section cannot be switched off", "take its placement or listener out"},
	"enabled":                                         {},
	"bind-process":                                    {"it is about the process, not about routing", ""},
	"max-keep-alive-queue":                            {"there is no such setting", ""},
	"max-session-srv-conns":                           {"there is no such setting", ""},
	"rate-limit":                                      {"sessions are not limited by rate", "max_connections of the listener, limit of placements"},
	"clitcpka-cnt":                                    {"the system's keep-alive is used", ""},
	"source":                                          {"the system chooses the source address", ""},
	"dispatch":                                        {"an endpoint has a name", "write it as a server"},
	"transparent":                                     {"the client's own destination is no endpoint", ""},
	"force-persist":                                   {"an endpoint that is down gets nobody", ""},
	"ignore-persist":                                  {"there is no such rule", ""},
	"persist":                                         {"there is no such rule", ""},
	"hash-preserve-affinity":                          {"there is no such setting", ""},
	"acl":                                             {"rules of a backend are not translated", ""},
	"use_backend":                                     {"a backend chooses no other", ""},
}

// hapFrontOnly are settings that concern frontends alone, hapBackOnly backends alone: in defaults the others pass them over.
var hapFrontOnly = map[string]bool{
	"bind": true, "acl": false, "use_backend": true, "default_backend": true, "timeout client": true, "timeout http-request": true, "timeout http-keep-alive": true, "maxconn": true,
	"monitor-uri": true, "monitor": true, "monitor-net": true, "option httplog": false, "option dontlognull": true, "option http-ignore-probes": true, "capture": true, "timeout client-fin": true, "timeout client-hs": true,
	"option clitcpka": true, "option contstats": true, "option logasap": true, "option log-separate-errors": true, "option dontlog-normal": true, "option socket-stats": true, "option idle-close-on-response": true, "option httpslog": true,
	"unique-id-format": true, "unique-id-header": true, "log-format": true, "error-log-format": true, "backlog": true, "option tcp-smart-accept": true, "option accept-invalid-http-request": true, "rate-limit": true, "option disable-h2-upgrade": true,
}

var hapBackOnly = map[string]bool{
	"balance": true, "hash-type": true, "hash-balance-factor": true, "timeout connect": true, "timeout server": true, "timeout queue": true, "timeout check": true, "option httpchk": true, "http-check send": true,
	"http-check expect": true, "option tcp-check": true, "option ssl-hello-chk": true, "option allbackups": true, "option redispatch": true, "retries": true, "retry-on": true, "cookie": true, "http-reuse": true,
	"option prefer-last-server": true, "default-server": true, "server": true, "server-template": true, "fullconn": true, "timeout server-fin": true, "timeout tunnel": true, "option log-health-checks": true, "option srvtcpka": true, "option persist": true,
	"option abortonclose": true, "load-server-state-from-file": true, "option mysql-check": true, "option pgsql-check": true, "option redis-check": true, "option smtpchk": true, "option external-check": true, "external-check": true,
	"http-check disable-on-404": true, "http-check send-state": true, "http-check connect": true, "http-check set-var": true, "option tcp-smart-connect": true, "option accept-invalid-http-response": true, "stick-table": true, "stick on": true, "use-server": true,
	"tcp-check connect": true, "tcp-check send": true, "tcp-check expect": true, "max-keep-alive-queue": true, "option checkcache": true, "email-alert": true,
}
