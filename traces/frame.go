package traces

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"

	"lockstep/core"
)

// A binary file is fileMagic, the format's version, then frames. The payload of
// a header, configuration or gap frame is its NDJSON line without the LF; that
// of a block is README.md's "Block".
const (
	fileMagic     = "LSTRACE"
	formatVersion = 1
	fileHead      = len(fileMagic) + 1

	frameMagic = "LSTF"
	frameHead  = 16 // magic, type, flags, check of this head, stored length, CRC32C of the payload
	blockHead  = 28 // step, time, digest, length of the snapshot

	// MaxFrame is the largest payload of a frame in bytes; a larger one in a file is damage.
	MaxFrame = 512 << 20
	// maxInflated is the largest payload that is stored compressed, so that a
	// small hostile file cannot ask for much memory.
	maxInflated = 64 << 20
)

// Frame types and flags.
const (
	frameHeader byte = 1
	frameConfig byte = 2
	frameBlock  byte = 3
	frameGap    byte = 4

	flagGzip byte = 1
)

// tagMark begins a digest mark among the facts of a block; the tag of a fact is its event kind.
const tagMark = 0x40

// AppendFile appends what opens a binary file: magic, version and header.
func AppendFile(dst []byte, h Header) []byte {
	dst = append(dst, fileMagic...)
	dst = append(dst, formatVersion)
	return appendFrame(dst, frameHeader, func(b []byte) []byte { return appendHeaderLine(b, &h) })
}

// AppendConfig appends the frame of a configuration. It belongs before the first block that names it.
func AppendConfig(dst []byte, c *core.Config) []byte {
	return appendFrame(dst, frameConfig, func(b []byte) []byte { return appendConfigLine(b, c) })
}

// AppendUnstated appends the frame of a configuration as text, such as EncodeSpec
// gives, under digest 0: what it compiles to is for the reader to say.
func AppendUnstated(dst, spec []byte) []byte {
	return appendFrame(dst, frameConfig, func(b []byte) []byte {
		b = appendHash(append(b, `{"config":`...), 0)
		return append(append(append(b, `,"spec":`...), spec...), '}')
	})
}

// AppendGap appends the frame that says what is missing. It belongs where the missing blocks would be.
func AppendGap(dst []byte, g Gap) []byte {
	return appendFrame(dst, frameGap, func(b []byte) []byte { return appendGapLine(b, &g) })
}

// Compress appends the sealed frame compressed with gzip, or as it is if that
// is not smaller. Readers accept either anywhere.
func Compress(dst, frame []byte) []byte {
	payload := frame[frameHead:]
	if len(payload) > maxInflated || frame[5]&flagGzip != 0 {
		return append(dst, frame...)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	// Writing to a bytes.Buffer cannot fail.
	_, _ = w.Write(payload)
	_ = w.Close()
	if z.Len() >= len(payload) {
		return append(dst, frame...)
	}
	at := len(dst)
	dst = append(dst, frame[:frameHead]...)
	dst = append(dst, z.Bytes()...)
	setFrameHead(dst[at:], frame[4], flagGzip, z.Len(), binary.LittleEndian.Uint32(frame[12:]))
	return dst
}

// appendFrame appends a sealed frame whose payload the function appends.
func appendFrame(dst []byte, kind byte, payload func([]byte) []byte) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, frameHead)...)
	dst = payload(dst)
	sealFrame(dst[at:], kind, dst[at+frameHead:])
	return dst
}

// sealFrame fills in the head of an uncompressed frame.
func sealFrame(frame []byte, kind byte, payload []byte) {
	setFrameHead(frame, kind, 0, len(payload), checksum(payload))
}

func setFrameHead(head []byte, kind, flags byte, stored int, crc uint32) {
	copy(head, frameMagic)
	head[4], head[5] = kind, flags
	binary.LittleEndian.PutUint32(head[8:], uint32(stored))
	binary.LittleEndian.PutUint32(head[12:], crc)
	binary.LittleEndian.PutUint16(head[6:], headCheck(head))
}

// headCheck covers type, flags, length and checksum, so that a reader knows
// whether it can trust the length to find the next frame.
func headCheck(head []byte) uint16 {
	var b [10]byte
	copy(b[:], head[4:6])
	copy(b[2:], head[8:16])
	return uint16(checksum(b[:]))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
