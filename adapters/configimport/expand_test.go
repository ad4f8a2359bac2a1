package configimport

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// request is what rules and routes ask for.
type request struct{ host, path, key string }

func (q request) in(r region) bool {
	host := r.hosts == nil || slices.ContainsFunc(r.hosts, func(h string) bool {
		suffix, wild := strings.CutPrefix(h, "*")
		return h == q.host || wild && strings.HasSuffix(q.host, suffix) && len(q.host) > len(suffix)
	})
	path := r.paths == nil || slices.ContainsFunc(r.paths, func(p string) bool { return q.path == p || strings.HasPrefix(q.path, p+"/") })
	return host && path
}

// byRules decides as a proxy does: one rule after another.
func byRules(rules []rule, q request) target {
	for _, r := range rules {
		if !q.in(r.in) || slices.ContainsFunc(r.not, q.in) {
			continue
		}
		if r.key == "" {
			return r.to
		}
		for _, k := range r.keys {
			if k.key == q.key {
				return k.to
			}
		}
		if r.last {
			return r.to
		}
	}
	return target{placement: "no rule"}
}

// byRoutes decides as the router does: the first route, then its table.
func byRoutes(routes []built, q request) target {
	for _, b := range routes {
		if !q.in(b.in) {
			continue
		}
		for _, k := range b.keys {
			if k.key == q.key {
				return k.to
			}
		}
		return b.to
	}
	return target{placement: "no route"}
}

func drawRegion(t *rapid.T) (r region) {
	words := func(all []string, label string) []string {
		if rapid.Bool().Draw(t, label+" any") {
			return nil
		}
		return rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 3, rapid.ID[string]).Draw(t, label)
	}
	return region{
		words([]string{"a.b", "x.a.b", "y.x.a.b", "*.a.b", "*.x.a.b", "*.b", "c"}, "hosts"),
		words([]string{"/v1", "/v1/x", "/v1/x/y", "/v2"}, "paths"),
	}
}

func TestRoutesDecideAsTheRulesThatTheyAreMadeOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rules []rule
		for i := range rapid.IntRange(0, 8).Draw(t, "rules") {
			r := rule{in: drawRegion(t), to: target{placement: "p" + strconv.Itoa(i)}}
			for range rapid.IntRange(0, 2).Draw(t, "exceptions") {
				r.not = append(r.not, drawRegion(t))
			}
			if rapid.Bool().Draw(t, "keyed") {
				r.key, r.last = "{header: X}", rapid.Bool().Draw(t, "last")
				for _, k := range rapid.SliceOfN(rapid.SampledFrom([]string{"k1", "k2", "k3"}), 1, 3).Draw(t, "keys") {
					r.keys = append(r.keys, keyTo{key: k, to: target{placement: k + "-" + strconv.Itoa(i)}})
				}
			}
			rules = append(rules, r)
		}
		rules = append(rules, rule{to: target{placement: "rest"}})
		routes, complete := expand(rules, most)
		if !complete {
			t.Skip("more routes than there can be")
		}
		for _, host := range []string{"a.b", "x.a.b", "y.x.a.b", "z.a.b", "z.y.x.a.b", "q.b", "c", "b", "other"} {
			for _, path := range []string{"/", "/v1", "/v1/x", "/v1/xx", "/v1/x/y/z", "/v2/1", "/v3"} {
				for _, k := range []string{"k1", "k2", "k3", "k4", ""} {
					q := request{host, path, k}
					if want, got := byRules(rules, q), byRoutes(routes, q); want.placement != got.placement {
						t.Fatalf("%+v goes to %s by the rules, to %s by the routes\nrules %+v\nroutes %+v", q, want.placement, got.placement, rules, routes)
					}
				}
			}
		}
	})
}

func TestAnyTwoPatternsAreNestedOrApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRegion(t), drawRegion(t)
		in, ok := a.intersect(b)
		for _, host := range []string{"a.b", "x.a.b", "y.x.a.b", "z.a.b", "q.b", "c", "b"} {
			for _, path := range []string{"/", "/v1", "/v1/x", "/v1/xx", "/v2/1"} {
				q := request{host, path, ""}
				if want, got := q.in(a) && q.in(b), ok && q.in(in); want != got {
					t.Fatalf("%+v is in %+v and %+v: %v; in %+v: %v", q, a, b, want, in, got)
				}
			}
		}
	})
}

func TestWordsAreTakenApartAsHAProxyDoes(t *testing.T) {
	env := func(name string) (string, bool) { return "value", name == "SET" }
	for text, want := range map[string]string{
		`server a 10.0.0.1:80 # why`:     "server|a|10.0.0.1:80",
		`a "b c" 'd # e' f\ g h\#i`:      "a|b c|d # e|f g|h#i",
		`"$SET" '$SET' "${SET}x" \$A`:    "value|$SET|valuex|$A",
		`"${NONE-other}" a"b"c`:          "other|abc",
		`x \x41\n '' "\"q\""`:            "x|A\n||\"q\"",
		`if { path_beg /a } !{ ssl_fc }`: "if|{|path_beg|/a|}|!{|ssl_fc|}",
	} {
		words, unknown, open := hapWords(text, env)
		if got := strings.Join(words, "|"); got != want || open || unknown != nil {
			t.Errorf("%s: %q, want %q (unknown %v, open %v)", text, got, want, unknown, open)
		}
	}
	if _, unknown, _ := hapWords(`server a "10.0.0.1:${PORT}"`, env); !slices.Equal(unknown, []string{"PORT"}) {
		t.Errorf("unknown: %v", unknown)
	}
	if _, _, open := hapWords(`server "a`, env); !open {
		t.Error("a quote without an end is not noticed")
	}
}

func TestAReportShowsNoPasswordsAndKeys(t *testing.T) {
	for text, want := range map[string]string{
		"user maria insecure-password hush":                    "user maria insecure-password ***",
		"user maria password $5$abc groups ops":                "user maria password *** groups ops",
		"stats auth admin:hush":                                "stats auth admin:***",
		"http-check send hdr Authorization Bearer x":           "http-check send hdr Authorization ***",
		`private_key: {inline_string: "hush"}`:                 `private_key: {inline_string: ***}`,
		`"inlineString": "hush",`:                              `"inlineString": ***,`,
		"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ==": "***",
		"server a 10.0.0.1:80 check":                           "server a 10.0.0.1:80 check",
		"acl secret path_beg /token":                           "acl secret path_beg /token",
	} {
		if got := masked(text); got != want {
			t.Errorf("%s is shown as %s, not %s", text, got, want)
		}
	}
}
