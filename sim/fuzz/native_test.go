package fuzz

import (
	"encoding/binary"
	"math/bits"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lockstep/core"
)

// bytesDraw reads every choice from bytes, and the simplest when they are over.
type bytesDraw struct{ data []byte }

func (d *bytesDraw) Range(lo, hi uint64, _ string) uint64 {
	if hi <= lo {
		return lo
	}
	word := make([]byte, 8)
	n := copy(word[:width(lo, hi)], d.data)
	d.data = d.data[n:]
	v := binary.LittleEndian.Uint64(word)
	if span := hi - lo + 1; span != 0 {
		v %= span
	}
	return lo + v
}

// width is how many bytes a choice takes.
func width(lo, hi uint64) int { return (bits.Len64(hi-lo) + 7) / 8 }

// recording writes the choices of another Draw as bytesDraw reads them.
type recording struct {
	Draw
	data []byte
}

func (r *recording) Range(lo, hi uint64, label string) uint64 {
	v := r.Draw.Range(lo, hi, label)
	if hi > lo {
		word := binary.LittleEndian.AppendUint64(nil, v-lo)
		r.data = append(r.data, word[:width(lo, hi)]...)
	}
	return v
}

// drawn makes a case of any configuration: one of three is sound(), the rest are drawn.
func drawn(d Draw) (*Target, Case) {
	t := &Target{Name: "drawn", Spec: sound()}
	if d.Range(0, 2, "configuration") > 0 {
		t.Spec, t.Accept = drawSpec(d), []string{SingleProbe}
	}
	return t, Generate(d, t, d.Range(0, 1<<32, "seed"))
}

// FuzzCase: whatever the bytes, they are a case that can be run, and it breaks no rule.
// go test ./sim/fuzz -run xxx -fuzz FuzzCase -fuzztime 30s -fuzzminimizetime 10x
func FuzzCase(f *testing.F) {
	for seed := range uint64(20) {
		r := &recording{Draw: NewSeeded(seed)}
		drawn(r)
		f.Add(r.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		target, c := drawn(&bytesDraw{data})
		r := target.run(&c)
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		if found := target.judge(&c, &r); found != nil {
			t.Fatalf("%s: %s\nat extremes %v\n%+v", found.Property, found.Sentence, c.Extremes, c.Plan)
		}
	})
}

func TestBytesThatRecordACaseMakeItAgain(t *testing.T) {
	for seed := range uint64(50) {
		r := &recording{Draw: NewSeeded(seed)}
		_, want := drawn(r)
		rest := &bytesDraw{r.data}
		if _, got := drawn(rest); !cmp.Equal(want, got) || len(rest.data) > 0 {
			t.Fatalf("seed %d: %s, %d bytes left", seed, cmp.Diff(want, got), len(rest.data))
		}
	}
}

func TestAnyBytesAreACaseThatCompiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, c := drawn(&bytesDraw{rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes")})
		if _, err := core.Compile(c.Plan.Spec); err != nil {
			t.Fatal(err)
		}
	})
}
