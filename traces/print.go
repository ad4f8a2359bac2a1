package traces

import (
	"encoding/base64"
	"strconv"
	"time"

	"lockstep/core"
)

// The printed view: one function per kind of line, each without its LF.

func appendHeaderLine(dst []byte, h *Header) []byte {
	dst = append(dst, `{"lockstep":`...)
	dst = strconv.AppendUint(dst, formatVersion, 10)
	spec := h.Spec
	if spec == "" {
		spec = SpecVersion
	}
	dst = appendString(append(dst, `,"spec":`...), spec)
	dst = appendString(append(dst, `,"name":`...), h.Name)
	dst = strconv.AppendUint(append(dst, `,"seed":`...), h.Seed, 10)
	dst = appendHash(append(dst, `,"config":`...), h.Config)
	dst = append(dst, `,"flags":[`...)
	for i, f := range h.Flags {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, f)
	}
	dst = appendString(append(dst, `],"why":`...), h.Why)
	if h.Origin != 0 {
		dst = append(dst, `,"origin":"`...)
		dst = time.Unix(0, h.Origin).UTC().AppendFormat(dst, time.RFC3339Nano)
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

func appendConfigLine(dst []byte, c *core.Config) []byte {
	spec := SpecOf(c)
	dst = appendHash(append(dst, `{"config":`...), c.Digest())
	dst = append(append(dst, `,"spec":`...), EncodeSpec(&spec)...)
	return append(dst, '}')
}

func appendGapLine(dst []byte, g *Gap) []byte {
	dst = strconv.AppendUint(append(dst, `{"gap":`...), g.Steps, 10)
	dst = strconv.AppendUint(append(dst, `,"step":`...), g.Step, 10)
	dst = strconv.AppendUint(append(dst, `,"blocks":`...), g.Blocks, 10)
	dst = appendString(append(dst, `,"why":`...), g.Why)
	return append(dst, '}')
}

func appendBlockLine(dst []byte, h *BlockHead) []byte {
	dst = strconv.AppendInt(append(dst, `{"block":`...), int64(h.Number), 10)
	dst = strconv.AppendUint(append(dst, `,"step":`...), h.Step, 10)
	dst = strconv.AppendInt(append(dst, `,"t":`...), int64(h.Time), 10)
	dst = appendHash(append(dst, `,"digest":`...), h.Digest)
	dst = append(dst, `,"snapshot":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, h.Snapshot)
	return append(dst, '"', '}')
}

func appendMarkLine(dst []byte, digest uint64) []byte {
	return append(appendHash(append(dst, `{"digest":`...), digest), '}')
}

func (s *schema) appendEventLine(dst []byte, f *Fact) []byte {
	dst = strconv.AppendUint(append(dst, `{"step":`...), f.Step, 10)
	dst = strconv.AppendInt(append(dst, `,"t":`...), int64(f.Time), 10)
	dst = append(append(dst, `,"event":"`...), f.Event.Kind.String()...)
	dst = append(dst, '"')
	fields := s.events[f.Event.Kind]
	for i := range fields {
		switch c := &fields[i]; c.wire {
		case wireKey:
			if f.Request.Key != "" {
				dst = appendString(appendName(dst, c.name), f.Request.Key)
			}
		case wireID:
			if f.Request.ID != [2]uint64{} {
				dst = append(appendName(dst, c.name), '"')
				dst = appendHex(appendHex(dst, f.Request.ID[0]), f.Request.ID[1])
				dst = append(dst, '"')
			}
		default:
			dst = appendField(dst, c.name, c.wire, c.enum, c.get(&f.Event), f.Time)
		}
	}
	return append(dst, '}')
}

func (s *schema) appendDecisionLine(dst []byte, d *core.Decision, now core.Time) []byte {
	dst = append(append(dst, `{"decision":"`...), d.Kind.String()...)
	dst = append(dst, '"')
	fields := s.decisions[d.Kind]
	for i := range fields {
		c := &fields[i]
		dst = appendField(dst, c.name, c.wire, c.enum, c.get(d), now)
	}
	return append(dst, '}')
}

// appendField appends one member unless the value is the one that its absence means.
func appendField(dst []byte, name string, w wire, e enum, v uint64, now core.Time) []byte {
	if w.encode(v, now) == 0 {
		return dst
	}
	dst = appendName(dst, name)
	switch w {
	case wireBool:
		return append(dst, "true"...)
	case wireSigned, wireTime, wireNumber:
		return strconv.AppendInt(dst, int64(v), 10)
	case wireHash:
		return appendHash(dst, v)
	case wireEnum:
		if n := e.name(v); n != "" {
			return append(append(append(dst, '"'), n...), '"')
		}
	}
	return strconv.AppendUint(dst, v, 10)
}

func appendName(dst []byte, name string) []byte {
	return append(append(append(dst, ',', '"'), name...), '"', ':')
}

func appendHash(dst []byte, v uint64) []byte {
	return append(appendHex(append(dst, '"'), v), '"')
}
