package configdiff

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/core"
)

// Options are what Compare takes beside the two sides. The zero value is usable.
type Options struct {
	Expect *ExpectFile // golden requests to put to both sides; nil for none
	Gates  []Gate      // limits that the change must keep within
	// MinCoverage is the least share of the new configuration, in parts per million,
	// that the golden requests must exercise; 0 for none.
	MinCoverage uint32
}

// Compare works out everything that differs. It takes time in proportion to the
// keys of both sides, and memory beyond them in proportion to what differs. An
// error is one of a configuration that no configfile wrote.
func Compare(old, new Side, o Options) (*Report, error) {
	r := &Report{Old: infoOf(old), New: infoOf(new), Findings: []Finding{}}
	x, err := newComparison(old, new)
	if err != nil {
		return nil, err
	}
	x.placements(r)
	x.tables(r)
	x.routes(r)
	x.moves(r)
	x.capacity(r)
	x.settings(r)
	x.guards(r)
	x.must(r)
	r.Effect = x.effect(r)
	x.findings(r)
	if o.Expect != nil {
		if r.Expect, err = o.Expect.Judge(new); err != nil {
			return nil, err
		}
		before, err := o.Expect.Judge(old)
		if err != nil {
			return nil, err
		}
		r.expectFindings(before, o.MinCoverage)
	}
	r.judgeGates(o.Gates)
	rank := map[Severity]int{Broken: 0, Warning: 1, Note: 2}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(rank[a.Severity], rank[b.Severity]) })
	return r, nil
}

func infoOf(s Side) SideInfo {
	c := s.Config
	out := SideInfo{
		File: s.Name, Form: s.File.Form.String(), Version: c.Version(), Digest: fmt.Sprintf("%016x", c.Digest()),
		Routes: c.Routes(), Tables: c.Tables(), Placements: c.Placements(), Endpoints: c.Endpoints(),
	}
	for i := range c.Tables() {
		out.Keys += c.TableKeys(i)
	}
	return out
}

// comparison is the work on two sides.
type comparison struct {
	old, new             Side
	oldRoutes, newRoutes []route
	// same is for each old placement the new one of its name if both have the same
	// candidates, else -1; named is the new one of its name, else -1.
	same, named []int32
	pairs       map[[2]int32]*pair
	left, came  []int      // keys whose home an old placement was, or a new one became
	hashed      *hashMoves // nil where no hashing placement changes
}

func newComparison(old, new Side) (*comparison, error) {
	x := &comparison{old: old, new: new, pairs: map[[2]int32]*pair{}}
	a, b := old.Config, new.Config
	x.same, x.named = make([]int32, a.Placements()), make([]int32, a.Placements())
	x.left, x.came = make([]int, a.Placements()), make([]int, b.Placements())
	for i := range x.same {
		x.same[i], x.named[i] = -1, -1
		if n, ok := b.FindPlacement(a.Placement(i).Name); ok {
			x.named[i] = int32(n)
			if slices.Equal(chain(a, i), chain(b, n)) {
				x.same[i] = int32(n)
			}
		}
	}
	var err error
	if x.oldRoutes, err = routesOf(old); err == nil {
		x.newRoutes, err = routesOf(new)
	}
	return x, err
}

// chain names the candidates of a placement, in order.
func chain(c *core.Config, placement int) []string {
	var out []string
	for _, i := range c.Placement(placement).Candidates {
		out = append(out, c.Placement(int(i)).Name)
	}
	return out
}
