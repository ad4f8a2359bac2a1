package traces_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"testing"

	"lockstep/traces"
)

// exercise reads, replays and converts whatever b is. What reads without
// damage must print, and print the same after being stored again.
func exercise(t *testing.T, b []byte) {
	r, err := traces.NewReader(bytes.NewReader(b))
	if err != nil {
		return
	}
	if _, err := traces.Verify(r, traces.Options{}); err != nil {
		return
	}
	first, ok := tryConvert(b, traces.NDJSON)
	if !ok {
		return
	}
	stored, ok := tryConvert(first, traces.Binary)
	if !ok {
		t.Fatalf("what was printed cannot be read:\n%s", first)
	}
	again, ok := tryConvert(stored, traces.NDJSON)
	if !ok || !bytes.Equal(first, again) {
		t.Fatalf("printed twice, it differs:\n%s\n%s", first, again)
	}
}

func tryConvert(b []byte, form traces.Form) ([]byte, bool) {
	r, err := traces.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, false
	}
	var out bytes.Buffer
	err = traces.Convert(&out, form, r)
	return out.Bytes(), err == nil
}

func FuzzReader(f *testing.F) {
	file, _ := small(f, 2, 1)
	f.Add(file)
	f.Add(convert(f, traces.NDJSON, file))
	f.Add(file[:len(file)/2])
	f.Add(traces.AppendGap(traces.AppendFile(nil, traces.Header{Why: "\xff"}), traces.Gap{Steps: 3}))
	f.Add(traces.Compress(traces.AppendFile(nil, traces.Header{}), traces.AppendConfig(nil, testConfig(f, 0))))
	f.Add([]byte(`{"lockstep":1}` + "\n" + `{"gap":1}`))
	f.Fuzz(exercise)
}

// FuzzFrames holds the walk from frame to frame to the reader: it comes to an
// end, and every block that reads is met, at its place and with its number.
func FuzzFrames(f *testing.F) {
	file, _ := small(f, 2, 1)
	f.Add(file)
	f.Add(file[:len(file)/2])
	f.Add(append(bytes.Clone(file), file[20:]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		frames, err := traces.NewFrames(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		met := map[int64]traces.Frame{}
		for before := int64(0); ; {
			fr, err := frames.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if at := frames.At(); at <= before {
				t.Fatalf("the walk stays at byte %d", at)
			} else {
				before = at
			}
			if err == nil {
				met[fr.Offset] = fr
			}
		}
		r, err := traces.NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		for {
			it, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil || it.Kind != traces.ItemBlock {
				continue
			}
			if fr, ok := met[it.Block.Offset]; !ok || fr.Kind != traces.FrameBlock {
				t.Fatalf("block %d at byte %d is not met by the walk", it.Block.Number, it.Block.Offset)
			}
		}
	})
}

// FuzzBlock gets past the checksums: its input is the payload of a block.
func FuzzBlock(f *testing.F) {
	file, blocks := small(f, 2, 1)
	head := file[:bytes.Index(file, blocks[0])]
	const frame = 16
	for _, b := range blocks {
		f.Add(b[frame:])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		b := append(bytes.Clone(head), blocks[0][:frame]...)
		at := b[len(head):]
		binary.LittleEndian.PutUint32(at[8:], uint32(len(payload)))
		binary.LittleEndian.PutUint32(at[12:], crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli)))
		reseal(at)
		exercise(t, append(b, payload...))
	})
}
