package httpproxy

import (
	"net"
	"net/http"
)

// methods is what a refused CONNECT is told that it might use instead. Any other
// method is routed too; these are the ones that RFC 9110 and RFC 5789 define.
const methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE"

// refuseConnect answers CONNECT, in any protocol: a tunnel to where the client
// says would go past the routing. One that is well-formed is a method that is not
// allowed here; any other is not HTTP.
func refuseConnect(w http.ResponseWriter, r *http.Request) {
	if protocol := r.Header.Get(":protocol"); protocol != "" { // RFC 8441; only where net/http was told to take it
		http.Error(w, "not_implemented: extended CONNECT is not proxied; open a WebSocket over HTTP/1.1", http.StatusNotImplemented)
		return
	}
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil || host == "" || port == "" || r.URL.Path != "" {
		http.Error(w, "bad_request: CONNECT needs host:port and nothing else", http.StatusBadRequest)
		return
	}
	w.Header()["Allow"] = []string{methods}
	http.Error(w, "bad_request: CONNECT is not proxied", http.StatusMethodNotAllowed)
}
