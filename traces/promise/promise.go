package promise

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/core"
)

// Promise is what the operator says must be true. Kind says which of the other
// fields count. It is never served from.
type Promise struct {
	Name      string
	Kind      Kind
	Lose      Loss              // SurviveLoss, Latency: what is down meanwhile
	Share     uint32            // parts per million: SurviveLoss, Available: the least answered; HomeFirst: the most refused
	Within    core.Duration     // with Lose, Recover, FailOver: how long until it must be true
	Latency   core.Duration     // Latency: of 99 % of the answers
	Most      uint32            // TestRequests, InFlight: at once; HealthProbes: a second
	Placement string            // InFlight: whose
	Region    string            // Available, SurviveLoss, Latency, ServedBy: of keys of this region; "" means all
	Labels    map[string]string // ServedBy, NoGuests: placements that have all of these
}

// Kind is a word of the vocabulary.
type Kind uint8

// The promises.
const (
	SurviveLoss  Kind = iota + 1 // with something down, requests are answered
	HomeFirst                    // guests do not crowd out those at home
	ServedBy                     // keys of a region are served by placements with these labels
	TestRequests                 // so many half-open probes at once to an endpoint
	Recover                      // so long after a fault has ended, requests go home again
	FailOver                     // so long after it failed, an endpoint gets no more than test requests
	Available                    // with nothing down, requests are answered
	Latency                      // answers take no longer
	InFlight                     // so many at once in a placement, all routers together
	HealthProbes                 // so many a second to an endpoint, all routers together
	NoGuests                     // placements with these labels take nobody else's requests
)

// MaxPromises is how many a configuration may make.
const MaxPromises = 64

// Loss is what may be down while a promise must hold. The zero Loss is nothing.
type Loss struct {
	Count int
	Of    Object
}

// Object is what a Loss counts.
type Object uint8

// Objects. A placement is lost when every endpoint of it is down.
const (
	OfPlacements Object = iota
	OfEndpoints
)

// Losses lists every loss that can be promised.
func Losses() []Loss { return []Loss{{1, OfPlacements}, {2, OfPlacements}, {1, OfEndpoints}} }

// ParseLoss reads a loss as String writes it.
func ParseLoss(text string) (Loss, bool) {
	for _, l := range Losses() {
		if l.String() == text {
			return l, true
		}
	}
	return Loss{}, false
}

// String returns the loss as it is written: any 1 placement, any 2 placements.
func (l Loss) String() string {
	return "any " + count(uint64(l.Count), [...]string{OfPlacements: "placement", OfEndpoints: "endpoint"}[l.Of])
}

// String says in one line what is promised.
func (p *Promise) String() string {
	switch p.Kind {
	case SurviveLoss, Available:
		return "at least " + Percent(uint64(p.Share)) + " answered" + p.scope()
	case Latency:
		return "99% answered within " + length(p.Latency) + p.scope()
	case HomeFirst:
		return "at most " + Percent(uint64(p.Share)) + " of those at home refused because of guests"
	case ServedBy:
		return "keys of region " + p.Region + " served by placements with " + labels(p.Labels)
	case TestRequests:
		return "at most " + count(uint64(p.Most), "half-open probe") + " at once to an endpoint"
	case Recover:
		return "requests go home again within " + length(p.Within) + " of the end of a fault"
	case FailOver:
		return "an endpoint gets no more than test requests " + length(p.Within) + " after it failed"
	case InFlight:
		return fmt.Sprintf("at most %d in flight in %s, all routers together", p.Most, p.Placement)
	case HealthProbes:
		return "at most " + count(uint64(p.Most), "health probe") + " a second to an endpoint, all routers together"
	case NoGuests:
		return "no guests in placements with " + labels(p.Labels)
	}
	return "nothing"
}

// scope says of which requests, and when.
func (p *Promise) scope() (text string) {
	if p.Region != "" {
		text = " of keys of region " + p.Region
	}
	if p.Lose.Count > 0 {
		text += ", from " + length(p.Within) + " after the loss of " + p.Lose.String()
	}
	return text
}

// labels prints labels in order of name.
func labels(m map[string]string) string {
	list := make([]string, 0, len(m))
	for name, value := range m {
		list = append(list, name+": "+value)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func length(d core.Duration) string { return time.Duration(d).String() }

// Percent prints parts per million: 99.95%.
func Percent(ppm uint64) string {
	text := fmt.Sprintf("%d.%04d", ppm/10_000, ppm%10_000)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + "%"
}

// count is n for a person: 1 request, 2 requests.
func count(n uint64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.FormatUint(n, 10) + " " + thing
}
