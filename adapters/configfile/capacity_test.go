package configfile

import (
	"fmt"
	"strings"
	"testing"
)

// With 2 routers, a brings 50 requests in flight to each, b 30.
const capacityConfig = `lockstep: 1
facts: {routers: 2..9, peak: {a: {requests: 1000/s, latency: 100ms}, b: {requests: 599/s, latency: 100ms}}}
placements:
  a: {endpoints: {one: {url: "http://a:1"}}, fallback: [b, c], limit: {A}}
  b: {endpoints: {one: {url: "http://b:1"}}, fallback: none, limit: {B}}
  c: {endpoints: {one: {url: "http://c:1"}}, limit: {C}}
`

func TestCapacityIsPlainArithmetic(t *testing.T) {
	for _, c := range []struct{ a, b, c, want string }{
		{"", "", "", ""},
		{"in_flight: 50", "in_flight: 80", "in_flight: 1", ""},
		{"in_flight: 49", "", "", "4: a is too small for its own peak: 50 in flight at each router, the limit is 49"},
		{"", "in_flight: 79", "", "5: b cannot take the load of a: 30 of its own and 50 guests in flight at each router, the limit is 79"},
		{"", "in_flight: 79, when_full: fail_over", "in_flight: 1", ""},
		{"", "in_flight: 79, when_full: fail_over", "guests: 0", "4: the fallbacks of a take 49 of the 50 requests that it has in flight at each router"},
		{"", "in_flight: 50, guests: 20", "in_flight: 30", ""},
		{"", "in_flight: 50, guests: 20", "in_flight: 29", "6: c cannot take the load of a: 0 of its own and 30 guests in flight at each router, the limit is 29"},
		{"", "guests: 0", "guests: 0", "4: the fallbacks of a take 0 of the 50 requests that it has in flight at each router"},
		{"", "in_flight: 10", "", "5: b cannot take the load of a: 30 of its own and 50 guests in flight at each router, the limit is 10 5: b is too small for its own peak: 30 in flight at each router, the limit is 10"},
	} {
		text := strings.NewReplacer("{A}", "{"+c.a+"}", "{B}", "{"+c.b+"}", "{C}", "{"+c.c+"}").Replace(capacityConfig)
		f, err := Parse("c", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		config, err := f.Compile()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range f.Capacity(config) {
			got = append(got, fmt.Sprintf("%d: %s", p.Line, p.What))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("a {%s} b {%s} c {%s}:\n got %s\nwant %s", c.a, c.b, c.c, got, c.want)
		}
	}
}

// With 2 routers, a brings 50 requests in flight to each.
const capsConfig = `lockstep: 1
facts: {routers: 2, peak: {a: {requests: 1000/s, latency: 100ms}}}
placements:
  a: {endpoints: {one: {url: "http://a:1", limit: ONE}, two: {url: "http://a:2", limit: TWO}}, fallback: [b]}
  b: {endpoints: {one: {url: "http://b:1", limit: 50}}}
`

func TestCapacityAddsUpTheLimitsOfEndpoints(t *testing.T) {
	for _, c := range []struct{ one, two, want string }{
		{"50", "50", ""},
		{"49", "50", "4: a is too small for its own peak without its largest endpoint: 50 in flight at each router, the limits of the rest add up to 49"},
		{"24", "25", "4: the endpoints of a are too small for its own peak: 50 in flight at each router, their limits add up to 49"},
	} {
		f, err := Parse("c", []byte(strings.NewReplacer("ONE", c.one, "TWO", c.two).Replace(capsConfig)))
		if err != nil {
			t.Fatal(err)
		}
		config, err := f.Compile()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range f.Capacity(config) {
			got = append(got, fmt.Sprintf("%d: %s", p.Line, p.What))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("limits %s and %s:\n got %s\nwant %s", c.one, c.two, got, c.want)
		}
	}
	f, err := Parse("c", []byte(strings.NewReplacer("ONE", "50", "TWO", "50", "limit: 50}}}\n", "limit: 49}}}\n").Replace(capsConfig)))
	if err != nil {
		t.Fatal(err)
	}
	config, _ := f.Compile()
	if w := f.Capacity(config); len(w) != 1 || !strings.Contains(w[0].What, "b cannot take the load of a: 0 of its own and 50 guests in flight at each router, the limit is 49") {
		t.Errorf("warned %v", w)
	}
}

func TestWithoutFactsThereIsNoArithmetic(t *testing.T) {
	f, err := Parse("c", []byte(strings.NewReplacer("routers: 2..9, ", "", "{A}", "{in_flight: 1}", "{B}", "{}", "{C}", "{}").Replace(capacityConfig)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Compile()
	if w := f.Capacity(c); err != nil || len(w) > 0 {
		t.Errorf("warned %v, error %v", w, err)
	}
}
