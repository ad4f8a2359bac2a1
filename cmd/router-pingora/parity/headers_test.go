package parity

// baseline1 is the older of the baseline's two forms.
const baseline1 = `{"version":"v1","routingTable":{"visa":"visa","acme":"tier1"},
"cellEndpoints":{"visa":"http://<visa>","tier1":"http://<tier1>","tier3":"http://<tier3>"},"defaultPlacement":"tier3"}`

// baseline2 is the newer.
const baseline2 = `{"version":"v1","routingTable":{"visa":"visa","acme":"tier1"},"placements":{
"visa":{"url":"http://<visa>"},"tier1":{"url":"http://<tier1>"},"tier3":{"url":"http://<tier3>"}},"defaultPlacement":"tier3"}`

// native says the same in the native form.
const native = `lockstep: 1
version: v1
access_log: {fields: baseline}
routes: [{unknown_key: {to: tier3}}]
defaults: {health: none, fallback: none}
placements:
  visa: {endpoints: {a: {url: "http://<visa>"}}}
  tier1: {endpoints: {a: {url: "http://<tier1>"}}}
  tier3: {endpoints: {a: {url: "http://<tier3>"}}}
keys: {visa: visa, acme: tier1}
`

// forms are the three ways to say one configuration.
var forms = []struct {
	name, text string
	yaml       bool
}{
	{"the baseline's first form", baseline1, false},
	{"the baseline's second form", baseline2, false},
	{"the native form", native, true},
}

// get is a plain GET with that key, "" for none.
func get(key, path string, more ...string) string {
	s := "GET " + path + " HTTP/1.1\nHost: a.example\n"
	if key != "" {
		s += "X-Routing-Key: " + key + "\n"
	}
	for _, m := range more {
		s += m + "\n"
	}
	return s + "\n"
}

// headerCases are BASELINE's request and response headers.
func headerCases() (all []*testCase) {
	for _, f := range forms {
		for _, c := range []*testCase{
			{name: "a dedicated placement serves its key", steps: []step{ask{
				send: get("visa", "/a?b=c"), want: ok("visa", "dedicated", "closed"),
				saw:    arrived{at: "visa", line: "GET /a?b=c HTTP/1.1", key: "visa"},
				log:    base("GET", "/a", "visa", "visa", "dedicated", "http://<visa>", 200),
				counts: request("visa", "ok", "2xx", "dedicated", "") + attempt("visa", "<visa>", "ok"),
			}}},
			{name: "a tier serves its key", steps: []step{ask{
				send: get("acme", "/"), want: ok("tier1", "tier", "closed"),
				saw: arrived{at: "tier1", line: "GET / HTTP/1.1", key: "acme"},
				log: base("GET", "/", "acme", "tier1", "tier", "http://<tier1>", 200),
			}}},
			{name: "an unknown key goes to the default placement", steps: []step{ask{
				send: get("nobody", "/"), want: ok("tier3", "default", "closed"),
				saw: arrived{at: "tier3", line: "GET / HTTP/1.1", key: "nobody"},
				log: base("GET", "/", "nobody", "tier3", "default", "http://<tier3>", 200),
			}}},
		} {
			c.name, c.config, c.yaml = c.name+" ("+f.name+")", f.text, f.yaml
			all = append(all, c)
		}
	}
	return all
}
