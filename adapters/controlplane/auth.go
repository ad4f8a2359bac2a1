package controlplane

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// connectPath is where routers connect (BASELINE).
const connectPath = "/connect"

// ReadToken reads a bearer token from a file, without the white space around it.
func ReadToken(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("the token in %s is empty or not one printable word; make one with: openssl rand -hex 32", path)
	}
	return token, nil
}

// checkURL returns the address to dial for what the operator wrote: ws, wss,
// http or https; without a path, /connect is meant.
func checkURL(raw, token string, insecure bool) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", fmt.Errorf("the control plane's URL: %w", err)
	}
	switch u.Scheme {
	case "ws", "wss", "http", "https":
	default:
		return "", fmt.Errorf("the control plane's URL %q is not a ws or wss URL; write it as ws://127.0.0.1:8081/connect", raw)
	}
	if u.Host == "" {
		return "", fmt.Errorf("the control plane's URL %q has no host; write it as ws://127.0.0.1:8081/connect", raw)
	}
	if token == "" && !insecure && !loopback(u.Hostname()) {
		return "", fmt.Errorf("the control plane %s is on another machine and there is no token: whoever answers there decides where requests go; give a token file, or --insecure", u.Host)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = connectPath
	}
	return u.String(), nil
}

// CheckListen refuses an address that other machines can reach when there is
// no token and the operator has not insisted.
func CheckListen(address, token string, insecure bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("the address %q: %w; write it as 127.0.0.1:8081", address, err)
	}
	if token == "" && !insecure && !loopback(host) {
		return fmt.Errorf("other machines can reach %q and there is no token: anyone there could read the configuration; give a token file, or --insecure, or listen on 127.0.0.1", address)
	}
	return nil
}

// loopback reports whether host is this machine by its spelling; names are not looked up.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// authorized reports whether a request carries the token; without one everyone is.
func authorized(r *http.Request, token string) bool {
	if token == "" {
		return true
	}
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	// Hashed first: the comparison then tells nothing about the length either.
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(token))
	return ok && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
