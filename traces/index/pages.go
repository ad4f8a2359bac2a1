package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// An index is read in small pieces and never whole, so each of its pages has a
// checksum of its own: a page is up to pageSize-4 bytes of content and their
// CRC-32C. Content is addressed as if there were no checksums.
const (
	pageSize = 4096
	pageRoom = pageSize - 4
)

// paginate puts content into pages.
func paginate(content []byte) []byte {
	out := make([]byte, 0, len(content)+(len(content)/pageRoom+1)*4)
	for len(content) > 0 {
		piece := content[:min(pageRoom, len(content))]
		content = content[len(piece):]
		out = append(out, piece...)
		out = binary.LittleEndian.AppendUint32(out, checksum(piece))
	}
	return out
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

var errDamaged = errors.New("the index is damaged")

// pages reads content and checks the pages it is in.
type pages struct {
	in   io.ReaderAt
	size int64 // of the file
}

// content returns how many bytes of content there are.
func (p *pages) content() int64 {
	whole := p.size / pageSize
	return whole*pageRoom + max(0, p.size%pageSize-4)
}

// read returns n bytes of content from at on.
func (p *pages) read(at, n int64) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	if at < 0 || n < 0 || at > p.content() || n > p.content()-at {
		return nil, fmt.Errorf("%w: it is cut short", errDamaged)
	}
	first, last := at/pageRoom, (at+n-1)/pageRoom
	raw := make([]byte, min((last+1)*pageSize, p.size)-first*pageSize)
	if _, err := p.in.ReadAt(raw, first*pageSize); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	out := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		page := raw[:min(pageSize, len(raw))]
		raw = raw[len(page):]
		if len(page) < 4 {
			return nil, fmt.Errorf("%w: it is cut short", errDamaged)
		}
		piece := page[:len(page)-4]
		if checksum(piece) != binary.LittleEndian.Uint32(page[len(piece):]) {
			return nil, fmt.Errorf("%w: CRC mismatch", errDamaged)
		}
		out = append(out, piece...)
	}
	skip := at - first*pageRoom
	if int64(len(out)) < skip+n {
		return nil, fmt.Errorf("%w: it is cut short", errDamaged)
	}
	return out[skip : skip+n], nil
}
