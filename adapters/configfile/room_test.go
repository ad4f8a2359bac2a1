package configfile

import (
	"strings"
	"testing"
)

func TestSettingsAboutRoomThatDoNothingAreNamed(t *testing.T) {
	for _, c := range []struct{ settings, want string }{
		{"panic_percent: 50%", ""},
		{"panic_percent: 50%, panic: fail_over", "a has no fallback to go to in panic"},
		{"panic_percent: 50%, panic: fail_over, fallback: [b]", ""},
		{"panic_percent: 50%, health: none", "a has no health that panic could ignore"},
		{"limit: {in_flight: 9, guests: 5}", ""},
		{"limit: {in_flight: 9, tenant_share: 50%}", ""},
		{"limit: {in_flight: 9, tenant_share: 50%, guests: 0}", "only one key has its home in a, and guests may not come"},
		{"limit: {in_flight: 9, priorities: [100%, 50%]}", "a sheds by priority, and every request has the priority 0"},
		{"limit: {in_flight: 9, adaptive: {min: 2}}", ""},
		{"limit: {in_flight: 9, adaptive: {min: 9}}", "the adaptive limit of a cannot move: its min is 9, in_flight 9"},
		{"limit: {in_flight: 9, adaptive: {min: 2, max: 10}}", "the adaptive limit of a never rises to its max of 10: in_flight is 9"},
		{"limit: {in_flight: 9, guests: 6}", "guests may take all of a: its endpoints hold 6 in flight by their own limits, guests is 6"},
	} {
		f, err := Parse("c", []byte("lockstep: 1\nplacements:\n  a: {endpoints: {one: {url: \"http://a:1\", limit: 6}}, "+c.settings+"}\n  b: {endpoints: {one: {url: \"http://b:1\"}}}\nkeys: {k: a}\n"))
		if err != nil {
			t.Fatal(err)
		}
		config, err := f.Compile()
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, p := range f.Capacity(config) {
			got += p.What
		}
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: warned %q, want %q", c.settings, got, c.want)
		}
	}
}
