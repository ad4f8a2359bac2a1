package accesslog

import "strings"

// What the members of JSON logs mean. For nginx and Envoy the operator chooses
// the names, so these are the usual ones, beside the names of the variables.

// leaf makes nodes of fields.
func leaves(fields map[string]field) map[string]*node {
	kids := make(map[string]*node, len(fields))
	for name, f := range fields {
		kids[name] = &node{field: f}
	}
	return kids
}

// loose are names that nginx's and Envoy's JSON logs share in practice.
var loose = map[string]field{
	"time": {means: timeEnd}, "timestamp": {means: timeEnd}, "@timestamp": {means: timeEnd}, "ts": {means: timeEnd},
	"start_time": {means: timeStart}, "method": {means: method}, "uri": {means: path}, "path": {means: path}, "query": {means: query},
	"authority": {means: host}, "code": {means: code}, "status_code": {means: code}, "response_code": {means: code},
	"bytes": {means: sent}, "size": {means: sent}, "bytes_received": {means: received},
	"duration_ms": {means: tookMillis}, "req_id": {means: id}, "x_request_id": {means: id}, "x-request-id": {means: id},
	"upstream_cluster": {means: group}, "upstream_name": {means: group}, "proxy_upstream_name": {means: group},
}

func nginxJSON() *node {
	n := &node{kids: leaves(loose), rest: func(name string) field {
		if f := nginxField(name); f.means != ignored {
			return f
		}
		return looseHeader(name)
	}}
	for name, f := range nginxVariables {
		n.kids[name] = &node{field: f}
	}
	for _, name := range []string{"upstream", "upstream_host"} {
		n.kids[name] = &node{field: field{means: upstreams}}
	}
	for _, name := range []string{"duration", "response_time", "latency"} {
		n.kids[name] = &node{field: field{means: tookAny}}
	}
	return n
}

func envoyJSON() *node {
	n := &node{kids: leaves(loose), rest: looseHeader}
	for name, f := range map[string]field{
		"path": {means: uri}, "response_flags": {means: flags}, "duration": {means: tookMillis}, "bytes_sent": {means: sent},
		"upstream_host": {means: upstream}, "request_id": {means: id}, "host": {means: host}, ":authority": {means: host}, ":method": {means: method}, ":path": {means: uri},
	} {
		n.kids[name] = &node{field: f}
	}
	return n
}

// looseHeader takes x_tenant and x-tenant for the request header X-Tenant.
func looseHeader(name string) field {
	if len(name) > 2 && (name[0] == 'x' || name[0] == 'X') && (name[1] == '_' || name[1] == '-') {
		return headerField(strings.ReplaceAll(name, "_", "-"))
	}
	return field{}
}

// caddyJSON is of Caddy's own access log. Which upstream was asked stands there
// only with log_append.
func caddyJSON() *node {
	request := &node{kids: leaves(map[string]field{"method": {means: method}, "host": {means: host}, "uri": {means: uri}})}
	request.kids["headers"] = &node{kids: map[string]*node{}, rest: headerField}
	n := &node{kids: leaves(map[string]field{
		"ts": {means: timeEnd}, "logger": {means: logger}, "status": {means: code}, "size": {means: sent}, "bytes_read": {means: received},
		"duration": {means: tookAny}, "duration_ms": {means: tookMillis}, "uuid": {means: id}, "request_id": {means: id},
		"upstream": {means: upstream}, "upstream_addr": {means: upstream}, "upstream_host": {means: upstream}, "upstream_hostport": {means: upstream},
	})}
	n.kids["request"] = request
	return n
}

// ownJSON is of lockstep serve's own log.
func ownJSON() *node {
	n := &node{kids: leaves(map[string]field{
		"timestamp": {means: timeEnd}, "request_id": {means: id}, "method": {means: method}, "path": {means: uri}, "routing_key": {means: key},
		"placement_key": {means: group}, "upstream_url": {means: upstream}, "status_code": {means: code}, "duration_ms": {means: tookMillis},
		"bytes_received": {means: received}, "bytes_sent": {means: sent}, "failover_reason": {means: reason}, "class": {means: class},
		"route": {means: route},
	})}
	n.kids["retried"] = &node{attempts: true}
	return n
}
