package traces_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"lockstep/core"
	"lockstep/traces"
)

// small returns a trace of small blocks, each of a few refused requests, and the blocks.
func small(t testing.TB, count, requests int) (file []byte, blocks [][]byte) {
	c := testConfig(t, 1)
	w := &world{router: core.New(core.Options{Seed: 3})}
	e := traces.NewEncoder()
	w.observe = e.Append
	e.Begin(nil, w.router, 1)
	file = traces.AppendConfig(traces.AppendFile(nil, traces.Header{Name: "small"}), c)
	w.step(core.Event{Kind: core.Adopt, Config: c}, nil)
	for range count {
		for range requests {
			w.now += core.Time(core.Millisecond)
			w.arrive("visa", 10)
			w.finish(0, core.ConnectRefused, 0)
		}
		e.Mark(w.router.Digest())
		b := bytes.Clone(e.End().Seal())
		blocks = append(blocks, b)
		file = append(file, b...)
		e.Begin(nil, w.router, e.Step())
	}
	return file, blocks
}

// readAll returns how many facts could be read, and the errors.
func readAll(b []byte) (facts int, damage []error, err error) {
	r, err := traces.NewReader(bytes.NewReader(b))
	if err != nil {
		return 0, nil, err
	}
	for {
		it, err := r.Next()
		var bad *traces.DamageError
		switch {
		case errors.Is(err, io.EOF):
			return facts, damage, nil
		case errors.As(err, &bad):
			damage = append(damage, err)
		case err != nil:
			return facts, damage, err
		case it.Kind == traces.ItemFact:
			facts++
		}
	}
}

func TestADamagedBlockIsNamedAndReadingGoesOn(t *testing.T) {
	file, blocks := small(t, 5, 4)
	at := bytes.Index(file, blocks[2])
	file[at+200] ^= 4
	facts, damage, err := readAll(file)
	if err != nil || facts != 1+4*8 || len(damage) != 1 {
		t.Fatalf("%d facts, %v, %v", facts, damage, err)
	}
	want := fmt.Sprintf("block 3 at byte %d: CRC mismatch", at)
	if !strings.HasPrefix(damage[0].Error(), want) {
		t.Errorf("got  %v\nwant %s...", damage[0], want)
	}
	r := verify(t, file)
	if r.Divergence != nil || r.OK() || r.Lost != 8 || r.Facts != 1+4*8 || r.Blocks != 4 {
		t.Errorf("replay did not go on at the next block: %+v", r)
	}
}

func TestAnyFlippedBitIsFoundOrHarmless(t *testing.T) {
	file, _ := small(t, 3, 1)
	whole := verify(t, file)
	for i := range file {
		for bit := range 8 {
			file[i] ^= 1 << bit
			r, err := traces.NewReader(bytes.NewReader(file))
			if err == nil {
				report, err := traces.Verify(r, traces.Options{})
				if err == nil && report.OK() {
					t.Fatalf("bit %d of byte %d: nobody noticed", bit, i)
				}
				if report.Divergence != nil {
					t.Fatalf("bit %d of byte %d: damage taken for a divergence: %v", bit, i, report.Divergence)
				}
				if report.Facts+3 < whole.Facts && report.Blocks > 0 {
					// A damaged configuration costs all, a damaged block only itself.
					if len(report.Damage) == 1 {
						t.Fatalf("bit %d of byte %d: one fault cost %d of %d facts: %v", bit, i, whole.Facts-report.Facts, whole.Facts, report.Damage)
					}
				}
			}
			file[i] ^= 1 << bit
		}
	}
}

func TestATraceCutShortIsReadUpToTheCut(t *testing.T) {
	file, blocks := small(t, 5, 4)
	ends := map[int]int{bytes.Index(file, []byte("LSTF\x02")): 0, bytes.Index(file, blocks[0]): 0} // byte to facts before it
	for i, b := range blocks {
		ends[bytes.Index(file, b)+len(b)] = 1 + 8*(i+1)
	}
	whole := 0
	for n := range file {
		facts, damage, err := readAll(file[:n])
		want, end := ends[n]
		if end {
			whole = want
		}
		switch {
		case n < bytes.Index(file, []byte("LSTF\x02")):
			if err == nil {
				t.Fatalf("cut at %d, in the header: no error", n)
			}
		case err != nil:
			t.Fatalf("cut at %d: %v", n, err)
		case facts != whole || (len(damage) == 0) != end:
			t.Fatalf("cut at %d: %d of %d facts, %v", n, facts, whole, damage)
		}
	}
}

func TestAnInputThatCannotBeReadIsItsError(t *testing.T) {
	broken := errors.New("is a directory")
	if _, err := traces.NewReader(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestStrangeFilesGetAClearError(t *testing.T) {
	file, blocks := small(t, 5, 4)
	newer := bytes.Clone(file)
	newer[7] = 2
	flags := bytes.Clone(blocks[0])
	flags[5] = 2
	reseal(flags)
	kind := bytes.Clone(blocks[0])
	kind[4] = 9
	reseal(kind)
	huge := bytes.Clone(blocks[0])
	binary.LittleEndian.PutUint32(huge[8:], 1<<31)
	reseal(huge)
	head := file[:bytes.Index(file, blocks[0])]
	tests := []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "the file is empty"},
		{"text", []byte("hello, world\n"), "begins neither"},
		{"short", []byte("LST"), "begins neither"},
		{"newer format", newer, "format version 2, this program reads 1: use a newer lockstep"},
		{"newer format, printed", []byte(`{"lockstep":7,"spec":"3"}` + "\n"), "format version 7, this program reads 1: use a newer lockstep"},
		{"unknown flags", append(bytes.Clone(head), flags...), "flags 0x2"},
		{"unknown frame", append(bytes.Clone(head), kind...), "there is no frame type 9"},
		{"frame over the limit", append(bytes.Clone(head), huge...), "over the limit"},
		{"no header", append([]byte("LSTRACE\x01"), blocks[0]...), "the first frame has type 3"},
		{"block without its configuration", append(traces.AppendFile(nil, traces.Header{}), blocks[1]...), "which is not in the file before it"},
		{"adopted configuration missing", append(traces.AppendFile(nil, traces.Header{}), blocks[0]...), "is adopted, but it is not in the file"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			r, err := traces.NewReader(bytes.NewReader(c.file))
			if err == nil {
				var report traces.Report
				report, err = traces.Verify(r, traces.Options{})
				err = errors.Join(append(report.Damage, err)...)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant ... %s ...", err, c.want)
			}
		})
	}
}

// reseal makes a changed frame head valid again.
func reseal(frame []byte) {
	crc := crc32.MakeTable(crc32.Castagnoli)
	covered := append(bytes.Clone(frame[4:6]), frame[8:16]...)
	binary.LittleEndian.PutUint16(frame[6:], uint16(crc32.Checksum(covered, crc)))
}

func TestACompressedBlockReadsTheSame(t *testing.T) {
	file, blocks := small(t, 5, 4)
	plain := bytes.Clone(file[:bytes.Index(file, blocks[0])])
	for _, b := range blocks {
		plain = traces.Compress(plain, b)
	}
	if len(plain) >= len(file) {
		t.Errorf("compressed to %d of %d bytes", len(plain), len(file))
	}
	if !bytes.Equal(convert(t, traces.NDJSON, plain), convert(t, traces.NDJSON, file)) {
		t.Error("the compressed trace prints differently")
	}
}

func TestAGapIsReportedAndReplayGoesOn(t *testing.T) {
	file, blocks := small(t, 5, 4)
	cut := bytes.Clone(file[:bytes.Index(file, blocks[1])])
	cut = traces.AppendGap(cut, traces.Gap{Step: 10, Steps: 16, Blocks: 2, Why: "the disk was slow"})
	cut = append(append(cut, blocks[3]...), blocks[4]...)
	for _, form := range []traces.Form{traces.Binary, traces.NDJSON} {
		r := verify(t, convert(t, form, cut))
		if !r.OK() || len(r.Gaps) != 1 || r.Gaps[0].Why != "the disk was slow" || r.Lost != 16 || r.Facts != 9+16 {
			t.Errorf("form %d: %+v", form, r)
		}
	}
}

func TestAnErrorInThePrintedFormNamesTheLine(t *testing.T) {
	file, _ := small(t, 5, 4)
	lines := strings.Split(string(convert(t, traces.NDJSON, file)), "\n")
	tests := []struct{ name, from, to, want string }{
		{"unknown field", `"event":"arrive"`, `"event":"arrive","colour":"red"`, `"colour" is not a field`},
		{"field twice", `"key":"visa"`, `"key":"visa","key":"visa"`, `is there twice`},
		{"unknown event", `"event":"arrive"`, `"event":"leave"`, "no such event"},
		{"step out of order", `"step":4,`, `"step":5,`, "the step should be 4"},
		{"number out of range", `"placement":2`, `"placement":4294967296`, "placement: a number is out of range"},
		{"number too long", `"placement":2`, `"placement":99999999999999999999999`, "out of range"},
		{"wrong type", `"key":"visa"`, `"key":7`, `there should be '"'`},
		{"unknown value", `"class":"connect_refused"`, `"class":"tired"`, `there is no value "tired"`},
		{"bad id", `"id":"`, `"id":"x`, "32 lower-case hex digits"},
		{"cut line", `"event":"arrive"`, "", "there should be"},
		{"junk after the line", `"class":"connect_refused"}`, `"class":"connect_refused"}}`, "there is more"},
		{"bad escape", `"key":"visa"`, `"key":"\ud800x"`, "a surrogate stands alone"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			n := 0
			edited := append([]string(nil), lines...)
			for i := range edited {
				if strings.Contains(edited[i], c.from) && n == 0 {
					n = i + 1
					edited[i] = strings.Replace(edited[i], c.from, c.to, 1)
				}
			}
			_, damage, err := readAll([]byte(strings.Join(edited, "\n")))
			if err != nil || len(damage) != 1 {
				t.Fatalf("%v, %v", damage, err)
			}
			if got := damage[0].Error(); !strings.HasPrefix(got, fmt.Sprintf("line %d ", n)) || !strings.Contains(got, c.want) {
				t.Errorf("got  %s\nwant line %d ... %s", got, n, c.want)
			}
		})
	}
}

func TestAConfigurationEndsWhereItsObjectDoes(t *testing.T) {
	const spec = `{"version":"v1","placements":[{"name":"p","endpoints":[{"url":"http://a"}]}]}`
	if _, err := traces.DecodeSpec([]byte(spec + " \n")); err != nil {
		t.Error(err)
	}
	for _, more := range []string{"}", " x", "{}", ",", "1"} {
		if _, err := traces.DecodeSpec([]byte(spec + more)); err == nil {
			t.Errorf("%q after it is not noticed", more)
		}
	}
}
