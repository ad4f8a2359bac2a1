package promise

import (
	"fmt"
	"maps"
	"slices"

	"lockstep/core"
)

// State is what became of a promise.
type State uint8

// States.
const (
	NotJudged State = iota // what it is about did not happen
	Holds
	Broken
)

// String returns the word that reports print.
func (s State) String() string { return [...]string{"not judged", "holds", "broken"}[s] }

// Verdict is what was seen of one promise.
type Verdict struct {
	Promise *Promise
	State   State
	Found   string // in figures; of NotJudged: why
	All     uint64 // requests that it is about
	Bad     uint64 // of those, the ones that break it, or would if there were more
	Where   string // placement that it is broken at, "" for none
	First   Sight  // of what breaks it
}

// million is a whole in parts per million.
const million = 1_000_000

// Verdicts judges every promise by what was seen so far, in the order given.
func (j *Judge) Verdicts() []Verdict {
	out := make([]Verdict, 0, len(j.ledgers))
	for i := range j.ledgers {
		l := &j.ledgers[i]
		v := Verdict{Promise: l.Promise, All: l.all, Bad: l.bad, First: l.first}
		switch l.Kind {
		case SurviveLoss, Available:
			v.share(million-l.Share, "answered", "no such request was seen")
		case Latency:
			v.share(million/100, "within "+length(l.Latency), "no such answer was seen")
		case HomeFirst:
			j.crowd(&v, l)
		case InFlight:
			j.full(&v, l)
		case HealthProbes:
			j.probed(&v, l)
		default:
			v.plain(l)
		}
		if v.State == NotJudged && l.Lose.Count > 0 {
			v.Found = fmt.Sprintf("never was %s down for %s, and nothing else wrong, while requests came", l.Lose, length(l.Within))
		}
		if v.State == Broken {
			v.Where = v.First.Placement
		}
		out = append(out, v)
	}
	return out
}

// share judges a promise that lets so many parts per million be otherwise.
func (v *Verdict) share(allowed uint32, what, none string) {
	if v.All == 0 {
		v.Found = none
		return
	}
	v.State = Holds
	if v.Bad*million > v.All*uint64(allowed) {
		v.State = Broken
	}
	v.Found = fmt.Sprintf("%s of %s %s", Percent((v.All-v.Bad)*million/v.All), count(v.All, "request"), what)
}

// Allowed is how many of All the promise lets be bad.
func (v *Verdict) Allowed() uint64 {
	allowed := v.Promise.Share
	switch v.Promise.Kind {
	case SurviveLoss, Available:
		allowed = million - v.Promise.Share
	case Latency:
		allowed = million / 100
	}
	return v.All * uint64(allowed) / million
}

// crowd judges the placement that refused the largest part of its own for guests.
func (j *Judge) crowd(v *Verdict, l *ledger) {
	v.Found = "no placement had a guest when its own requests came"
	worst := -1
	for i := range l.homes {
		if t := &l.homes[i]; t.all > 0 && (worst < 0 || t.bad*l.homes[worst].all > l.homes[worst].bad*t.all) {
			worst = i
		}
	}
	if worst < 0 {
		return
	}
	t := &l.homes[worst]
	v.All, v.Bad, v.First = t.all, t.bad, t.first
	v.State = Holds
	if t.bad*million > t.all*uint64(l.Share) {
		v.State = Broken
	}
	v.Found = fmt.Sprintf("%s of %s refused at home in %s, of those that came while guests were there",
		Percent(t.bad*million/t.all), count(t.all, "request"), j.homes[worst])
}

func (j *Judge) full(v *Verdict, l *ledger) {
	if j.first == core.Never {
		v.Found = "nothing was seen"
		return
	}
	v.State, v.Found = Holds, fmt.Sprintf("at most %d at once, on the routers seen", l.peak)
	if l.bad > 0 {
		v.State = Broken
	}
}

// probe counts a health probe.
func (j *Judge) probe(s Sight, url string) {
	p := j.probes[url]
	if p == nil {
		p = &probing{}
		j.probes[url] = p
	}
	p.count++
	p.last = s
}

// probed judges the endpoint with the most health probes over all the time that
// was seen. The start of a router and the jitter may each add a probe out of turn.
func (j *Judge) probed(v *Verdict, l *ledger) {
	v.Found = "no health probe was seen"
	var worst *probing
	for _, url := range slices.Sorted(maps.Keys(j.probes)) {
		if p := j.probes[url]; worst == nil || p.count > worst.count {
			worst = p
		}
	}
	if worst == nil {
		return
	}
	span := max(j.last.Sub(j.first)-j.missed, core.Second)
	v.All, v.State = worst.count, Holds
	v.Found = fmt.Sprintf("%s to %s in %s", count(worst.count, "probe"), worst.last.Placement+"/"+worst.last.Endpoint, length(span/core.Millisecond*core.Millisecond))
	if extra := 2 * uint64(j.started); worst.count > extra && (worst.count-extra)*uint64(core.Second) > uint64(l.Most)*uint64(span) {
		v.State, v.First = Broken, worst.last
	}
}

// plain judges a promise that a single sight breaks.
func (v *Verdict) plain(l *ledger) {
	what, none := "", ""
	switch l.Kind {
	case ServedBy:
		what, none = "were served elsewhere", "no request for a key of region "+l.Region+" was forwarded"
	case NoGuests:
		what, none = "were guests", "those placements served no request"
	case TestRequests:
		what, none = fmt.Sprintf("were one too many, at most %d at once", l.peak), "no breaker half-opened"
	case Recover:
		what, none = "were not sent home", "nothing failed and came back long enough ago"
	case FailOver:
		what, none = "failed at an endpoint that had failed for longer", "no ordinary request failed"
	}
	if v.All == 0 {
		v.Found = none
		return
	}
	v.State, v.Found = Holds, fmt.Sprintf("%d of %s %s", v.Bad, count(v.All, "request"), what)
	if v.Bad > 0 {
		v.State = Broken
	}
}
