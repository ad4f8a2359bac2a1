package parity

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// cases are all tables.
func cases() []*testCase {
	return slices.Concat(headerCases(), refusalCases(), upstreamCases(), bodyCases(), contractCases(), methodCases(), resilienceCases(), configCases(), controlCases(), lifeCases(), tlsCases(), webSocketCases(), otherCases(), http2Cases())
}

// TestBothRoutersAnswerAsTheContractSays plays every case under each program,
// and holds what came back of one against the other.
func TestBothRoutersAnswerAsTheContractSays(t *testing.T) {
	all := cases()
	names := map[string]bool{}
	for _, c := range all {
		if names[c.name] {
			t.Errorf("two cases are named %q", c.name)
		}
		names[c.name] = true
	}
	t.Cleanup(func() { t.Log(summary(len(all))) })
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			stories := make([]story, len(programs))
			for i, p := range programs {
				t.Run(p.name, func(t *testing.T) { stories[i] = play(t, c, p) })
			}
			if len(programs) == 2 && refusedStart(c.name, rustSide) == nil {
				if d := differences(stories[0].text(c.name), stories[1].text(c.name)); d != "" {
					t.Errorf("the two differ (-%s +%s):\n%s", programs[0].name, programs[1].name, d)
				}
			}
		})
	}
}

// TestEveryDifferenceIsOfACase holds that the table of differences names what there is.
func TestEveryDifferenceIsOfACase(t *testing.T) {
	for _, d := range differs {
		if !slices.ContainsFunc(cases(), func(c *testCase) bool { return c.name == d.name }) {
			t.Errorf("there is no case %q", d.name)
		}
		if d.because == "" || d.side != goSide && d.side != rustSide {
			t.Errorf("%s: say who differs and why", d.name)
		}
	}
}

func summary(n int) string {
	verified.Lock()
	defer verified.Unlock()
	var replays []string
	for _, pair := range sortedKeys(verified.pairs) {
		replays = append(replays, fmt.Sprintf("%d of %s", verified.pairs[pair], pair))
	}
	return fmt.Sprintf("%d cases; recordings replayed: %s", n, strings.Join(replays, ", ")) + said()
}
