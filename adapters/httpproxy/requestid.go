package httpproxy

import (
	"encoding/hex"
	"math/rand/v2"

	"lockstep/core"
)

// RequestID returns the 128-bit form under which a recording keeps a request
// id, high half first: 32 hex digits are parsed, anything else is hashed.
func RequestID(id string) [2]uint64 {
	if len(id) == 32 {
		var raw [16]byte
		if _, err := hex.Decode(raw[:], []byte(id)); err == nil {
			return [2]uint64{bigEndian(raw[:8]), bigEndian(raw[8:])}
		}
	}
	h := core.HashString(id)
	return [2]uint64{h, core.RequestHash(h, uint64(len(id)))}
}

// newRequestID makes an id for a request that came without one. It has to be
// unlikely to repeat, not hard to guess.
func newRequestID() (string, [2]uint64) {
	id := [2]uint64{rand.Uint64(), rand.Uint64()}
	var text [32]byte
	const digits = "0123456789abcdef"
	for i := range text {
		text[i] = digits[id[i/16]>>(60-4*(i%16))&15]
	}
	return string(text[:]), id
}

func bigEndian(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}
