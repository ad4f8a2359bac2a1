package sim

import (
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"net/url"
	"slices"
	"strings"

	"lockstep/core"
)

// Consistent hashing (R10), from the rules and with another CRC: the ring and
// the table of each placement, made once for each configuration.

// ring is the points of one placement in order.
type ringModel []struct {
	hash uint32
	at   int // place of the endpoint in its placement
}

// rings and tables of a configuration, by placement.
type hashing struct {
	rings  map[string]ringModel
	tables map[string][]int32
}

func (t *truth) ring(row *core.PlacementInfo, config *core.Config) ringModel {
	if r, ok := t.hashing.rings[row.Name]; ok {
		return r
	}
	var r ringModel
	for i := row.FirstEP; i < row.EndEP; i++ {
		e := config.Endpoint(i)
		u, _ := url.Parse(e.URL)
		host, port := u.Host, u.Port()
		if port != "" {
			host = strings.TrimSuffix(host, ":"+port)
		}
		before := []byte(host + "\x00" + port)
		last := uint32(0)
		for range max(1, int(e.Weight)*160/100) {
			last = crc32.ChecksumIEEE(binary.LittleEndian.AppendUint32(slices.Clone(before), last))
			r = append(r, struct {
				hash uint32
				at   int
			}{last, i - row.FirstEP})
		}
	}
	slices.SortStableFunc(r, func(a, b struct {
		hash uint32
		at   int
	},
	) int {
		return cmp.Compare(a.hash, b.hash)
	})
	if t.hashing.rings == nil {
		t.hashing.rings = map[string]ringModel{}
	}
	t.hashing.rings[row.Name] = r
	return r
}

const places = 65537

func (t *truth) table(row *core.PlacementInfo, config *core.Config) []int32 {
	if m, ok := t.hashing.tables[row.Name]; ok {
		return m
	}
	n := row.EndEP - row.FirstEP
	heaviest := uint64(0)
	for i := range n {
		heaviest = max(heaviest, uint64(config.Endpoint(row.FirstEP+i).Weight))
	}
	m := slices.Repeat([]int32{-1}, places)
	next, target := make([]uint64, n), make([]uint64, n)
	for round, free := uint64(1), places; free > 0; round++ {
		for i := range n {
			e := config.Endpoint(row.FirstEP + i)
			if free == 0 || round*uint64(e.Weight) < target[i] {
				continue
			}
			target[i] += heaviest
			id := coreIdentity(row.Name, e.URL)
			offset := below(coreDraw(0, id, 0, coreMaglevTable), places)
			skip := 1 + below(coreDraw(0, id, 1, coreMaglevTable), places-1)
			for m[(offset+next[i]*skip)%places] >= 0 {
				next[i]++
			}
			m[(offset+next[i]*skip)%places] = int32(i)
			next[i]++
			free--
		}
	}
	if t.hashing.tables == nil {
		t.hashing.tables = map[string][]int32{}
	}
	t.hashing.tables[row.Name] = m
	return m
}

// onRing is the first endpoint on the list at or after the key's place.
func (c *checker) onRing(ev *core.Event, row *core.PlacementInfo, list []int32) int32 {
	c.saw(SawKetama)
	ring := c.truth.ring(row, c.config)
	from, _ := slices.BinarySearchFunc(ring, ev.Route.Ring, func(p struct {
		hash uint32
		at   int
	}, h uint32,
	) int {
		return cmp.Compare(p.hash, h)
	})
	seen, last := 0, -1
	for i := range len(ring) {
		p := ring[(from+i)%len(ring)]
		if last >= 0 && ring[last].hash == p.hash {
			continue // only the first of equals stays on the ring
		}
		last = (from + i) % len(ring)
		if n := c.numbers[row.FirstEP+p.at]; slices.Contains(list, n) {
			return n
		}
		if seen++; seen == 4096 {
			break
		}
	}
	return c.highest(list, ev.Route.Key)
}

// inTable is the first endpoint on the list at one of the key's places.
func (c *checker) inTable(row *core.PlacementInfo, list []int32, key uint64) int32 {
	c.saw(SawMaglev)
	table := c.truth.table(row, c.config)
	for t := range uint64(32) {
		if n := c.numbers[row.FirstEP+int(table[below(coreDraw(0, key, t, coreMaglevLookup), places)])]; slices.Contains(list, n) {
			return n
		}
	}
	return c.highest(list, key)
}

// product is a x b x c in two words, the higher first; a x b fits one.
func product(a, b, c uint64) [2]uint64 {
	hi, lo := bits.Mul64(a*b, c)
	return [2]uint64{hi, lo}
}
