package accesslog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/core"
)

// Verdict says how our placing of a request stands to theirs.
type Verdict string

// Verdicts. The first three are agreement, those up to RefusedByThem are not,
// and the rest cannot be judged.
const (
	SameEndpoint   Verdict = "same_endpoint"
	OtherEndpoint  Verdict = "same_placement_other_endpoint" // selection: the phase of a rotation cannot be compared
	BothRefuse     Verdict = "both_refuse"
	OtherPlacement Verdict = "other_placement"      // the configuration sends the key elsewhere
	UnknownKey     Verdict = "unknown_key"          // the configuration does not know the key, and sends it to the default
	WeFailOver     Verdict = "we_fail_over"         // our router leaves the first candidate, they did not
	TheyFailedOver Verdict = "they_failed_over"     // they went to one of our later candidates, our router does not
	TheyRetried    Verdict = "they_tried_elsewhere" // the first attempt is the same, the last is not
	RefusedByUs    Verdict = "refused_by_us"
	RefusedByThem  Verdict = "refused_by_them"
	NoUpstream     Verdict = "no_upstream_in_line"
	NotInConfig    Verdict = "upstream_not_in_configuration"
	NoKey          Verdict = "no_key_in_line"
	NotProxied     Verdict = "answered_by_them" // not sent to any upstream, and no error: a file, a redirect
	Unread         Verdict = "no_request"       // they could not read it, or the client had left
)

// Verdicts lists all, in the order above.
func Verdicts() []Verdict {
	return []Verdict{
		SameEndpoint, OtherEndpoint, BothRefuse, OtherPlacement, UnknownKey, WeFailOver, TheyFailedOver, TheyRetried,
		RefusedByUs, RefusedByThem, NoUpstream, NotInConfig, NoKey, NotProxied, Unread,
	}
}

// Agrees reports whether the request would be placed as it was.
func (v Verdict) Agrees() bool { return v == SameEndpoint || v == OtherEndpoint || v == BothRefuse }

// Judged reports whether the line tells enough to compare.
func (v Verdict) Judged() bool {
	return v != NoUpstream && v != NotInConfig && v != NoKey && v != NotProxied && v != Unread
}

// Example is one request of which something is said.
type Example struct {
	File   string    `json:"file"`
	Line   int       `json:"line"`
	Time   time.Time `json:"time"` // of arrival
	Key    string    `json:"key"`
	Theirs string    `json:"theirs"`
	Ours   string    `json:"ours"`
}

// Group is the requests of one verdict for one cause.
type Group struct {
	Verdict  Verdict   `json:"verdict"`
	Cause    string    `json:"cause,omitempty"` // what set it apart: a class, a reason, an upstream
	Requests int       `json:"requests"`
	Keys     int       `json:"keys,omitempty"` // how many routing keys, counted to MaxKeys; not of SameEndpoint
	Examples []Example `json:"examples,omitempty"`

	keys map[string]bool
}

// MaxKeys is how far the routing keys of a group are counted.
const MaxKeys = 10_000

// Compared is what Compare found.
type Compared struct {
	Read
	Groups []Group `json:"groups"` // by verdict, the largest first
}

// keptExamples is how many requests are shown of each group.
const keptExamples = 3

// maxGroups bounds how many causes are told apart; what comes beyond goes by "other".
const maxGroups = 256

// Count returns how many requests have a verdict.
func (c *Compared) Count(v Verdict) (n int) {
	for i := range c.Groups {
		if c.Groups[i].Verdict == v {
			n += c.Groups[i].Requests
		}
	}
	return n
}

// Judged returns how many requests could be judged, and how many of them agree.
func (c *Compared) Judged() (judged, agree int) {
	for i := range c.Groups {
		if g := &c.Groups[i]; g.Verdict.Judged() {
			judged += g.Requests
			if g.Verdict.Agrees() {
				agree += g.Requests
			}
		}
	}
	return judged, agree
}

// comparison gathers verdicts while a log is read.
type comparison struct {
	pass   *pass
	groups map[groupName]*Group
}

type groupName struct {
	verdict Verdict
	cause   string
}

// Compare decides a log's requests under f.Config, which must not be nil, and
// says how many are placed as the other router placed them.
func Compare(f Feed) (*Compared, error) {
	p, err := newPass(&f)
	if err != nil {
		return nil, err
	}
	defer p.close()
	c := &comparison{pass: p, groups: map[groupName]*Group{}}
	if err := p.run(nil, c.see); err != nil {
		return nil, err
	}
	out := &Compared{Read: p.read}
	for _, g := range c.groups {
		slices.SortFunc(g.Examples, func(a, b Example) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Line, b.Line)) })
		out.Groups = append(out.Groups, *g)
	}
	order := Verdicts()
	slices.SortFunc(out.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Verdict), slices.Index(order, b.Verdict)), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Cause, b.Cause))
	})
	return out, nil
}

// see judges one request that is over.
func (c *comparison) see(f *flight) {
	verdict, cause := c.judge(f)
	name := groupName{verdict, cause}
	g := c.groups[name]
	if g == nil {
		if len(c.groups) >= maxGroups {
			name.cause = "other"
			g = c.groups[name]
		}
		if g == nil {
			g = &Group{Verdict: verdict, Cause: strings.Clone(name.cause)}
			c.groups[groupName{verdict, g.Cause}] = g
		}
	}
	g.Requests++
	g.concerns(f.found.key)
	if len(g.Examples) < keptExamples && verdict != SameEndpoint {
		g.Examples = append(g.Examples, c.example(f))
	}
}

// concerns counts a routing key of a group that is worth a look.
func (g *Group) concerns(key string) {
	if key == "" || g.Verdict == SameEndpoint || len(g.keys) >= MaxKeys || g.keys[key] {
		return
	}
	if g.keys == nil {
		g.keys = map[string]bool{}
	}
	g.keys[strings.Clone(key)] = true
	g.Keys = len(g.keys)
}

// judge compares where a request was sent with where it would be.
func (c *comparison) judge(f *flight) (Verdict, string) {
	e := f.e
	ours := f.refuse.Kind != core.Reject
	switch {
	case e.unread(), e.Class == core.ClientGone && len(e.Attempts) == 0:
		return Unread, e.Class.String()
	case !e.Told:
		return NoUpstream, ""
	case f.found.key == "" && (f.refuse.Class == core.NoKey || ours):
		return NoKey, ""
	case e.refused() && !ours:
		return BothRefuse, fmt.Sprintf("they %s, we %s", e.Class, f.refuse.Class)
	case e.refused():
		return RefusedByThem, e.Class.String()
	case len(e.Attempts) == 0:
		return NotProxied, ""
	}
	last := c.pass.targets.find(e.Final())
	switch {
	case !last.known():
		return NotInConfig, upstreamText(e.Final())
	case !ours && f.last == undecided:
		return RefusedByUs, f.refuse.Class.String()
	}
	return c.placed(f, last)
}

// placed compares two placements of a request that both sent on.
func (c *comparison) placed(f *flight, last *place) (Verdict, string) {
	switch {
	case contains(last.endpoints, f.last.endpoint):
		return SameEndpoint, ""
	case contains(last.placements, f.last.placement):
		if len(last.endpoints) == 0 {
			return SameEndpoint, "the log names the placement only"
		}
		return OtherEndpoint, ""
	}
	first := c.pass.targets.find(&f.e.Attempts[0])
	if contains(first.placements, f.first.placement) && f.first.failover == core.FailoverNone {
		return TheyRetried, f.e.Attempts[0].Class.String()
	}
	if f.last.failover != core.FailoverNone {
		return WeFailOver, f.last.failover.String()
	}
	if f.first.placement >= 0 {
		for _, n := range c.pass.feed.Config.Placement(f.first.placement).Candidates[1:] {
			if contains(last.placements, int(n)) {
				return TheyFailedOver, ""
			}
		}
	}
	if f.last.reason == core.ReasonDefault {
		return UnknownKey, ""
	}
	return OtherPlacement, ""
}

// example says of a request what each did.
func (c *comparison) example(f *flight) Example {
	e := f.e
	return Example{
		File: c.pass.order.in.sources[e.File].name, Line: e.Line, Time: time.Unix(0, e.Arrival).UTC(),
		Key: strings.Clone(f.found.key), Theirs: c.theirs(e), Ours: c.ours(f),
	}
}

func (c *comparison) theirs(e *Entry) string {
	if len(e.Attempts) == 0 {
		return fmt.Sprintf("no upstream, status %d%s", e.Status, classText(e.Class))
	}
	var parts []string
	for i := range e.Attempts {
		a := &e.Attempts[i]
		s := upstreamText(a)
		if p := c.pass.targets.find(a); p.known() {
			s = c.pass.feed.Config.Placement(p.placements[0]).Name + " (" + s + ")"
		}
		parts = append(parts, s+classText(a.Class))
	}
	return fmt.Sprintf("%s, status %d", strings.Join(parts, ", then "), e.Status)
}

func upstreamText(a *Attempt) string {
	if a.Group != "" && !strings.HasPrefix(a.Upstream, a.Group) {
		return strings.Clone(a.Group + " " + a.Upstream)
	}
	return strings.Clone(a.Upstream)
}

func classText(class core.Class) string {
	if class == core.ClassNone {
		return ""
	}
	return " " + class.String()
}

func (c *comparison) ours(f *flight) string {
	config := c.pass.feed.Config
	s := ""
	if f.last != undecided {
		s = config.Placement(f.last.placement).Name + " (" + config.Endpoint(f.last.endpoint).Name + ")"
		if f.last.failover != core.FailoverNone {
			s += " by failover, " + f.last.failover.String()
		}
		if f.last.reason == core.ReasonDefault {
			s += ", the key is unknown"
		}
	}
	if f.refuse.Kind == core.Reject {
		s = strings.TrimPrefix(s+fmt.Sprintf(", then refused: %s %d", f.refuse.Class, f.refuse.Status), ", then ")
	}
	return s
}
