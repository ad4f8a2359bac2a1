package configdiff

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lockstep/adapters/configfile"
)

// model is a random configuration as lists of lines, so that it can be written in any order.
type model struct {
	placements map[string]string   // name to its line
	tables     map[string][]string // name ("" for keys) to lines
	routes     []string
}

var policies = []string{"round_robin", "rendezvous", "maglev", "ketama", "least_request"}

// drawModel makes a configuration of few names, so that two of them share most.
func drawModel(t *rapid.T) *model {
	m := &model{placements: map[string]string{}, tables: map[string][]string{}}
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}), 2, 5, rapid.ID).Draw(t, "placements")
	for _, name := range names {
		others := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n <= name }) // no circles
		fallback := []string{}
		if len(others) > 0 {
			fallback = rapid.SliceOfNDistinct(rapid.SampledFrom(others), 0, min(2, len(others)), rapid.ID).Draw(t, "fallback")
		}
		var endpoints []string
		for i := range rapid.IntRange(1, 3).Draw(t, "endpoints") {
			endpoints = append(endpoints, fmt.Sprintf("e%d: {url: \"http://%s-%d:1\", weight: %d%%}", i, name, i, rapid.SampledFrom([]int{50, 100}).Draw(t, "weight")))
		}
		m.placements[name] = fmt.Sprintf("  %s: {kind: %s, select: %s, fallback: [%s], limit: {in_flight: %d}, endpoints: {%s}}", name,
			rapid.SampledFrom([]string{"dedicated", "tier"}).Draw(t, "kind"), rapid.SampledFrom(policies).Draw(t, "select"),
			strings.Join(fallback, ", "), rapid.IntRange(1, 3).Draw(t, "limit"), strings.Join(endpoints, ", "))
	}
	home := func() string {
		to := rapid.SampledFrom(names).Draw(t, "home")
		other := rapid.SampledFrom(names).Draw(t, "part")
		if other == to || rapid.IntRange(0, 2).Draw(t, "split") > 0 {
			return to
		}
		share := rapid.SampledFrom([]int{10, 25, 50}).Draw(t, "share")
		return fmt.Sprintf("{%s: %d%%, %s: %d%%}", to, share, other, 100-share)
	}
	for _, table := range []string{"", "x", "y"} {
		for _, key := range rapid.SliceOfNDistinct(rapid.IntRange(0, 15), 0, 12, rapid.ID).Draw(t, "keys") {
			m.tables[table] = append(m.tables[table], fmt.Sprintf("key-%d: %s", key, home()))
		}
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "routes") {
		unknown := "reject: 404"
		if rapid.Bool().Draw(t, "to") {
			unknown = "to: " + rapid.SampledFrom(names).Draw(t, "unknown")
		}
		m.routes = append(m.routes, fmt.Sprintf("  - {name: r%d, match: {path: /%d}, table: %s, unknown_key: {%s}}", i, i,
			rapid.SampledFrom([]string{"keys", "x", "y"}).Draw(t, "table"), unknown))
	}
	return m
}

// text writes m; order says how its maps are ordered.
func (m *model) text(order func([]string) []string) string {
	var b strings.Builder
	b.WriteString("lockstep: 1\nversion: v\ndefaults: {health: none}\nplacements:\n")
	var lines []string
	for _, line := range m.placements {
		lines = append(lines, line)
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(order(lines), "\n") + "\nroutes:\n" + strings.Join(m.routes, "\n") + "\n")
	fmt.Fprintf(&b, "keys: {%s}\n", strings.Join(order(sorted(m.tables[""])), ", "))
	fmt.Fprintf(&b, "tables:\n")
	for _, table := range order([]string{"x", "y"}) {
		fmt.Fprintf(&b, "  %s: {%s}\n", table, strings.Join(order(sorted(m.tables[table])), ", "))
	}
	return b.String()
}

func asIs(lines []string) []string { return lines }

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// parse reads a configuration from memory.
func parse(t fataler, name, text string) Side {
	t.Helper()
	f, err := configfile.Parse(name, []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	c, err := f.Compile()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return Side{Name: name, File: f, Config: c}
}

func compare(t fataler, old, new Side) *Report {
	t.Helper()
	r, err := Compare(old, new, Options{})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return r
}

func (r *Report) differs() bool {
	return len(r.Tables)+len(r.Routes)+len(r.Placements)+len(r.Settings) > 0 || r.Effect != EffectNone
}

func TestAConfigurationDoesNotDifferFromItselfInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		shuffled := func(lines []string) []string { return rapid.Permutation(lines).Draw(t, "order") }
		a, b := parse(t, "a", m.text(asIs)), parse(t, "b", m.text(shuffled))
		if r := compare(t, a, b); r.differs() || !r.Passed() {
			t.Fatalf("%+v", r)
		}
	})
}

// naive compares the candidates of a key cut by cut: where either home's share changes.
func naive(a, b Side, homeA, homeB int) (moved uint32) {
	cuts := []uint32{0, million}
	ends := func(s Side, home int) (out []uint32, chains []string) {
		if home >= 0 {
			return []uint32{million}, []string{strings.Join(chain(s.Config, home), " ")}
		}
		sum := uint32(0)
		for _, p := range s.Config.Split(^home) {
			sum += p.Share
			out = append(out, sum)
			chains = append(chains, strings.Join(chain(s.Config, p.Placement), " "))
		}
		return out, chains
	}
	endsA, chainsA := ends(a, homeA)
	endsB, chainsB := ends(b, homeB)
	cuts = append(append(cuts, endsA...), endsB...)
	slices.Sort(cuts)
	at := func(ends []uint32, chains []string, point uint32) string {
		for i, end := range ends {
			if point < end {
				return chains[i]
			}
		}
		return ""
	}
	for i := 1; i < len(cuts); i++ {
		if at(endsA, chainsA, cuts[i-1]) != at(endsB, chainsB, cuts[i-1]) && cuts[i-1] < million {
			moved += cuts[i] - cuts[i-1]
		}
	}
	return moved
}

// tables compares every key of every table by the naive way.
func naiveTable(a, b Side, table string) (out KeyChanges) {
	index := func(s Side) int {
		for i := range s.Config.Tables() {
			if s.Config.TableName(i) == table {
				return i
			}
		}
		return -1
	}
	i, k := index(a), index(b)
	out.Old, out.New = a.Config.TableKeys(i), b.Config.TableKeys(k)
	for n := range out.Old {
		key, home := a.Config.TableKey(i, n)
		there, ok := b.Config.TableHome(k, key)
		if !ok {
			out.Removed++
			continue
		}
		if moved := naive(a, b, home, there); moved > 0 {
			out.Rerouted++
			out.Moved += uint64(moved)
		}
	}
	for n := range out.New {
		key, _ := b.Config.TableKey(k, n)
		if _, ok := a.Config.TableHome(i, key); !ok {
			out.Added++
		}
	}
	return out
}

func TestTheCountOfKeysThatChangeIsThatOfLookingAtEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := parse(t, "a", drawModel(t).text(asIs)), parse(t, "b", drawModel(t).text(asIs))
		r := compare(t, a, b)
		for _, table := range []string{"", "x", "y"} {
			want, got := naiveTable(a, b, table), KeyChanges{}
			for i := range r.Tables {
				if r.Tables[i].Table == table || table == "" && r.Tables[i].Table == "keys" {
					got = r.Tables[i]
				}
			}
			if got.Added != want.Added || got.Removed != want.Removed || got.Rerouted != want.Rerouted || got.Moved != want.Moved {
				t.Fatalf("table %q: %+v, want %+v", table, got, want)
			}
			sum := 0
			for _, g := range got.Groups {
				if g.Moved > 0 {
					sum += g.Keys
				}
			}
			if sum != got.Rerouted {
				t.Fatalf("table %q: the groups have %d keys, rerouted are %d", table, sum, got.Rerouted)
			}
		}
	})
}

// seen is what core says of a key over many requests.
func seen(s Side, via uint16, key string) map[string]bool {
	out := map[string]bool{}
	for request := uint64(1); request <= 150; request++ {
		route, ok := s.Config.MatchVia(via, key, request)
		if !ok {
			out["refused"] = true
			continue
		}
		out[strings.Join(chain(s.Config, int(route.Placement)), " → ")] = true
	}
	return out
}

func TestCoreSendsEveryExampleWhereItsGroupSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := parse(t, "a", drawModel(t).text(asIs)), parse(t, "b", drawModel(t).text(asIs))
		r := compare(t, a, b)
		for i := range r.Tables {
			for _, g := range r.Tables[i].Groups {
				for _, e := range g.Examples {
					for _, side := range []struct {
						Side
						text string
					}{{a, g.From}, {b, g.To}} {
						routes, _ := routesOf(side.Side)
						for _, route := range askedBy(side.Config, routes, r.Tables[i].Table) {
							for chain := range seen(side.Side, uint16(route.via), e.Key) {
								if !strings.Contains(side.text, chain) {
									t.Fatalf("core sends %s to %q, the group says %q", e.Key, chain, side.text)
								}
							}
						}
					}
				}
			}
		}
	})
}

func TestKeysThatAreNotReportedHaveTheCandidatesThatTheyHad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := parse(t, "a", drawModel(t).text(asIs)), parse(t, "b", drawModel(t).text(asIs))
		x, err := newComparison(a, b)
		if err != nil {
			t.Fatalf("%v", err)
		}
		for n := range a.Config.TableKeys(0) {
			key, was := a.Config.TableKey(0, n)
			is, ok := b.Config.TableHome(0, key)
			if !ok || (was < 0 || is < 0) && !(asksKeys(a) && asksKeys(b)) {
				continue // of a split that no route asks for core draws nothing
			}
			differs := false
			for request := uint64(1); request <= 150; request++ {
				// The table is asked directly: a split is drawn by the same hash on both sides.
				differs = differs || draws(a, was, key, request) != draws(b, is, key, request)
			}
			if moved := x.pair(int32(was), int32(is)).moved > 0; moved != differs {
				t.Fatalf("%s: reported %t, of 150 requests one goes elsewhere: %t", key, moved, differs)
			}
		}
	})
}

func asksKeys(s Side) bool {
	for via := range s.Config.Routes() {
		if s.Config.RouteInfo(via).Table == 0 {
			return true
		}
	}
	return false
}

// draws is the chain that core draws for one request of a key of table 0, by a
// route that asks that table.
func draws(s Side, home int, key string, request uint64) string {
	for via := range s.Config.Routes() {
		if s.Config.RouteInfo(via).Table == 0 {
			route, _ := s.Config.MatchVia(uint16(via), key, request)
			return strings.Join(chain(s.Config, int(route.Placement)), " ")
		}
	}
	if home >= 0 {
		return strings.Join(chain(s.Config, home), " ")
	}
	return "" // no route asks it: a split of it is never drawn
}

func TestTheOtherWayRoundIsTheMirror(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := parse(t, "a", drawModel(t).text(asIs)), parse(t, "b", drawModel(t).text(asIs))
		there, back := compare(t, a, b), compare(t, b, a)
		if len(there.Tables) != len(back.Tables) || len(there.Routes) != len(back.Routes) || len(there.Placements) != len(back.Placements) || there.Effect != back.Effect {
			t.Fatalf("%+v\n%+v", there, back)
		}
		for i := range there.Tables {
			k, l := &there.Tables[i], &back.Tables[i]
			if k.Added != l.Removed || k.Removed != l.Added || k.Rerouted != l.Rerouted || k.Moved != l.Moved || k.HomeMoved != l.HomeMoved || k.ReasonChanged != l.ReasonChanged {
				t.Fatalf("%+v\n%+v", k, l)
			}
			if groupSet(k.Groups, false) != groupSet(l.Groups, true) {
				t.Fatalf("%+v\n%+v", k.Groups, l.Groups)
			}
		}
		opposite := map[string]string{Added: Removed, Removed: Added, Changed: Changed}
		for i := range there.Placements {
			p, q := &there.Placements[i], &back.Placements[i]
			if p.Name != q.Name || p.What != opposite[q.What] || len(p.Endpoints) != len(q.Endpoints) || settingSet(p.Settings, false) != settingSet(q.Settings, true) {
				t.Fatalf("%+v\n%+v", p, q)
			}
			if (p.Hash == nil) != (q.Hash == nil) || p.Hash != nil && *p.Hash != *q.Hash {
				t.Fatalf("%+v\n%+v", p.Hash, q.Hash)
			}
		}
	})
}

func groupSet(groups []KeyGroup, swap bool) string {
	var out []string
	for _, g := range groups {
		from, to := g.From, g.To
		if swap {
			from, to = to, from
		}
		out = append(out, fmt.Sprintf("%d %d %t %s > %s", g.Keys, g.Moved, g.HomeMoves, from, to))
	}
	return strings.Join(sorted(out), "\n")
}

func settingSet(list []Setting, swap bool) string {
	var out []string
	for _, s := range list {
		old, now := s.Old, s.New
		if swap {
			old, now = now, old
		}
		out = append(out, s.Path+" "+old+" > "+now)
	}
	return strings.Join(sorted(out), "\n")
}

func TestSomethingIsReportedWheneverTheDigestsDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := parse(t, "a", drawModel(t).text(asIs)), parse(t, "b", drawModel(t).text(asIs))
		r := compare(t, a, b)
		if (a.Config.Digest() != b.Config.Digest()) != (len(r.Tables)+len(r.Routes)+len(r.Placements)+len(r.Settings) > 0) {
			t.Fatalf("digests %s and %s, reported: %+v", r.Old.Digest, r.New.Digest, r)
		}
	})
}

func TestTheShareMovedIsWhatPushGuardsMeasure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		guarded := strings.Replace(drawModel(t).text(asIs), "version: v\n", "version: v\ncontrol_plane: {refuse_push_over: {keys_rerouted: 1%, keys_removed: 1%, endpoints_removed: 1%, limit_lowered: 1%}}\n", 1)
		a, b := parse(t, "a", guarded), parse(t, "b", drawModel(t).text(asIs))
		r := compare(t, a, b)
		var moved, removed uint64
		for i := range r.Tables {
			moved += r.Tables[i].Moved
			removed += uint64(r.Tables[i].Removed) * million
		}
		whole := uint64(r.Old.Keys) * million
		for i, part := range []uint64{moved, removed} {
			g := r.Guards.Guards[i]
			if beyond := part*100 > whole; g.Beyond != beyond || beyond && uint64(g.Change) != (part*million+whole-1)/whole {
				t.Fatalf("%+v, of %d move %d", g, whole, part)
			}
		}
	})
}
