package conform

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"lockstep/core"
	"lockstep/traces"
)

// forged asks a stream that goes on from a state that never was: fields of a
// snapshot are others, and Restore takes it. Whatever comes of that, both sides
// have to bear it, and in the same way.
func (g *Generator) forged(seed uint64) Question {
	d := throw(seed, purposeForge)
	s := newStream(d.word())
	s.run(d.between(0, 400))
	for try, whole := 0, s.r.Snapshot(nil); try < 100; try++ {
		b := d.forge(bytes.Clone(whole))
		if r, err := core.Restore(b, s.r.Config(), false); err == nil && legible(r) && !bytes.Equal(b, whole) {
			s.r = r
			break
		}
	}
	s.mix.gapEvery = 1 << 40 // what a gap leaves out could not be told
	name := fmt.Sprint("forged ", seed)
	s.q = g.begin(traces.Header{Name: name, Seed: seed, Flags: []string{"generated"}}, s.r, s.step)
	first := s.step
	s.run(d.between(20, 400))
	s.q.Join()
	q := Question{Name: name, Events: int(s.step - first)} // its bugs are those of the state
	q.Inputs, q.Answer = s.q.Close()
	return q
}

// forge writes other numbers into one to three fields of a snapshot. Letters of
// names are taken for numbers too, which Restore finds out.
func (d *dice) forge(b []byte) []byte {
	for range d.between(1, 3) {
		at := 0
		for skip := d.between(0, len(b)-1); at < len(b); skip-- {
			v, n := binary.Uvarint(b[at:])
			if n <= 0 || skip == 0 {
				with := pick(d, v+1, v-1, v^1<<d.below(8), 0, 1, d.below(8), d.magnitude(), 1<<62, uint64(core.Never), 1<<64-1)
				b = append(binary.AppendUvarint(bytes.Clone(b[:at]), with), b[at+max(n, 1):]...)
				break
			}
			at += n
		}
	}
	return b
}
