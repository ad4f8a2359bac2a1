package index

import (
	"encoding/binary"

	"lockstep/core"
	"lockstep/traces"
)

// An index file is pages; their content is magic, version, the places of the
// sections, then the sections. README.md has the bytes.
const (
	magic   = "LSINDEX"
	version = 2
)

// Sections of an index, in the order in which their places are written.
const (
	sectionMeta = iota
	sectionBlocks
	sectionConfigs
	sectionGaps
	sectionNotes
	sectionCounts
	sectionRequests
	sectionKeys
	sectionLists
	sectionFates
	sectionFared
	sectionFaredLists
	sectionUnended
	sectionCarried
	sections
)

const (
	indexHead  = len(magic) + 1 + sections*16
	blockSize  = 28 // offset, step, time u64; number u32
	configSize = 16 // offset, digest u64
)

// Encode returns the index as it is kept in a file.
func (ix *Index) Encode() []byte {
	b := make([]byte, indexHead, indexHead+len(ix.requests)*4+len(ix.keys)+len(ix.Blocks)*blockSize+1<<16)
	copy(b, magic)
	b[len(magic)] = version
	lists, keys := listed(ix.keys)
	faredLists, fared := listed(ix.fared)
	for i, write := range [sections]func([]byte) []byte{
		sectionMeta: ix.appendMeta, sectionBlocks: ix.appendBlocks, sectionConfigs: ix.appendConfigs, sectionGaps: ix.appendGaps,
		sectionNotes: ix.appendNotes, sectionCounts: ix.appendCounts,
		sectionRequests:   func(b []byte) []byte { return appendTable(b, ix.requests) },
		sectionKeys:       func(b []byte) []byte { return appendTable(b, keys) },
		sectionLists:      func(b []byte) []byte { return append(b, lists...) },
		sectionFates:      ix.appendFates,
		sectionFared:      func(b []byte) []byte { return appendTable(b, fared) },
		sectionFaredLists: func(b []byte) []byte { return append(b, faredLists...) },
		sectionUnended:    ix.appendUnended,
		sectionCarried:    ix.appendCarried,
	} {
		at := len(b)
		b = write(b)
		place := b[len(magic)+1+16*i:]
		binary.LittleEndian.PutUint64(place, uint64(at))
		binary.LittleEndian.PutUint64(place[8:], uint64(len(b)-at))
	}
	return paginate(b)
}

// writer appends numbers and strings.
type writer struct{ b []byte }

func (w *writer) uint(v uint64) { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) int(v int64)   { w.b = binary.AppendVarint(w.b, v) }
func (w *writer) text(s string) { w.uint(uint64(len(s))); w.b = append(w.b, s...) }

func (ix *Index) appendMeta(b []byte) []byte {
	w := writer{b}
	w.uint(uint64(ix.Size))
	w.uint(ix.Next)
	w.uint(uint64(ix.Last))
	w.uint(uint64(ix.Damaged))
	w.uint(ix.digest)
	last := Block{}
	if n := len(ix.Blocks); n > 0 {
		last = ix.Blocks[n-1]
	}
	w.uint(uint64(last.Offset))
	w.uint(last.Step)
	w.text(ix.Header.Name)
	w.uint(ix.Header.Seed)
	w.int(ix.Header.Origin)
	return w.b
}

func (ix *Index) appendBlocks(b []byte) []byte {
	for i := range ix.Blocks {
		k := &ix.Blocks[i]
		b = binary.LittleEndian.AppendUint64(b, uint64(k.Offset))
		b = binary.LittleEndian.AppendUint64(b, k.Step)
		b = binary.LittleEndian.AppendUint64(b, uint64(k.Time))
		b = binary.LittleEndian.AppendUint32(b, uint32(k.Number))
	}
	return b
}

func (ix *Index) appendConfigs(b []byte) []byte {
	for _, c := range ix.Configs {
		b = binary.LittleEndian.AppendUint64(b, uint64(c.Offset))
		b = binary.LittleEndian.AppendUint64(b, c.Digest)
	}
	return b
}

func (ix *Index) appendGaps(b []byte) []byte {
	w := writer{b}
	w.uint(uint64(len(ix.Gaps)))
	for _, g := range ix.Gaps {
		w.uint(g.Step)
		w.uint(g.Steps)
		w.uint(g.Blocks)
		w.text(g.Why)
	}
	return w.b
}

// names written once, and a number wherever they come again.
type dictionary map[string]uint64

func (w *writer) name(d dictionary, s string) {
	n, known := d[s]
	if known {
		w.uint(n)
		return
	}
	d[s] = uint64(len(d)) + 1
	w.uint(0)
	w.text(s)
}

func (ix *Index) appendNotes(b []byte) []byte {
	w, names := writer{b}, dictionary{}
	w.uint(uint64(len(ix.Notes)))
	for i := range ix.Notes {
		n := &ix.Notes[i]
		w.uint(n.Step)
		w.uint(uint64(n.Time))
		w.uint(uint64(n.Block))
		w.uint(uint64(n.Event))
		w.uint(uint64(n.Origin))
		w.name(names, n.Placement)
		w.name(names, n.Endpoint)
		w.decision(&n.Decision)
	}
	return w.b
}

// decision writes every field, so that no kind of note can lose one.
func (w *writer) decision(d *core.Decision) {
	for _, v := range [...]uint64{
		uint64(d.Kind), uint64(d.Rule), uint64(d.Class), uint64(d.Reason), uint64(d.Failover), uint64(d.Circuit), uint64(d.Cause),
		bit(d.Probe) | bit(d.Pin)<<1, uint64(d.Trip), uint64(d.Status), uint64(d.Token), uint64(d.Count),
		uint64(int64(d.Placement) + 1), uint64(int64(d.Endpoint) + 1), uint64(d.Handle.Slot), uint64(d.Handle.Gen),
		d.Epoch.Term, d.Epoch.Number, uint64(d.At), uint64(d.Until),
	} {
		w.uint(v)
	}
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func (ix *Index) appendCounts(b []byte) []byte {
	w, names := writer{b}, dictionary{}
	w.uint(uint64(len(ix.Counts)))
	for i := range ix.Counts {
		c := &ix.Counts[i]
		w.uint(uint64(c.Block))
		w.uint(uint64(c.Kind))
		w.uint(uint64(c.Class))
		w.uint(uint64(c.Failover))
		w.name(names, c.Placement)
		w.uint(c.N)
		w.uint(c.Step)
		w.uint(uint64(c.Time))
	}
	return w.b
}

func (ix *Index) appendFates(b []byte) []byte {
	w := writer{b}
	w.uint(bit(ix.lost))
	w.uint(uint64(len(ix.fates)))
	for i := range ix.fates {
		w.fate(&ix.fates[i])
	}
	return w.b
}

func (w *writer) fate(x *traces.Fate) {
	w.uint(uint64(x.Status))
	w.uint(uint64(x.Class))
	w.uint(bit(x.Guest) | bit(x.Ended)<<1)
}

func (w *writer) handle(h core.Handle) {
	w.uint(uint64(h.Slot))
	w.uint(uint64(h.Gen))
}

func (ix *Index) appendUnended(b []byte) []byte {
	w := writer{b}
	w.uint(uint64(len(ix.unended)))
	for i := range ix.unended {
		u := &ix.unended[i]
		w.handle(u.Handle)
		w.uint(uint64(u.Place))
		w.fate(&u.Fate)
		w.uint(uint64(u.print))
	}
	return w.b
}

func (ix *Index) appendCarried(b []byte) []byte {
	w := writer{b}
	w.uint(uint64(len(ix.carried)))
	for i := range ix.carried {
		c := &ix.carried[i]
		w.handle(c.First)
		w.handle(c.Handle)
		w.fate(&c.Fate)
	}
	return w.b
}

// listed writes for each fingerprint the numbers it leads to: the first plus 1,
// then the differences, then 0; and where each list begins.
func listed(pairs []pair) (lists []byte, entries []pair) {
	last := pair(0)
	for i, p := range pairs {
		if i == 0 || p>>32 != last>>32 {
			if i > 0 {
				lists = append(lists, 0)
			}
			entries = append(entries, pairOf(uint64(p), len(lists)))
			lists = binary.AppendUvarint(lists, uint64(uint32(p))+1)
		} else {
			lists = binary.AppendUvarint(lists, uint64(uint32(p)-uint32(last)))
		}
		last = p
	}
	return append(lists, 0), entries
}
