package pseudonym

import (
	"encoding/binary"
	"strconv"

	"lockstep/core"
)

// A snapshot (SPEC, "Snapshot") names its configuration by digest, and keys of
// requests that may come again by hash. resnap writes those anew and leaves the
// rest as it is. It reports false for one that it cannot carry over: with a limit
// told apart by tenant and attempts in flight, which are booked by key.

// sectionJourney is the tag of the requests that may come again, the first section that there can be.
const sectionJourney = 5

type rewriter struct {
	in, out []byte
	bad     bool
}

func (r *rewriter) next() uint64 {
	v, n := binary.Uvarint(r.in)
	if n <= 0 {
		r.bad, r.in = true, nil
		return 0
	}
	r.in = r.in[n:]
	return v
}

func (r *rewriter) put(v uint64) { r.out = binary.AppendUvarint(r.out, v) }

// copy takes over numbers and returns the last.
func (r *rewriter) copy(n int) (v uint64) {
	for range n {
		v = r.next()
		r.put(v)
	}
	return v
}

func (r *rewriter) copyText() {
	n := r.copy(1)
	if n > uint64(len(r.in)) {
		r.bad = true
		return
	}
	r.out = append(r.out, r.in[:n]...)
	r.in = r.in[n:]
}

func resnap(snapshot []byte, old, redacted *core.Config, names *Names) ([]byte, bool) {
	r := rewriter{in: snapshot}
	r.copy(6) // version, seed, draining, now, epoch
	if r.copy(1) == 1 {
		r.next()
		r.put(redacted.Digest())
	}
	r.copy(3) // serial, first to abort, drain
	for n := r.copy(1); n > 0 && !r.bad; n-- {
		if r.copy(1) == 1 {
			r.copyText()
			r.copy(2)
		}
	}
	for n := r.copy(1); n > 0 && !r.bad; n-- {
		r.endpoint()
	}
	attempts := r.copy(1)
	for n := attempts; n > 0 && !r.bad; n-- {
		r.copy(6)
	}
	if r.bad || attempts > 0 && tenants(redacted) {
		return nil, false
	}
	if len(r.in) > 0 && r.in[0] == sectionJourney {
		r.journeys(keyHashes(old, names), names)
	}
	return append(r.out, r.in...), !r.bad
}

func (r *rewriter) endpoint() {
	if r.copy(1) != 1 {
		return
	}
	r.copyText()
	r.copyText()
	r.copy(3 + 1 + 3 + 2) // placement, current, in flight; rotation; health; its times
	r.copy(6)             // the breaker: state, generation, failures, successes, relapses, until
	for n := r.copy(1); n > 0 && !r.bad; n-- {
		r.copy(2)
	}
}

// journeys gives requests that may come again the hash of their redacted key.
// One that is in no table gets a number of its own: what it was is not known here.
func (r *rewriter) journeys(hashes map[uint64]uint64, names *Names) {
	r.copy(1)
	for n := r.copy(1); n > 0 && !r.bad; n-- {
		r.copy(1)
		switch r.copy(1) {
		case 0:
		case 1: // in a queue
			r.copy(5)
		default:
			r.copy(3)
		}
		hash := r.next()
		key, known := hashes[hash]
		if !known {
			key = core.HashString(names.Of(strconv.FormatUint(hash, 16)))
		}
		r.put(key)
		r.copy(12)
		for tried := min(r.copy(1), core.MaxRetries); tried > 0 && !r.bad; tried-- {
			r.copy(1)
		}
	}
}

// tenants reports whether a placement tells tenants apart: then attempts in
// flight are booked under the hash of their key.
func tenants(c *core.Config) bool {
	for i := 0; c != nil && i < c.Placements(); i++ {
		if c.Placement(i).Limit.TenantShare > 0 {
			return true
		}
	}
	return false
}

// keyHashes leads from the hash of each configured key to that of its pseudonym.
func keyHashes(c *core.Config, names *Names) map[uint64]uint64 {
	out := map[uint64]uint64{0: 0}
	if c == nil {
		return out
	}
	for table := range c.Tables() {
		for i := range c.TableKeys(table) {
			key, _ := c.TableKey(table, i)
			out[core.HashString(key)] = core.HashString(names.Of(key))
		}
	}
	return out
}
