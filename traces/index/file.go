package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"lockstep/core"
	"lockstep/traces"
)

// File is an index in a file, of which only what is asked for is read.
type File struct {
	pages pages
	parts [sections]section
	meta  Meta
}

// Meta says which trace an index is of.
type Meta struct {
	Name    string
	Seed    uint64
	Origin  int64
	Size    int64     // bytes of the trace that it covers
	Next    uint64    // step after the last fact
	Last    core.Time // of the last fact
	Damaged int       // parts of the trace that could not be read
	Digest  uint64    // of the state at the last block's start
	Offset  int64     // of the last block, 0 for none
	Step    uint64    // of the last block's first fact
}

// section is a part of an index.
type section struct {
	pages  *pages
	at     int64
	length int64
}

func (s *section) read(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || at > s.length || n > s.length-at {
		return nil, fmt.Errorf("%w: a section is cut short", errDamaged)
	}
	return s.pages.read(s.at+at, n)
}

func (s *section) all() ([]byte, error) { return s.read(0, s.length) }

// Open reads what the index in a file of that size is of. The error says that
// it is none, is damaged, or is of another version: then it is to be made again.
func Open(in io.ReaderAt, size int64) (*File, error) {
	f := &File{pages: pages{in, size}}
	head, err := f.pages.read(0, int64(indexHead))
	if err != nil {
		return nil, err
	}
	if string(head[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: it does not begin with %s", errDamaged, magic)
	}
	if v := head[len(magic)]; v != version {
		return nil, fmt.Errorf("the index has version %d, this program reads %d", v, version)
	}
	for i := range f.parts {
		place := head[len(magic)+1+16*i:]
		f.parts[i] = section{&f.pages, int64(binary.LittleEndian.Uint64(place)), int64(binary.LittleEndian.Uint64(place[8:]))}
	}
	b, err := f.parts[sectionMeta].all()
	if err != nil {
		return nil, err
	}
	r := reader{b: b}
	f.meta = Meta{Size: int64(r.uint()), Next: r.uint(), Last: core.Time(r.uint()), Damaged: int(int32(r.uint())), Digest: r.uint(), Offset: int64(r.uint()), Step: r.uint()}
	f.meta.Name, f.meta.Seed, f.meta.Origin = r.text(), r.uint(), r.int()
	return f, r.err
}

// Meta says which trace the index is of.
func (f *File) Meta() Meta { return f.meta }

// Blocks returns all blocks, in order.
func (f *File) Blocks() ([]Block, error) {
	b, err := f.parts[sectionBlocks].all()
	if err != nil || len(b)%blockSize != 0 {
		return nil, orDamaged(err)
	}
	out := make([]Block, 0, len(b)/blockSize)
	for ; len(b) > 0; b = b[blockSize:] {
		out = append(out, Block{
			Offset: int64(binary.LittleEndian.Uint64(b)), Step: binary.LittleEndian.Uint64(b[8:]),
			Time: core.Time(binary.LittleEndian.Uint64(b[16:])), Number: int(binary.LittleEndian.Uint32(b[24:])),
		})
	}
	return out, nil
}

func orDamaged(err error) error {
	if err == nil {
		err = errDamaged
	}
	return err
}

// Configs returns where configurations stand, in order.
func (f *File) Configs() ([]Config, error) {
	b, err := f.parts[sectionConfigs].all()
	if err != nil || len(b)%configSize != 0 {
		return nil, orDamaged(err)
	}
	out := make([]Config, 0, len(b)/configSize)
	for ; len(b) > 0; b = b[configSize:] {
		out = append(out, Config{int64(binary.LittleEndian.Uint64(b)), binary.LittleEndian.Uint64(b[8:])})
	}
	return out, nil
}

// Requests returns the places in Blocks that may hold an arrival of the request;
// hash is core.RequestHash of its id. There may be a few too many.
func (f *File) Requests(hash uint64) ([]int, error) {
	found, err := f.parts[sectionRequests].look(uint32(hash >> 32))
	return numbers(found), err
}

func numbers(found []uint32) []int {
	out := make([]int, len(found))
	for i, v := range found {
		out[i] = int(v)
	}
	return out
}

// Keys returns the places in Blocks that may hold an arrival with the routing
// key; hash is core.HashString of it. There may be a few too many.
func (f *File) Keys(hash uint64) (places []int, err error) {
	err = f.list(sectionKeys, sectionLists, hash, func(number uint64) { places = append(places, int(number)) })
	return places, err
}

// AnyKey stands for all keys in Fared.
const AnyKey uint64 = 0

// Fared returns the places in Blocks that may hold the arrival of a request with
// the routing key that fared as is wanted; hash is as for Keys, or AnyKey. Of those
// in Unended it tells nothing. It is not known where most requests are wanted,
// those answered 200 at home: then Keys names the blocks.
func (f *File) Fared(hash uint64, wanted func(traces.Fate) bool) (places []int, known bool, err error) {
	fates, lost, err := f.fates()
	if err != nil || lost || wanted(plain) {
		return nil, false, err
	}
	err = f.list(sectionFared, sectionFaredLists, hash, func(number uint64) {
		fate, place := int(number&(1<<8-1)), int(number>>8)
		if fate < len(fates) && (!fates[fate].Ended || wanted(fates[fate])) && (len(places) == 0 || places[len(places)-1] != place) {
			places = append(places, place)
		}
	})
	return places, err == nil, err
}

func (f *File) fates() (fates []traces.Fate, lost bool, err error) {
	r, err := f.section(sectionFates)
	if err != nil {
		return nil, false, err
	}
	lost = r.uint() != 0
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		fates = append(fates, r.fate())
	}
	return fates, lost, r.err
}

// Unended returns the requests with the routing key that did not end in the
// trace; hash is as for Fared.
func (f *File) Unended(hash uint64) (out []Unended, err error) {
	r, err := f.section(sectionUnended)
	if err != nil {
		return nil, err
	}
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		u := Unended{Handle: r.handle(), Place: int(int32(r.uint())), Fate: r.fate(), print: uint32(r.uint())}
		if hash == AnyKey || u.print == uint32(hash>>32) {
			out = append(out, u)
		}
	}
	return out, r.err
}

// Carried returns those that arrived before the trace.
func (f *File) Carried() (out []Carried, err error) {
	r, err := f.section(sectionCarried)
	if err != nil {
		return nil, err
	}
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		out = append(out, Carried{r.handle(), r.handle(), r.fate()})
	}
	return out, r.err
}

// list tells of each number to which a table leads by its lists.
func (f *File) list(table, lists int, hash uint64, tell func(number uint64)) error {
	found, err := f.parts[table].look(uint32(hash >> 32))
	if err != nil {
		return err
	}
	for _, at := range found {
		b, err := f.parts[lists].list(int64(at))
		if err != nil {
			return err
		}
		number := uint64(0)
		for r := (reader{b: b}); len(r.b) > 0; {
			number += r.uint()
			if r.err != nil {
				return r.err
			}
			tell(number - 1)
		}
	}
	return nil
}

// listChunk is how much of a list is read first; most are shorter.
const listChunk = 1 << 10

// list returns the bytes of a list that begins there, without its end: a 0, as no other byte
// of a number is one.
func (s *section) list(at int64) ([]byte, error) {
	for n := int64(listChunk); ; n *= 4 {
		whole := n >= s.length-at
		b, err := s.read(at, min(n, s.length-at))
		if err != nil {
			return nil, err
		}
		if end := bytes.IndexByte(b, 0); end >= 0 {
			return b[:end], nil
		}
		if whole {
			return nil, fmt.Errorf("%w: a list has no end", errDamaged)
		}
	}
}

// Gaps returns the gaps that the trace tells of.
func (f *File) Gaps() ([]traces.Gap, error) {
	r, err := f.section(sectionGaps)
	if err != nil {
		return nil, err
	}
	var out []traces.Gap
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		out = append(out, traces.Gap{Step: r.uint(), Steps: r.uint(), Blocks: r.uint(), Why: r.text()})
	}
	return out, r.err
}

func (f *File) section(i int) (*reader, error) {
	b, err := f.parts[i].all()
	return &reader{b: b}, err
}

// Notes returns all notes, in order.
func (f *File) Notes() ([]Note, error) {
	r, err := f.section(sectionNotes)
	if err != nil {
		return nil, err
	}
	var out []Note
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		out = append(out, Note{
			Step: r.uint(), Time: core.Time(r.uint()), Block: int(int32(r.uint())), Event: core.EventKind(r.uint()), Origin: core.Origin(r.uint()),
			Placement: r.name(), Endpoint: r.name(), Decision: r.decision(),
		})
	}
	return out, r.err
}

// Counts returns all counts, those of a block together.
func (f *File) Counts() ([]Count, error) {
	r, err := f.section(sectionCounts)
	if err != nil {
		return nil, err
	}
	var out []Count
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		out = append(out, Count{
			Block: int(int32(r.uint())), Kind: core.DecisionKind(r.uint()), Class: core.Class(r.uint()), Failover: core.Failover(r.uint()),
			Placement: r.name(), N: r.uint(), Step: r.uint(), Time: core.Time(r.uint()),
		})
	}
	return out, r.err
}

// TakeNotes takes over what a file knows but for requests and keys.
func (ix *Index) TakeNotes(f *File) (err error) {
	ix.Last = f.meta.Last
	if ix.Blocks, err = f.Blocks(); err != nil {
		return err
	}
	if ix.Notes, err = f.Notes(); err != nil {
		return err
	}
	if ix.Counts, err = f.Counts(); err != nil {
		return err
	}
	ix.Gaps, err = f.Gaps()
	return err
}

// reader reads what a writer wrote; after the first error all is zero.
type reader struct {
	b     []byte
	names []string
	err   error
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) fail() {
	r.err, r.b = fmt.Errorf("%w: a number is cut off", errDamaged), nil
}

func (r *reader) text() string {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) name() string {
	switch n := r.uint(); {
	case r.err != nil:
		return ""
	case n == 0:
		r.names = append(r.names, r.text())
		return r.names[len(r.names)-1]
	case n > uint64(len(r.names)):
		r.fail()
		return ""
	default:
		return r.names[n-1]
	}
}

func (r *reader) fate() (x traces.Fate) {
	x.Status, x.Class = uint16(r.uint()), core.Class(r.uint())
	flags := r.uint()
	x.Guest, x.Ended = flags&1 != 0, flags&2 != 0
	return x
}

func (r *reader) handle() core.Handle {
	return core.Handle{Slot: uint32(r.uint()), Gen: uint32(r.uint())}
}

func (r *reader) decision() (d core.Decision) {
	d.Kind, d.Rule, d.Class, d.Reason = core.DecisionKind(r.uint()), uint8(r.uint()), core.Class(r.uint()), core.Reason(r.uint())
	d.Failover, d.Circuit, d.Cause = core.Failover(r.uint()), core.Circuit(r.uint()), core.Cause(r.uint())
	flags := r.uint()
	d.Probe, d.Pin = flags&1 != 0, flags&2 != 0
	d.Trip, d.Status, d.Token, d.Count = core.Trip(r.uint()), uint16(r.uint()), uint32(r.uint()), uint32(r.uint())
	d.Placement, d.Endpoint = int32(int64(r.uint())-1), int32(int64(r.uint())-1)
	d.Handle = core.Handle{Slot: uint32(r.uint()), Gen: uint32(r.uint())}
	d.Epoch = core.Epoch{Term: r.uint(), Number: r.uint()}
	d.At, d.Until = core.Time(r.uint()), core.Time(r.uint())
	return d
}
