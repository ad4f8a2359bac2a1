package traces

import (
	"encoding/binary"
	"errors"
	"fmt"

	"lockstep/core"
)

// blockReader reads the facts of one block's payload.
type blockReader struct {
	schema  *schema
	configs map[uint64]*core.Config
	b       []byte
	text    string // the payload again: keys are slices of it, so that none is allocated
	i       int
	step    uint64
	last    core.Time
	keys    []keySpan

	keyNumber int // of the last key read, see Reader.KeyNumber

	bad      error // the first in a field, see num
	badField int
	bySchema bool // tests compare
	brief    bool // see Reader.Brief
}

var (
	errShort  = errors.New("it ends in the middle of a fact")
	errRange  = errors.New("a number is out of range")
	errAbsent = errors.New("a field that should be left out is written")
)

// open reads the block's head.
func (r *blockReader) open(payload []byte) (BlockHead, error) {
	if len(payload) < blockHead {
		return BlockHead{}, errBlockShort
	}
	h := readBlockHead(payload)
	size := uint64(binary.LittleEndian.Uint32(payload[24:]))
	if size > uint64(len(payload)-blockHead) {
		return h, errors.New("its snapshot is longer than it is")
	}
	h.Snapshot = payload[blockHead : blockHead+size]
	r.b, r.text, r.i = payload, string(payload), blockHead+int(size)
	r.step, r.last, r.keys = h.Step, h.Time, r.keys[:0]
	if h.Time < 0 || h.Time > maxTime {
		return h, fmt.Errorf("its time: %w", errRange)
	}
	return h, nil
}

// maxTime is the last time that core knows.
const maxTime core.Time = 1 << 62

// next reads a fact into f, or a mark, which it reports with its digest. At
// the end of the block it reports done.
func (r *blockReader) next(f *Fact) (mark bool, digest uint64, done bool, err error) {
	if r.i == len(r.b) {
		return false, 0, true, nil
	}
	tag := r.b[r.i]
	r.i++
	if tag == tagMark {
		digest, err = r.hash()
		return true, digest, false, err
	}
	if int(tag) >= len(r.schema.events) {
		return false, 0, false, fmt.Errorf("there is no event kind %d in spec %s: use a newer lockstep", tag, SpecVersion)
	}
	return false, 0, false, r.fact(f, core.EventKind(tag))
}

func (r *blockReader) fact(f *Fact, kind core.EventKind) error {
	delta, err := r.uint()
	if err != nil {
		return err
	}
	if delta > uint64(maxTime-r.last) {
		return fmt.Errorf("time: %w", errRange)
	}
	r.last += core.Time(delta)
	f.Step, f.Time = r.step, r.last
	r.step++
	f.Event.Kind = kind
	if r.brief && kind == core.Arrive {
		err = r.briefArrive(f)
	} else {
		err = r.event(f)
	}
	if err != nil {
		return err
	}
	n, err := r.uint()
	if err != nil {
		return err
	}
	f.Decisions = f.Decisions[:0]
	for ; n > 0; n-- {
		if r.brief && r.briefForward(f) {
			continue
		}
		// Every decision takes a byte or more, so a hostile count ends with the payload.
		if err := r.decision(f); err != nil {
			return err
		}
	}
	return nil
}

func (r *blockReader) event(f *Fact) error {
	f.Event = blankEvent(f.Event.Kind, r.last)
	f.Request.Key, f.Request.ID = "", [2]uint64{}
	fields := r.schema.events[f.Event.Kind]
	mask, err := r.mask(len(fields))
	if err == nil && !r.bySchema {
		switch f.Event.Kind {
		case core.Arrive:
			err = r.arrive(f, mask)
			completeEvent(f)
			return err
		case core.Finish:
			return r.finish(&f.Event, mask)
		}
	}
	for i := 0; mask != 0 && err == nil; i, mask = i+1, mask>>1 {
		if mask&1 == 0 {
			continue
		}
		switch c := &fields[i]; c.wire {
		case wireKey:
			f.Request.Key, err = r.key()
		case wireID:
			f.Request.ID, err = r.id()
		case wireHash:
			err = r.config(f)
		default:
			var v uint64
			if v, err = r.value(c.wire, r.last); err == nil {
				err = assign(c, &f.Event, v)
			}
		}
	}
	completeEvent(f)
	return err
}

// blankEvent is an event all of whose fields are absent.
func blankEvent(k core.EventKind, now core.Time) core.Event {
	ev := core.Event{Kind: k}
	switch k {
	case core.Arrive:
		ev.Route.Placement = -1
	case core.Probed:
		ev.Endpoint = -1
	case core.Drain:
		ev.Deadline = now
	}
	return ev
}

// completeEvent fills in what follows from the recorded fields.
func completeEvent(f *Fact) {
	if f.Event.Kind == core.Arrive {
		f.Event.Request = core.RequestHash(f.Request.ID[0], f.Request.ID[1])
	}
}

func (r *blockReader) config(f *Fact) error {
	digest, err := r.hash()
	if err != nil {
		return err
	}
	return setConfig(&f.Event, r.configs, digest)
}

func setConfig(ev *core.Event, configs map[uint64]*core.Config, digest uint64) error {
	c, ok := configs[digest]
	if !ok {
		return fmt.Errorf("configuration %016x is adopted, but it is not in the file before this block", digest)
	}
	ev.Config = c
	return nil
}

// assign sets a field and refuses a value that does not fit in it.
func assign[T any](c *field[T], to *T, v uint64) error {
	c.set(to, v)
	if c.get(to) != v {
		return fmt.Errorf("%s: %w", c.name, errRange)
	}
	return nil
}

func (r *blockReader) decision(f *Fact) error {
	if r.i == len(r.b) {
		return errShort
	}
	kind := core.DecisionKind(r.b[r.i])
	r.i++
	if int(kind) >= len(r.schema.decisions) {
		return fmt.Errorf("there is no decision kind %d in spec %s: use a newer lockstep", kind, SpecVersion)
	}
	f.Decisions = append(f.Decisions, blankDecision(kind, r.last))
	d := &f.Decisions[len(f.Decisions)-1]
	fields := r.schema.decisions[kind]
	mask, err := r.mask(len(fields))
	if err == nil && kind == core.Forward && !r.bySchema {
		return r.forward(d, mask)
	}
	for i := 0; mask != 0 && err == nil; i, mask = i+1, mask>>1 {
		if mask&1 == 0 {
			continue
		}
		var v uint64
		if v, err = r.value(fields[i].wire, r.last); err == nil {
			err = assign(&fields[i], d, v)
		}
	}
	return err
}

// blankDecision is a decision all of whose fields are absent.
func blankDecision(k core.DecisionKind, now core.Time) core.Decision {
	d := core.Decision{Kind: k, Placement: -1, Endpoint: -1, At: now}
	switch k {
	case core.NoteOpened, core.Probe, core.NoteDraining, core.Queued, core.Retry:
		d.Until = now
	}
	return d
}

// value reads one number and undoes its wire form.
func (r *blockReader) value(w wire, now core.Time) (uint64, error) {
	if w == wireBool {
		return 1, nil
	}
	v, err := r.uint()
	if err == nil && v == 0 {
		return 0, errAbsent
	}
	return w.decode(v, now), err
}

func (r *blockReader) uint() (uint64, error) {
	if r.i < len(r.b) && r.b[r.i] < 0x80 {
		v := uint64(r.b[r.i])
		r.i++
		return v, nil
	}
	v, n := binary.Uvarint(r.b[r.i:])
	if n <= 0 {
		return 0, errShort
	}
	r.i += n
	return v, nil
}

func (r *blockReader) hash() (uint64, error) {
	if len(r.b)-r.i < 8 {
		return 0, errShort
	}
	v := binary.LittleEndian.Uint64(r.b[r.i:])
	r.i += 8
	return v, nil
}

func (r *blockReader) id() (id [2]uint64, err error) {
	if len(r.b)-r.i < 16 {
		return id, errShort
	}
	id = [2]uint64{binary.BigEndian.Uint64(r.b[r.i:]), binary.BigEndian.Uint64(r.b[r.i+8:])}
	r.i += 16
	if id == [2]uint64{} {
		return id, errAbsent
	}
	return id, nil
}

// key reads a reference into the string table, or a key spelled out.
func (r *blockReader) key() (string, error) {
	ref, err := r.uint()
	if err != nil {
		return "", err
	}
	if ref > 0 {
		if ref > uint64(len(r.keys)) {
			return "", fmt.Errorf("key %d is named but only %d have been spelled out", ref, len(r.keys))
		}
		w := r.keys[ref-1]
		r.keyNumber = int(ref - 1)
		return r.text[w.start:w.end], nil
	}
	n, err := r.uint()
	if err != nil || n > uint64(len(r.b)-r.i) {
		return "", errShort
	}
	if n == 0 {
		return "", errAbsent
	}
	w := keySpan{uint32(r.i), uint32(r.i + int(n))}
	r.keyNumber = len(r.keys)
	r.keys = append(r.keys, w)
	r.i += int(n)
	return r.text[w.start:w.end], nil
}

func (r *blockReader) mask(n int) (uint, error) {
	size := maskSize(n)
	if len(r.b)-r.i < size {
		return 0, errShort
	}
	mask := uint(0)
	for k := range size {
		mask |= uint(r.b[r.i+k]) << (8 * k)
	}
	r.i += size
	if mask>>n != 0 {
		return 0, errors.New("a field is present that its kind does not have")
	}
	return mask, nil
}
