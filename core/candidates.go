package core

import (
	"slices"
	"strconv"
)

// Candidates (R1): for every placement a flat list of the placements that may
// serve its requests, itself first, at most MaxCandidates, each once.

// fallbacks fills in the candidate list of every placement.
func (c *compiler) fallbacks() {
	for i := range c.spec.Placements {
		p := &c.spec.Placements[i]
		at, _ := searchPlacements(c.config.placements, p.Name)
		path := "placements." + p.Name + ".fallback"
		list := []int32{at}
		for j, name := range p.Fallback {
			f, ok := searchPlacements(c.config.placements, name)
			item := path + "[" + strconv.Itoa(j) + "]"
			switch {
			case !ok:
				c.fail(item, c.unknown(name), c.suggest(name))
			case f == at:
				c.fail(item, "is the placement itself", "remove it: a placement is always its own first candidate")
			case slices.Contains(list, f):
				c.fail(item, strconv.Quote(name)+" is listed twice", "keep one of the two")
			default:
				list = append(list, f)
			}
		}
		if len(list) > MaxCandidates {
			c.fail(path, "there are "+strconv.Itoa(len(list)-1), "use at most "+strconv.Itoa(MaxCandidates-1))
		}
		if c.spec.ChainFallbacks && len(list) > 2 {
			c.fail(path, "a chained fallback names one placement", "name one, or write the whole list in the native form")
		}
		c.config.placements[at].candidates = list
	}
	if c.spec.ChainFallbacks && len(c.errs) == 0 {
		c.chain()
	}
}

// chain is the baseline's meaning: follow each placement's one fallback until
// it ends or comes round, then the default placement.
func (c *compiler) chain() {
	next := make([]int32, len(c.config.placements))
	for i := range next {
		next[i] = -1
		if list := c.config.placements[i].candidates; len(list) == 2 {
			next[i] = list[1]
		}
	}
	last, hasDefault := searchPlacements(c.config.placements, c.spec.Default)
	for i := range next {
		list := []int32{int32(i)}
		for f := next[i]; f >= 0 && !slices.Contains(list, f) && len(list) < MaxCandidates; f = next[f] {
			list = append(list, f)
		}
		if hasDefault && !slices.Contains(list, last) {
			// The default is the promise of the baseline's text, so it keeps
			// its place when the chain is too long.
			list = append(list[:min(len(list), MaxCandidates-1)], last)
		}
		c.config.placements[i].candidates = list
	}
}
