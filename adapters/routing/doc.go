// Package routing finds, for one request, the route that it takes and its
// routing key: the first route whose host, path and listener fit, and the first
// of its key sources that has a key. It is the edge's half of rule R1; what the
// key then means is core's half. It also says which headers of a client are not
// to be believed.
//
// A configuration is compiled once, and looked up without a lock. Settings come
// from core.Config.Edge (package settings). A configuration without any finds
// the key in X-Routing-Key, as the baseline does, and strips nothing.
//
// README.md has the exact rules of each source. What may not live here:
// decisions, connections to upstreams, reading configuration files.
package routing
