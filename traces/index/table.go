package index

import (
	"encoding/binary"
	"fmt"
)

// A table finds numbers by a 32-bit fingerprint at a few bytes an entry: its
// first bits say which bucket, the next 16 are in the entry. So 16 to 32 bits
// decide, and what is found by chance is found out by reading the block.
//
//	bits u8, wide u8, entries u32, then 2^bits+1 times u32: the first entry of a bucket,
//	then entries: u16 of the fingerprint, and the number, in 2 bytes or, wide, in 4
const (
	tableHead  = 6
	bucketSize = 64 // entries that a bucket should have
	maxBits    = 16
)

// appendTable appends a table of entries, which are sorted: of fingerprints and
// the numbers that they lead to.
func appendTable(dst []byte, entries []pair) []byte {
	bits, wide := 0, false
	for bits < maxBits && len(entries)>>bits > bucketSize {
		bits++
	}
	for i := range entries {
		wide = wide || entries[i].number() > 1<<16-1
	}
	dst = append(dst, byte(bits), 0)
	if wide {
		dst[len(dst)-1] = 1
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(entries)))
	at := 0
	for b := range uint32(1) << bits {
		for at < len(entries) && entries[at].print()>>(32-bits) < b {
			at++
		}
		dst = binary.LittleEndian.AppendUint32(dst, uint32(at))
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(entries)))
	for _, e := range entries {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(e.print()>>(16-bits)))
		if wide {
			dst = binary.LittleEndian.AppendUint32(dst, e.number())
		} else {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(e.number()))
		}
	}
	return dst
}

// look returns the numbers of the entries with that print, and some that have
// it by chance.
func (s *section) look(print uint32) ([]uint32, error) {
	head, err := s.read(0, tableHead)
	if err != nil {
		return nil, err
	}
	bits, size := int(head[0]), int64(4)
	if head[1] != 0 {
		size = 6
	}
	if bits > maxBits {
		return nil, fmt.Errorf("%w: a table of %d bits", errDamaged, bits)
	}
	bucket := int64(print >> (32 - bits))
	if bits == 0 {
		bucket = 0
	}
	ends, err := s.read(tableHead+4*bucket, 8)
	if err != nil {
		return nil, err
	}
	first, end := int64(binary.LittleEndian.Uint32(ends)), int64(binary.LittleEndian.Uint32(ends[4:]))
	entries := tableHead + 4*(int64(1)<<bits+1)
	if first > end {
		return nil, fmt.Errorf("%w: a table out of order", errDamaged)
	}
	b, err := s.read(entries+size*first, size*(end-first))
	if err != nil {
		return nil, err
	}
	var found []uint32
	for ; len(b) > 0; b = b[size:] {
		if binary.LittleEndian.Uint16(b) != uint16(print>>(16-bits)) {
			continue
		}
		if size == 4 {
			found = append(found, uint32(binary.LittleEndian.Uint16(b[2:])))
		} else {
			found = append(found, binary.LittleEndian.Uint32(b[2:]))
		}
	}
	return found, nil
}
