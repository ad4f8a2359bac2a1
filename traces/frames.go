package traces

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"

	"lockstep/core"
)

// FrameKind is what a frame of a stored trace holds.
type FrameKind uint8

// Kinds of Frame, as they are numbered in files.
const (
	FrameHeader FrameKind = FrameKind(frameHeader)
	FrameConfig FrameKind = FrameKind(frameConfig)
	FrameBlock  FrameKind = FrameKind(frameBlock)
	FrameGap    FrameKind = FrameKind(frameGap)
)

// Frame is where a frame of a stored trace stands. Only its head has been
// checked: what it holds has not been read.
type Frame struct {
	Kind       FrameKind
	Offset     int64 // of its head in the file
	Size       int64 // bytes, its head included
	Compressed bool
	CRC        uint32 // of what it holds, as its head states it
	Number     int    // FrameBlock: of the block in its file, from 1, as BlockHead.Number
}

// Frames walks over the frames of a stored trace without reading what they
// hold, to find blocks in a file of any size at the cost of a few reads each.
type Frames struct {
	in     io.ReaderAt
	size   int64
	at     int64
	blocks int
}

// NewFrames checks that in begins as a stored trace of this format version; size is its length in bytes.
func NewFrames(in io.ReaderAt, size int64) (*Frames, error) {
	var head [fileHead]byte
	if n, err := in.ReadAt(head[:], 0); n < fileHead {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is too short for a trace")
		}
		return nil, fmt.Errorf("reading a trace: %w", err)
	}
	if string(head[:len(fileMagic)]) != fileMagic {
		return nil, errors.New("reading a trace: it does not begin with LSTRACE")
	}
	if v := head[fileHead-1]; v != formatVersion {
		return nil, fmt.Errorf("reading a trace: %w", newerFormat(uint64(v)))
	}
	return &Frames{in: in, size: size, at: int64(fileHead)}, nil
}

// Resume goes on at a frame that is known, after that many blocks.
func (f *Frames) Resume(offset int64, blocks int) { f.at, f.blocks = offset, blocks }

// At returns the byte at which the next frame is to begin.
func (f *Frames) At() int64 { return f.at }

// Next returns the next frame, io.EOF at the end, or a *DamageError where a
// head cannot be read, after which Next goes on with the next good one.
func (f *Frames) Next() (Frame, error) {
	var head [frameHead]byte
	start := f.at
	if start >= f.size {
		return Frame{}, io.EOF
	}
	n, err := f.in.ReadAt(head[:min(int64(frameHead), f.size-start)], start)
	switch {
	case n < frameHead && err != nil && !errors.Is(err, io.EOF):
		return Frame{}, err
	case n < frameHead:
		f.at = f.size
		f.blocks++
		return Frame{}, f.damage(start, fmt.Errorf("the file is cut short: %d bytes of a frame's head", n))
	case !validHead(head[:]):
		f.blocks++ // most frames are blocks
		return Frame{}, errors.Join(f.damage(start, errors.New("CRC mismatch in the head of the frame")), f.resync())
	}
	fr := Frame{
		Kind: FrameKind(head[4]), Offset: start, Size: frameHead + int64(binary.LittleEndian.Uint32(head[8:])),
		Compressed: head[5]&flagGzip != 0, CRC: binary.LittleEndian.Uint32(head[12:]),
	}
	if fr.Kind == FrameBlock {
		f.blocks++
		fr.Number = f.blocks
	}
	f.at = start + fr.Size
	if f.at > f.size {
		missing := f.at - f.size
		f.at = f.size
		return fr, f.damage(start, fmt.Errorf("the file is cut short: %d bytes of the frame are missing", missing))
	}
	return fr, nil
}

func (f *Frames) damage(at int64, err error) error {
	return &DamageError{Block: f.blocks, Offset: at, Err: err}
}

// resync moves to the next valid head of a frame, or to the end.
func (f *Frames) resync() error {
	buf := make([]byte, MinBlock)
	f.at++
	for f.at < f.size {
		n, err := f.in.ReadAt(buf[:min(int64(len(buf)), f.size-f.at)], f.at)
		if n < frameHead {
			f.at = f.size
			if err == nil || errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		for i := 0; i+frameHead <= n; i++ {
			if validHead(buf[i : i+frameHead]) {
				f.at += int64(i)
				return nil
			}
		}
		f.at += int64(n - frameHead + 1)
	}
	return nil
}

// Block reads the state at a block's start without its snapshot. What it says
// is not checked by a CRC unless the frame is compressed.
func (f *Frames) Block(fr Frame) (BlockHead, error) {
	var p [blockHead]byte
	if fr.Compressed {
		s := &binarySource{in: newInput(io.NewSectionReader(f.in, fr.Offset, fr.Size)), offset: fr.Offset, blocks: fr.Number - 1}
		if _, err := s.frame(); err != nil {
			return BlockHead{}, err
		}
		if len(s.payload) < blockHead {
			return BlockHead{}, &DamageError{Block: fr.Number, Offset: fr.Offset, Err: errBlockShort}
		}
		copy(p[:], s.payload)
	} else {
		if fr.Size < frameHead+blockHead {
			return BlockHead{}, &DamageError{Block: fr.Number, Offset: fr.Offset, Err: errBlockShort}
		}
		if _, err := f.in.ReadAt(p[:], fr.Offset+frameHead); err != nil {
			return BlockHead{}, err
		}
	}
	h := readBlockHead(p[:])
	h.Number, h.Offset = fr.Number, fr.Offset
	if h.Time < 0 || h.Time > maxTime {
		return h, &DamageError{Block: fr.Number, Offset: fr.Offset, Err: fmt.Errorf("its time: %w", errRange)}
	}
	return h, nil
}

// Intact reads an uncompressed frame and reports whether what it holds has its CRC.
func (f *Frames) Intact(fr Frame) bool {
	if fr.Compressed {
		return false
	}
	h := crc32.New(castagnoli)
	_, err := io.Copy(h, io.NewSectionReader(f.in, fr.Offset+frameHead, fr.Size-frameHead))
	return err == nil && h.Sum32() == fr.CRC
}

// Config returns the digest that a configuration's frame states, 0 where it
// states none or cannot be told without reading all of it.
func (f *Frames) Config(fr Frame) uint64 {
	const open = `{"config":"`
	var p [len(open) + 16]byte
	if n, _ := f.in.ReadAt(p[:min(int64(len(p)), fr.Size-frameHead)], fr.Offset+frameHead); n < len(p) || fr.Compressed || string(p[:len(open)]) != open {
		return 0
	}
	digest, err := strconv.ParseUint(string(p[len(open):]), 16, 64)
	if err != nil {
		return 0
	}
	return digest
}

var errBlockShort = errors.New("it is too short for a block")

// readBlockHead reads what stands before a block's snapshot.
func readBlockHead(p []byte) BlockHead {
	return BlockHead{
		Step:   binary.LittleEndian.Uint64(p),
		Time:   core.Time(binary.LittleEndian.Uint64(p[8:])),
		Digest: binary.LittleEndian.Uint64(p[16:]),
	}
}

// newerFormat says that a trace is of a format version that this program does not read.
func newerFormat(v uint64) error {
	return fmt.Errorf("the trace has format version %d, this program reads %d: use a newer lockstep", v, formatVersion)
}

// NewReaderAt goes on in the middle of a stored trace: in stands at byte offset,
// where a frame begins, after that many blocks. h and configs are what a reader
// would have met before; more configurations are added to configs as they come.
func NewReaderAt(in io.Reader, h Header, configs map[uint64]*core.Config, offset int64, blocks int) *Reader {
	s := &binarySource{in: newInput(in), facts: blockReader{schema: newSchema(), configs: configs}, offset: offset, blocks: blocks}
	return &Reader{header: h, configs: configs, source: s}
}
