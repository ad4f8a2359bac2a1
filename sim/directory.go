package sim

import (
	"cmp"
	"slices"

	"lockstep/core"
)

// directory names everything that any configuration of the plan has, once and
// for the whole run: placements and endpoints sorted, servers by URL. Two
// placements with one URL share its server.
type directory struct {
	placements []string
	endpoints  []EndpointID
	servers    []int32 // parallel to endpoints
	urls       []string
}

func newDirectory(specs []*core.Spec) *directory {
	d := &directory{}
	for _, s := range specs {
		for i := range s.Placements {
			d.placements = append(d.placements, s.Placements[i].Name)
		}
	}
	slices.Sort(d.placements)
	d.placements = slices.Compact(d.placements)
	for _, s := range specs {
		for i := range s.Placements {
			p, _ := slices.BinarySearch(d.placements, s.Placements[i].Name)
			for _, e := range s.Placements[i].Endpoints {
				d.endpoints = append(d.endpoints, EndpointID{p, cmp.Or(e.Name, e.URL), e.URL})
				d.urls = append(d.urls, e.URL)
			}
		}
	}
	slices.SortStableFunc(d.endpoints, compareEndpoints)
	d.endpoints = slices.CompactFunc(d.endpoints, func(a, b EndpointID) bool { return compareEndpoints(a, b) == 0 })
	slices.Sort(d.urls)
	d.urls = slices.Compact(d.urls)
	for _, e := range d.endpoints {
		s, _ := slices.BinarySearch(d.urls, e.URL)
		d.servers = append(d.servers, int32(s))
	}
	return d
}

func compareEndpoints(a, b EndpointID) int {
	return cmp.Or(cmp.Compare(a.Placement, b.Placement), cmp.Compare(a.URL, b.URL))
}

// placement returns the number of a name, -1 for none.
func (d *directory) placement(name string) int32 {
	if i, ok := slices.BinarySearch(d.placements, name); ok {
		return int32(i)
	}
	return -1
}

// endpoint returns the number of a placement's URL, -1 for none.
func (d *directory) endpoint(placement int32, url string) int32 {
	i, ok := slices.BinarySearchFunc(d.endpoints, EndpointID{Placement: int(placement), URL: url}, compareEndpoints)
	if !ok {
		return -1
	}
	return int32(i)
}

// match reports whether endpoint e is one that a fault or override names.
func (d *directory) match(e int, placement, endpoint string) bool {
	id := &d.endpoints[e]
	return (placement == "" || d.placements[id.Placement] == placement) &&
		(endpoint == "" || id.Name == endpoint || id.URL == endpoint)
}

// has reports whether any endpoint is one that a fault or override names.
func (d *directory) has(placement, endpoint string) bool {
	for e := range d.endpoints {
		if d.match(e, placement, endpoint) {
			return true
		}
	}
	return false
}
