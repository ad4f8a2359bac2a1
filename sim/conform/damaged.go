package conform

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"unicode/utf8"

	"lockstep/core"
	"lockstep/traces"
)

// damaged asks a short stream with something broken in it: a bit anywhere, its
// end, bytes of a block under checksums that are right, or lines of its printed view. What Go makes of it is
// the answer; most are refused. What Go reads but whose answer has other inputs is
// no canonical question, so another place is broken instead.
func (g *Generator) damaged(seed uint64) (Question, error) {
	d := throw(seed, purposeDamage)
	s := newStream(d.word())
	s.run(d.between(0, 200))
	s.mix.joinEvery = 50
	s.q = g.begin(traces.Header{Name: fmt.Sprint("damage ", seed), Seed: seed, Flags: []string{"generated"}}, s.r, s.step)
	first := s.step
	s.run(d.between(1, 200))
	sound, _ := s.q.Close()
	q := Question{Name: fmt.Sprint("damage ", seed), Events: int(s.step - first)}
	text := g.NDJSON && (!g.Binary || d.oneIn(3))
	if text {
		var err error
		if sound, err = printed(sound); err != nil {
			return q, err
		}
	}
	for range 20 {
		if text {
			q.Inputs = d.damageText(append([]byte(nil), sound...))
		} else {
			q.Inputs = d.damage(append([]byte(nil), sound...))
		}
		answer, err := settle(q.Inputs)
		if err != nil {
			return q, nil // the answer must be a refusal
		}
		if canonical(q.Inputs, answer) {
			q.Answer = answer
			return q, nil
		}
	}
	q.Inputs = sound
	var err error
	q.Answer, err = settle(sound)
	return q, err
}

// canonical reports whether the inputs of an answer are what was asked.
func canonical(question, answer []byte) bool {
	inputs, err := strip(answer)
	if err == nil && question[0] == '{' {
		inputs, err = printed(inputs)
	}
	return err == nil && bytes.Equal(inputs, question)
}

// damageText breaks something in the printed view.
func (d *dice) damageText(b []byte) []byte {
	lines := bytes.SplitAfter(b, []byte("\n"))
	i := int(d.below(uint64(len(lines))))
	switch d.below(6) {
	case 0:
		return b[:d.below(uint64(len(b)))]
	case 1:
		lines = slices.Delete(lines, i, i+1)
	case 2:
		lines = slices.Insert(lines, i, lines[d.below(uint64(len(lines)))])
	case 3:
		// A number of a line is another.
		for at, from := 0, int(d.below(uint64(len(lines[i])+1))); at < len(lines[i]); at++ {
			if c := lines[i][at]; at >= from && c >= '0' && c <= '9' {
				with := pick(d, "", "-1", "0", "1.5", "1e3", "00", "18446744073709551615", "18446744073709551616", "9223372036854775808", "null", "true", `"x"`)
				lines[i] = slices.Concat(lines[i][:at], []byte(with), lines[i][at+1:])
				break
			}
		}
	default:
		if n := uint64(len(lines[i])); n > 0 {
			at := d.below(n)
			lines[i] = slices.Clone(lines[i])
			lines[i][at] = pick(d, '"', '{', '}', '[', ']', ',', ':', '\\', '0', '9', 'f', 'x', ' ', '\t', 0, 0x80, 0xff, byte(d.word()))
		}
	}
	return bytes.Join(lines, nil)
}

// settle answers a question; a core that stops is a refusal by no rule, and stops here too.
func settle(inputs []byte) ([]byte, error) { return Complete(inputs, Tamper{}) }

// damage breaks something.
func (d *dice) damage(b []byte) []byte {
	switch d.below(6) {
	case 0:
		b[d.below(uint64(len(b)))] ^= 1 << d.below(8)
	case 1:
		b = b[:d.below(uint64(len(b)))]
	default:
		d.rewrite(b)
	}
	return b
}

const (
	fileHead  = 8
	frameHead = 16
	blockHead = 28
)

// rewrite changes bytes of one block and seals its frame anew, so that readers
// have to find out for themselves. Where the changed snapshot is one that Restore
// takes, its digest is put right too.
func (d *dice) rewrite(b []byte) {
	var blocks []int
	for at := fileHead; at+frameHead <= len(b); {
		if b[at+4] == 3 {
			blocks = append(blocks, at)
		}
		at += frameHead + int(binary.LittleEndian.Uint32(b[at+8:]))
	}
	at := blocks[d.below(uint64(len(blocks)))]
	payload := b[at+frameHead:][:binary.LittleEndian.Uint32(b[at+8:])]
	from, to := blockHead, len(payload)
	size := int(binary.LittleEndian.Uint32(payload[24:]))
	switch {
	case d.oneIn(8):
		from = 0
	case size > 0 && d.oneIn(2):
		to = blockHead + size
	}
	if from >= to {
		return
	}
	for range d.between(1, 2) {
		i := from + int(d.below(uint64(to-from)))
		payload[i] = byte(pick(d, uint64(payload[i])+1, uint64(payload[i])-1, uint64(payload[i])^1<<d.below(8), 0, 1, d.word()))
	}
	if size > 0 && from > 0 {
		restate(b, payload, size)
	}
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	binary.LittleEndian.PutUint32(b[at+12:], crc32.Checksum(payload, castagnoli))
	head := append(append([]byte(nil), b[at+4:at+6]...), b[at+8:at+16]...)
	binary.LittleEndian.PutUint16(b[at+6:], uint16(crc32.Checksum(head, castagnoli)))
}

// restate puts the digest of a block right, if its snapshot can be restored.
func restate(b, payload []byte, size int) {
	snapshot := payload[blockHead : blockHead+size]
	digest, _, err := core.SnapshotConfig(snapshot)
	if err != nil {
		return
	}
	c := configIn(b, digest)
	if digest != 0 && c == nil {
		return
	}
	if r, err := core.Restore(snapshot, c, false); err == nil && legible(r) {
		binary.LittleEndian.PutUint64(payload[16:], r.Digest())
	}
}

// legible reports whether the names of a state are UTF-8, as those of every
// configuration are that a trace can hold.
func legible(r *core.Router) bool {
	for n := range int32(r.Placements()) {
		if !utf8.ValidString(r.Placement(n).Name) {
			return false
		}
	}
	for n := range int32(r.Endpoints()) {
		if e := r.Endpoint(n); !utf8.ValidString(e.URL) || !utf8.ValidString(e.Name) {
			return false
		}
	}
	return true
}
