// Package discovery finds endpoints by DNS: A and AAAA records of a host, or SRV
// records of a service, asked for again when their time to live ends.
//
// It asks name servers itself, with golang.org/x/net/dns/dnsmessage, because
// std's resolver does not tell the time to live, and a fixed interval is either
// late or a load. For that it knows no hosts file and no search domains: a name
// is taken as it is written, from its root.
//
// The last good answer is kept for ever: no answer, an error, an empty answer
// never take an endpoint away. What changed is handed over at most once a
// second, whatever the answers do. The caller makes a configuration of it, so
// that a change of endpoints is adopted, recorded and replayed like any other.
//
// What may not live here: configuration files, adoption, health.
package discovery
