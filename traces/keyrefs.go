package traces

import "lockstep/core"

// keyRefs is a block's string table while it is written: a key seen first is
// spelled out, later it is a number. It holds positions in the block instead of
// strings, so that it keeps no request's memory alive and allocates only while
// it grows.
type keyRefs struct {
	slots []keySlot // open addressing; a power of two, at most half full
	spans []keySpan // by number, from 0
}

type keySlot struct {
	hash uint32
	ref  uint32 // number plus 1, 0 for empty
}

// keySpan is where a key is spelled out in the block's buffer.
type keySpan struct{ start, end uint32 }

func newKeyRefs() keyRefs {
	return keyRefs{slots: make([]keySlot, 2048)}
}

func (k *keyRefs) reset() {
	clear(k.slots)
	k.spans = k.spans[:0]
}

// put writes key unless it is empty. hash is core.HashString of key, or 0 when
// nobody has computed it yet.
func (k *keyRefs) put(p *packer, key string, hash uint64) bool {
	if key == "" {
		return false
	}
	h := hash
	if h == 0 {
		h = core.HashString(key)
	}
	mask := uint64(len(k.slots) - 1)
	at := h & mask
	for ; k.slots[at].ref != 0; at = (at + 1) & mask {
		if s := k.slots[at]; s.hash == uint32(h>>32) {
			if w := k.spans[s.ref-1]; string(p.b[w.start:w.end]) == key {
				p.uint(uint64(s.ref))
				return true
			}
		}
	}
	p.uint(0)
	p.uint(uint64(len(key)))
	start := p.n
	p.n += copy(p.b[p.n:], key)
	k.spans = append(k.spans, keySpan{uint32(start), uint32(p.n)})
	k.slots[at] = keySlot{uint32(h >> 32), uint32(len(k.spans))}
	if 2*len(k.spans) > len(k.slots) {
		k.grow(p)
	}
	return true
}

func (k *keyRefs) grow(p *packer) {
	k.slots = make([]keySlot, 2*len(k.slots))
	mask := uint64(len(k.slots) - 1)
	for i, w := range k.spans {
		h := core.HashString(string(p.b[w.start:w.end]))
		at := h & mask
		for k.slots[at].ref != 0 {
			at = (at + 1) & mask
		}
		k.slots[at] = keySlot{uint32(h >> 32), uint32(i) + 1}
	}
}
