package report

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"lockstep/core"
)

// A column goes into the page as planes: all lowest bytes, then all second ones,
// and so on. What seldom changes then compresses to nothing.

// columns packs columns one after the other; layout says what lies where.
type columns struct {
	raw    []byte
	Layout []column
}

// column is one of them, as the script reads it.
type column struct {
	Name  string `json:"name"`
	Width int    `json:"width"` // bytes of a value: 1, 2, 4 or 8
	Count int    `json:"count"`
	Delta bool   `json:"delta,omitempty"` // each value but the first is told as the difference to the one before
}

// add packs n values of so many bytes.
func (c *columns) add(name string, width, n int, value func(i int) uint64) {
	c.Layout = append(c.Layout, column{Name: name, Width: width, Count: n})
	at := len(c.raw)
	c.raw = append(c.raw, make([]byte, n*width)...)
	out := c.raw[at:]
	for i := range n {
		v := value(i)
		for b := range width {
			out[b*n+i] = byte(v >> (8 * b))
		}
	}
}

// rising packs values that never fall, by their differences.
func (c *columns) rising(name string, n int, value func(i int) uint64) {
	before, most := uint64(0), uint64(0)
	for i := 1; i < n; i++ {
		most = max(most, value(i)-value(i-1))
	}
	first := uint64(0)
	if n > 0 {
		first = value(0)
	}
	width := 4
	if most>>32 != 0 || first>>32 != 0 {
		width = 8
	}
	c.add(name, width, n, func(i int) uint64 {
		v := value(i)
		d := v - before
		before = v
		return d
	})
	c.Layout[len(c.Layout)-1].Delta = true
}

// micros are whole microseconds, as much as fits.
func micros(d core.Duration) uint64 { return min(uint64(max(d, 0))/1000, 1<<32-1) }

// packRows packs what the first drawing needs of all requests.
func (r *Router) packRows() columns {
	var c columns
	l, n := r.rows.list, len(r.rows.list)
	c.rising("time", n, func(i int) uint64 { return uint64(l[i].time.Sub(r.start)) / 1000 })
	c.rising("step", n, func(i int) uint64 { return l[i].step })
	c.add("span", 4, n, func(i int) uint64 { return micros(l[i].span) })
	c.add("key", 4, n, func(i int) uint64 { return uint64(l[i].key) })
	c.add("home", 2, n, func(i int) uint64 { return uint64(uint16(l[i].home)) })
	c.add("place", 2, n, func(i int) uint64 { return uint64(uint16(l[i].place)) })
	c.add("endpoint", 4, n, func(i int) uint64 { return uint64(uint32(l[i].endpoint)) })
	c.add("status", 2, n, func(i int) uint64 { return uint64(l[i].status) })
	c.add("flags", 2, n, func(i int) uint64 { return uint64(l[i].flags) })
	c.add("class", 1, n, func(i int) uint64 { return uint64(l[i].class) })
	c.add("rule", 1, n, func(i int) uint64 { return uint64(l[i].rule) })
	c.add("attempts", 1, n, func(i int) uint64 { return uint64(l[i].attempts) })
	c.add("kind", 1, n, func(i int) uint64 { return uint64(l[i].kind()) })
	c.add("leg", 4, n, func(i int) uint64 { return uint64(l[i].leg) })
	c.add("room", 4, n, func(i int) uint64 { return uint64(l[i].room) })
	legs := r.rows.legs
	c.add("legBefore", 4, len(legs), func(i int) uint64 { return uint64(legs[i].before) })
	c.add("legEndpoint", 4, len(legs), func(i int) uint64 { return uint64(uint32(legs[i].endpoint)) })
	c.add("legFrom", 8, len(legs), func(i int) uint64 { return uint64(max(legs[i].from.Sub(r.start), 0)) / 1000 })
	c.add("legSpan", 4, len(legs), func(i int) uint64 { return micros(legs[i].to.Sub(legs[i].from)) })
	c.add("legStatus", 2, len(legs), func(i int) uint64 { return uint64(legs[i].status) })
	c.add("legClass", 1, len(legs), func(i int) uint64 { return uint64(legs[i].class) })
	c.add("legFlags", 1, len(legs), func(i int) uint64 {
		return uint64(legs[i].failover) | uint64(legs[i].circuit)<<2 | bit(legs[i].wait)<<4 | bit(legs[i].over)<<5
	})
	rooms := r.rows.rooms
	c.add("roomInFlight", 4, len(rooms), func(i int) uint64 { return uint64(rooms[i].inFlight) })
	c.add("roomGuests", 4, len(rooms), func(i int) uint64 { return uint64(rooms[i].guests) })
	c.add("roomLimit", 4, len(rooms), func(i int) uint64 { return uint64(rooms[i].limit) })
	return c
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// packLines packs the time lines and returns the width of their bins.
func (r *Router) packLines() (c columns, width core.Duration, bins int) {
	width = r.series.width
	for _, t := range r.series.all {
		bins = max(bins, len(t.bins))
	}
	for bins > 512 && bins*(5*len(r.places)+len(r.endpoints)) > maxCells {
		width *= 2
		bins = (bins + 1) / 2
		for _, t := range r.series.all {
			t.halve()
		}
	}
	for r.rates.width > 0 && r.rates.width < width {
		r.rates.join()
	}
	for k, name := range [kinds]string{"home", "elsewhere", "refused", "failed", "other"} {
		c.add("rate."+name, 4, bins, func(i int) uint64 {
			if i >= len(r.rates.bins) {
				return 0
			}
			return uint64(r.rates.bins[i][k])
		})
	}
	for i := range r.places {
		t := r.places[i].track
		line := func(name string, of func(l level) uint32) {
			c.add(fmt.Sprintf("p%d.%s", i, name), 4, len(t.bins), func(i int) uint64 { return uint64(of(t.bins[i])) })
		}
		line("total", func(l level) uint32 { return l.total })
		line("guests", func(l level) uint32 { return l.guests })
		line("queue", func(l level) uint32 { return l.queue })
		line("limit", func(l level) uint32 { return l.limit })
		line("cap", func(l level) uint32 { return l.cap })
	}
	for i := range r.endpoints {
		t := r.endpoints[i].track
		c.add(fmt.Sprintf("e%d.total", i), 4, len(t.bins), func(i int) uint64 { return uint64(t.bins[i].total) })
	}
	return c, width, bins
}

// halve joins closed bins in pairs.
func (t *track) halve() {
	n := len(t.bins)
	for i := 0; i < n; i += 2 {
		l := t.bins[i]
		if i+1 < n {
			l = l.peak(t.bins[i+1])
		}
		t.bins[i/2] = l
	}
	t.bins = t.bins[:(n+1)/2]
}

// packIDs packs request ids, sixteen planes from the lowest byte of the high
// half on. They stand apart: nothing of the first drawing needs them.
func (r *Router) packIDs() []byte {
	var c columns
	l, n := r.rows.list, len(r.rows.list)
	c.add("hi", 8, n, func(i int) uint64 { return l[i].id[0] })
	c.add("lo", 8, n, func(i int) uint64 { return l[i].id[1] })
	return c.raw
}

// packKeys are the routing keys as printable text, one a line.
func (r *Router) packKeys() []byte {
	var b bytes.Buffer
	for i, k := range r.rows.keys {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(printable(k))
	}
	return b.Bytes()
}

// printable writes a key so that it is one line of UTF-8: as it is where that is
// possible, else with Go's escapes for the bytes that are not.
func printable(s string) string {
	plain := utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) || r == '\\' })
	if plain {
		return s
	}
	q := strconv.Quote(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

// packer writes blocks of bytes as base64 of raw deflate, which cannot end a script.
type packer struct {
	out io.Writer
	z   *flate.Writer // kept: making one costs more than most blocks do
}

func (p *packer) block(id string, raw []byte) error {
	if _, err := fmt.Fprintf(p.out, "<script type=\"application/octet-stream\" id=\"%s\">", id); err != nil {
		return err
	}
	b := base64.NewEncoder(base64.StdEncoding, p.out)
	if p.z == nil {
		z, err := flate.NewWriter(b, flate.BestSpeed)
		if err != nil {
			return err
		}
		p.z = z
	}
	p.z.Reset(b)
	if _, err := p.z.Write(raw); err != nil {
		return err
	}
	if err := errors.Join(p.z.Close(), b.Close()); err != nil {
		return err
	}
	_, err := io.WriteString(p.out, "</script>\n")
	return err
}
