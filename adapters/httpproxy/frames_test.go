package httpproxy

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// drawFrame draws one frame of any size and kind.
func drawFrame(t *rapid.T) []byte {
	n := rapid.OneOf(rapid.IntRange(0, 10), rapid.SampledFrom([]int{125, 126, 127, 65535, 65536})).Draw(t, "length")
	masked := rapid.Bool().Draw(t, "masked")
	out := []byte{rapid.Byte().Draw(t, "first") &^ opcodeClose}
	bit := byte(0)
	if masked {
		bit = 0x80
	}
	switch {
	case n < 126:
		out = append(out, bit|byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, bit|126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, bit|127), uint64(n))
	}
	if masked {
		n += 4
	}
	return append(out, bytes.Repeat([]byte{0xff}, n)...)
}

func TestFramesAreFollowedHoweverTheBytesAreCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []byte
		ends := map[int]bool{0: true}
		for range rapid.IntRange(1, 6).Draw(t, "frames") {
			all = append(all, drawFrame(t)...)
			ends[len(all)] = true
		}
		var f frames
		for at := 0; at < len(all); {
			n := min(rapid.OneOf(rapid.IntRange(1, 5), rapid.IntRange(1, 70000)).Draw(t, "piece"), len(all)-at)
			stop := rapid.Bool().Draw(t, "stop")
			got := f.feed(all[at:at+n], stop)
			want := n
			for k := 1; stop && k <= n; k++ {
				if ends[at+k] {
					want = k
					break
				}
			}
			if got != want {
				t.Fatalf("at %d of %d, piece of %d, stop %t: followed %d bytes, want %d", at, len(all), n, stop, got, want)
			}
			if at += got; f.between() != ends[at] {
				t.Fatalf("at %d of %d: between frames is %t", at, len(all), f.between())
			}
		}
	})
}

func TestALengthThatNoFrameHasMeansThatThisIsNoWebSocket(t *testing.T) {
	var f frames
	if n := f.feed([]byte("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xffmore"), true); n != 14 || f.between() || !f.broken {
		t.Errorf("followed %d bytes: %+v", n, f)
	}
}
