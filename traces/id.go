package traces

import (
	"strconv"

	"lockstep/core"
)

// ParseRequestID turns a request id into the 128 bits that are recorded. 32 hex
// digits are parsed, the first 16 being hi; anything else is hashed: hi is
// core.HashString of the id, lo is core.RequestHash of hi and the id's length.
func ParseRequestID(s string) (hi, lo uint64) {
	if len(s) == 32 {
		h, errHi := strconv.ParseUint(s[:16], 16, 64)
		l, errLo := strconv.ParseUint(s[16:], 16, 64)
		if errHi == nil && errLo == nil {
			return h, l
		}
	}
	hi = core.HashString(s)
	return hi, core.RequestHash(hi, uint64(len(s)))
}

// FormatRequestID returns the 32 lower-case hex digits of a recorded id.
func FormatRequestID(id [2]uint64) string {
	var room [32]byte
	return string(appendHex(appendHex(room[:0], id[0]), id[1]))
}

// appendHex appends v as 16 lower-case hex digits.
func appendHex(dst []byte, v uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[v>>shift&15])
	}
	return dst
}
