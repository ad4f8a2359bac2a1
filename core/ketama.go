package core

import (
	"cmp"
	"slices"
	"strings"
)

// Ketama (R10): nginx's `hash $key consistent` and Pingora's ring. 160 points
// for each 100 % of weight, each the CRC-32 of host, a zero byte, port and the
// point before it; a key belongs to the first point at or after its CRC-32.

// ringPoint is one point; at is the endpoint's place in its placement.
type ringPoint struct {
	hash uint32
	at   int32
}

// maxRingWalk bounds how far a Step looks for an admissible point; past it
// rendezvous decides.
const maxRingWalk = 4096

// crcTable is that of CRC-32 (IEEE 802.3), reflected.
func crcTable() *[256]uint32 {
	t := new([256]uint32)
	for i := range t {
		v := uint32(i)
		for range 8 {
			v = v>>1 ^ 0xedb88320&-(v&1)
		}
		t[i] = v
	}
	return t
}

// crcUpdate continues a CRC that is kept inverted, as nginx does.
func crcUpdate(t *[256]uint32, c uint32, s string) uint32 {
	for i := 0; i < len(s); i++ {
		c = t[byte(c)^s[i]] ^ c>>8
	}
	return c
}

func (c *Config) crc32(key string) uint32 { return ^crcUpdate(c.crc, ^uint32(0), key) }

// tables builds what a policy reads in Step.
func (c *compiler) tables(path string, out *placementConfig) {
	switch out.selection {
	case Ketama:
		if c.config.crc == nil {
			c.config.crc = crcTable()
		}
		c.ring(path, out)
	case Maglev:
		if c.maglevs++; c.maglevs > MaxMaglev {
			c.fail(path+".select", "is one maglev table too many: there may be 1024", "use rendezvous, which needs none")
			return
		}
		out.choice.table = maglevTable(c.config.endpoints[out.first:out.end])
	}
}

func (c *compiler) ring(path string, out *placementConfig) {
	own := c.config.endpoints[out.first:out.end]
	for i := range own {
		c.points += int(pointsOf(own[i].weight))
	}
	if c.points > MaxRingPoints {
		c.fail(path+".endpoints", "the weights make more than 4194304 ketama points in all", "weights are relative: use smaller ones")
		return
	}
	var ring []ringPoint
	for i := range own {
		host, port := authority(own[i].url)
		base := crcUpdate(c.config.crc, ^uint32(0), host)
		base = crcUpdate(c.config.crc, base, "\x00")
		base = crcUpdate(c.config.crc, base, port)
		last := uint32(0)
		for range pointsOf(own[i].weight) {
			last = ^crcUpdate(c.config.crc, base, string([]byte{byte(last), byte(last >> 8), byte(last >> 16), byte(last >> 24)}))
			ring = append(ring, ringPoint{last, int32(i)})
		}
	}
	slices.SortStableFunc(ring, func(a, b ringPoint) int { return cmp.Compare(a.hash, b.hash) })
	out.choice.ring = slices.CompactFunc(ring, func(a, b ringPoint) bool { return a.hash == b.hash })
}

// pointsOf is 160 for each 100 % of weight, at least 1.
func pointsOf(weight uint32) uint32 { return max(1, 160*weight/100) }

// authority splits the host and port that stand in a URL, as they are written;
// the port is "" when none is.
func authority(url string) (host, port string) {
	_, rest, _ := strings.Cut(url, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, ']') {
		return rest[:i], rest[i+1:]
	}
	return rest, ""
}

// pickKetama walks the ring from the key's point to the first of an admissible endpoint.
func (r *Router) pickKetama(p *placementConfig, admissible []int32, ev *Event) int {
	ring := p.choice.ring
	lo, hi := 0, len(ring)
	for lo < hi {
		if mid := (lo + hi) / 2; ring[mid].hash < ev.Route.Ring {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	r.markAll(admissible)
	for range min(len(ring), maxRingWalk) {
		if lo == len(ring) {
			lo = 0
		}
		if at, ok := r.marked(p, ring[lo].at); ok {
			return at
		}
		lo++
	}
	return r.pickRendezvous(p, admissible, ev.Route.Key)
}

// markAll notes which endpoints are on the list and where, for marked.
func (r *Router) markAll(admissible []int32) {
	if r.stamp++; r.stamp == 0 { // come round: no old mark may look new
		for n := range r.extras {
			r.extras[n].stamp = 0
		}
		r.stamp = 1
	}
	for i, n := range admissible {
		x := &r.extras[n]
		x.stamp, x.at = r.stamp, int32(i)
	}
}

// marked returns the place on the list of the endpoint at a place of the placement.
func (r *Router) marked(p *placementConfig, at int32) (int, bool) {
	x := &r.extras[r.numbers.endpoint[p.first+at]]
	return int(x.at), x.stamp == r.stamp
}
