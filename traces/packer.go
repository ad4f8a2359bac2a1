package traces

import (
	"encoding/binary"

	"lockstep/core"
)

// packer writes values into a buffer whose room its caller has made sure of.
type packer struct {
	b   []byte
	n   int
	now core.Time // times are written relative to it
}

func (p *packer) byte(v byte) {
	p.b[p.n] = v
	p.n++
}

func (p *packer) uint(v uint64) {
	for v >= 0x80 {
		p.b[p.n] = byte(v) | 0x80
		p.n++
		v >>= 7
	}
	p.b[p.n] = byte(v)
	p.n++
}

// id writes a request id unless it is zero.
func (p *packer) id(id [2]uint64) bool {
	if id == ([2]uint64{}) {
		return false
	}
	binary.BigEndian.PutUint64(p.b[p.n:], id[0])
	binary.BigEndian.PutUint64(p.b[p.n+8:], id[1])
	p.n += 16
	return true
}

// value writes v unless it is the one that its absence means.
func (p *packer) value(w wire, v uint64) bool {
	v = w.encode(v, p.now)
	if v == 0 {
		return false
	}
	switch w {
	case wireBool:
	case wireHash:
		binary.LittleEndian.PutUint64(p.b[p.n:], v)
		p.n += 8
	default:
		p.uint(v)
	}
	return true
}

// mask makes room for the presence bits of n fields and returns where they go.
func (p *packer) mask(n int) int {
	at := p.n
	p.n += maskSize(n)
	return at
}

func (p *packer) setMask(at, n int, mask uint) {
	switch maskSize(n) {
	case 2:
		p.b[at+1] = byte(mask >> 8)
		fallthrough
	case 1:
		p.b[at] = byte(mask)
	}
}

// maskSize returns the bytes of presence bits of n fields, at most 16 of them.
func maskSize(n int) int { return (n + 7) / 8 }
