package traces

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// binarySource reads the stored form.
type binarySource struct {
	in      *bufio.Reader
	offset  int64 // of the next byte
	start   int64 // of the current frame
	payload []byte
	blocks  int
	inBlock bool
	facts   blockReader
	block   BlockHead
	fact    Fact
	gap     Gap
	brief   bool // see Reader.Brief
}

func (s *binarySource) open() (Header, error) {
	var head [fileHead]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return Header{}, err
	}
	s.offset = int64(fileHead)
	if v := head[fileHead-1]; v != formatVersion {
		return Header{}, newerFormat(uint64(v))
	}
	kind, err := s.frame()
	if err == nil && kind != frameHeader {
		err = fmt.Errorf("the first frame has type %d, not %d, a header", kind, frameHeader)
	}
	if err != nil {
		return Header{}, fmt.Errorf("the header: %w", err)
	}
	sc, first := s.scan()
	if string(first) != "lockstep" {
		sc.fail("it should begin with {\"lockstep\":%d", formatVersion)
	}
	h := sc.header(sc.uint())
	return h, sc.err
}

// scan opens the object in a frame whose payload is a line.
func (s *binarySource) scan() (*scanner, []byte) {
	sc := &scanner{b: s.payload}
	sc.expect('{')
	first, _ := sc.key(true)
	return sc, first
}

func (s *binarySource) next() (Item, error) {
	if s.inBlock {
		mark, digest, done, err := s.facts.next(&s.fact)
		switch {
		case err != nil:
			s.inBlock = false
			return Item{}, s.damage(err)
		case mark:
			return Item{Kind: ItemMark, Digest: digest}, nil
		case !done:
			return Item{Kind: ItemFact, Fact: &s.fact}, nil
		}
		s.inBlock = false
	}
	kind, err := s.frame()
	if err != nil {
		return Item{}, err
	}
	it, err := s.item(kind)
	if err != nil {
		return Item{}, s.damage(err)
	}
	return it, nil
}

func (s *binarySource) place() int64 { return s.start }

func (s *binarySource) form() Form { return Binary }

func (s *binarySource) rewind() bool {
	if s.inBlock {
		_, err := s.facts.open(s.payload)
		s.inBlock, s.facts.brief = err == nil, false
	}
	return s.inBlock
}

func (s *binarySource) damage(err error) error {
	return &DamageError{Block: s.blocks, Offset: s.start, Err: err}
}

func (s *binarySource) item(kind byte) (Item, error) {
	switch kind {
	case frameBlock:
		head, err := s.facts.open(s.payload)
		if err != nil {
			return Item{}, err
		}
		head.Number, head.Offset = s.blocks, s.start
		s.block, s.inBlock, s.facts.brief = head, true, s.brief
		return Item{Kind: ItemBlock, Block: &s.block}, nil
	case frameConfig:
		sc, first := s.scan()
		if string(first) != "config" {
			sc.fail("a configuration frame should begin with {\"config\":")
		}
		c := sc.config(s.facts.configs, sc.hash())
		return Item{Kind: ItemConfig, Config: c}, sc.err
	case frameGap:
		sc, first := s.scan()
		if string(first) != "gap" {
			sc.fail("a gap frame should begin with {\"gap\":")
		}
		s.gap = sc.gap(sc.uint())
		return Item{Kind: ItemGap, Gap: &s.gap}, sc.err
	}
	return Item{}, fmt.Errorf("there is no frame type %d in format version %d: use a newer lockstep", kind, formatVersion)
}

// frame reads the next frame into payload and returns its type. After an error
// the input stands where the next frame may begin.
func (s *binarySource) frame() (kind byte, err error) {
	s.start = s.offset
	head, err := s.in.Peek(frameHead)
	if len(head) < frameHead {
		n, _ := s.in.Discard(len(head))
		s.offset += int64(n)
		switch {
		case !errors.Is(err, io.EOF):
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		s.blocks++
		return 0, s.damage(fmt.Errorf("the file is cut short: %d bytes of a frame's head", n))
	}
	if !validHead(head) {
		s.blocks++ // most frames are blocks
		err := s.damage(errors.New("CRC mismatch in the head of the frame"))
		return 0, errors.Join(err, s.resync())
	}
	kind, flags := head[4], head[5]
	stored, crc := binary.LittleEndian.Uint32(head[8:]), binary.LittleEndian.Uint32(head[12:])
	if kind == frameBlock {
		s.blocks++
	}
	s.skip(frameHead)
	if err := s.read(int64(stored)); err != nil {
		return kind, err
	}
	return kind, s.unpack(flags, crc)
}

func validHead(head []byte) bool {
	return string(head[:4]) == frameMagic && headCheck(head) == binary.LittleEndian.Uint16(head[6:])
}

func (s *binarySource) skip(n int) {
	k, _ := s.in.Discard(n)
	s.offset += int64(k)
}

// resync moves to the next valid head of a frame, or to the end.
func (s *binarySource) resync() error {
	for {
		s.skip(1)
		head, err := s.in.Peek(frameHead)
		switch {
		case errors.Is(err, io.EOF):
			s.skip(len(head))
			return nil
		case err != nil:
			return err
		case validHead(head):
			return nil
		}
	}
}

// read fills payload as bytes come, so that a false length cannot ask for more
// memory than the file has.
func (s *binarySource) read(n int64) error {
	s.payload = s.payload[:0]
	if n > MaxFrame {
		return s.damage(fmt.Errorf("a frame of %d bytes is over the limit of %d", n, MaxFrame))
	}
	for left := int(n); left > 0; {
		chunk := min(left, 1<<20)
		at := len(s.payload)
		s.payload = slices.Grow(s.payload, chunk)[:at+chunk]
		k, err := io.ReadFull(s.in, s.payload[at:])
		s.offset += int64(k)
		left -= k
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return s.damage(fmt.Errorf("the file is cut short: %d bytes of the frame are missing", left))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unpack inflates the payload if need be and checks it.
func (s *binarySource) unpack(flags byte, crc uint32) error {
	if flags&^flagGzip != 0 {
		return s.damage(fmt.Errorf("the frame has flags %#x, this program knows %#x: use a newer lockstep", flags, flagGzip))
	}
	if flags&flagGzip != 0 {
		z, err := gzip.NewReader(bytes.NewReader(s.payload))
		if err != nil {
			return s.damage(fmt.Errorf("inflating the frame: %w", err))
		}
		b, err := io.ReadAll(io.LimitReader(z, maxInflated+1))
		if err != nil {
			return s.damage(fmt.Errorf("inflating the frame: %w", err))
		}
		if len(b) > maxInflated {
			return s.damage(fmt.Errorf("a compressed frame of over %d bytes", maxInflated))
		}
		s.payload = b
	}
	if got := checksum(s.payload); got != crc {
		return s.damage(fmt.Errorf("CRC mismatch: stored %08x, computed %08x", crc, got))
	}
	return nil
}
