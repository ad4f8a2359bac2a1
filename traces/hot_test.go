package traces

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"lockstep/core"
	"lockstep/core/loop"
)

// TestTheHotPathWritesWhatTheSchemaSays compares the straight-line writers with
// the loops over the schema, byte by byte.
func TestTheHotPathWritesWhatTheSchemaSays(t *testing.T) {
	e := NewEncoder()
	rapid.Check(t, func(t *rapid.T) {
		small := func(label string) uint8 { return uint8(rapid.SampledFrom([]int{0, 1, 127, 128, 255}).Draw(t, label)) }
		wide := func(label string) uint64 {
			return rapid.SampledFrom([]uint64{0, 1, 127, 128, 1 << 31, 1<<64 - 1}).Draw(t, label)
		}
		now := core.Time(rapid.Int64Range(0, 1<<40).Draw(t, "now"))
		ev := core.Event{
			Source: small("source"), Method: core.Method(small("method")), Priority: small("priority"), Class: core.Class(small("class")),
			Replayable: rapid.Bool().Draw(t, "replayable"), Sent: rapid.Bool().Draw(t, "sent"), Status: uint16(wide("status")),
			Handle: core.Handle{Slot: uint32(wide("slot")), Gen: uint32(wide("gen"))}, Epoch: core.Epoch{Term: wide("term"), Number: wide("number")},
			Length: int64(wide("length")), RetryAfter: core.Duration(wide("retry")), Route: core.Route{Refuse: core.Class(small("refuse"))},
			Via: uint16(wide("via")), Split: wide("split"),
		}
		req := &loop.Request{Key: rapid.StringN(0, 8, 40).Draw(t, "key"), ID: [2]uint64{wide("hi"), wide("lo")}}
		if rapid.Bool().Draw(t, "no request") {
			req = nil
		}
		d := core.Decision{
			Kind: core.Forward, Rule: small("rule"), Placement: int32(wide("placement")), Endpoint: int32(wide("endpoint")),
			Handle: ev.Handle, Reason: core.Reason(small("reason")), Circuit: core.Circuit(small("circuit")),
			Failover: core.Failover(small("failover")), Probe: ev.Sent, At: now + core.Time(rapid.Int64Range(-1<<30, 1<<30).Draw(t, "at")),
		}
		room := func() []byte { return make([]byte, 0, maxEventSize+maxDecisionSize+64) }
		fields := e.schema.events[core.Arrive]
		e.keys.reset()
		want := e.event(room(), now, fields, &ev, req)
		e.keys.reset()
		same(t, "arrive", e.arrive(room(), &ev, req), want)
		same(t, "finish", finish(room(), &ev), e.event(room(), now, e.schema.events[core.Finish], &ev, nil))
		same(t, "forward", forward(room(), &d, now), e.decision(room(), now, &d))
	})
}

func same(t *rapid.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: the hot path writes %x, the schema says %x", what, got, want)
	}
}

// TestTheHotPathReadsWhatTheSchemaSays decodes facts, sound and broken, both ways.
func TestTheHotPathReadsWhatTheSchemaSays(t *testing.T) {
	read := func(b []byte, bySchema bool) (facts []string) {
		r := blockReader{schema: newSchema(), b: b, text: string(b), step: 1, last: 1000, bySchema: bySchema}
		for {
			var f Fact
			_, _, done, err := r.next(&f)
			if done || err != nil {
				return append(facts, fmt.Sprint(done, err))
			}
			facts = append(facts, fmt.Sprintf("%+v", f))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.Uint64Range(0, 3), rapid.SampledFrom([]uint64{127, 128, 255, 256, 1<<16 - 1, 1 << 16, 1<<31 + 1, 1<<32 - 1, 1 << 32, 1<<64 - 1, 1<<64 - 1<<31, 1<<64 - 1<<31 + 1}))
		fields := func(b []byte, n int, what string) []byte {
			for range n {
				b = appendUint(b, number.Draw(t, what))
			}
			return b
		}
		var b []byte
		for range rapid.IntRange(1, 3).Draw(t, "facts") {
			kind := rapid.SampledFrom([]core.EventKind{core.Arrive, core.Finish, core.Reply}).Draw(t, "kind")
			b = append(b, byte(kind), 1)
			mask := rapid.Uint16Range(0, 1<<14).Draw(t, "mask")
			if kind == core.Arrive {
				b = append(b, byte(mask&^3), byte(mask>>8)) // key and id are read by the same code
				b = fields(b, bits.OnesCount16(mask&^3&^(1<<7)), "field")
			} else {
				b = append(b, byte(mask)&0x7f)
				b = fields(b, bits.OnesCount8(byte(mask)&^(1<<4|1<<6|1<<7)), "field")
			}
			b = append(b, 1, byte(core.Forward))
			mask = rapid.Uint16Range(0, 1<<12-1).Draw(t, "mask of the decision")
			b = append(b, byte(mask), byte(mask>>8))
			b = fields(b, bits.OnesCount16(mask&^(1<<8|1<<10)), "field of the decision")
		}
		if rapid.Bool().Draw(t, "cut") {
			b = b[:rapid.IntRange(0, len(b)).Draw(t, "at")]
		}
		if got, want := read(b, false), read(b, true); !slices.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
}
