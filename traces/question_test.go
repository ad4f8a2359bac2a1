package traces_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/traces"
)

// asked runs the world of the other tests as a question, with a gap in it.
func asked(t *testing.T) (inputs, whole []byte) {
	t.Helper()
	c, err := core.Compile(core.Spec{Version: "v1", Keys: []core.KeySpec{{Key: "visa", Placement: "visa"}}, Placements: []core.PlacementSpec{
		{Name: "visa", Endpoints: []core.EndpointSpec{{URL: "http://a:1"}}, Breaker: core.BreakerSpec{Failures: 1}, Health: core.HealthSpec{Off: true}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{router: core.New(core.Options{Seed: 1})}
	q := traces.NewQuestion(traces.Header{Name: "asked", Seed: 1}, w.router, 1)
	w.observe = q.Observe
	w.step(core.Event{Kind: core.Adopt, Config: c}, nil)
	w.arrive("visa", -1)
	q.Mark()
	q.Join()
	w.arrive("nobody", 0)
	w.observe = nil
	w.finish(0, core.ConnectTimeout, 0)
	q.Gap(traces.Gap{Step: 4, Steps: 1, Blocks: 1, Why: "test"}, w.router)
	w.observe = q.Observe
	w.arrive("visa", 3)
	return q.Close()
}

func TestAQuestionIsItsTraceWithoutWhatWasDecided(t *testing.T) {
	inputs, whole := asked(t)
	rd, err := traces.NewReader(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	if report, err := traces.Verify(rd, traces.Options{}); err != nil || !report.OK() || report.Facts != 4 || report.Blocks != 3 || report.Lost != 1 {
		t.Errorf("the whole does not replay: %v, %+v", err, report)
	}
	rd, err = traces.NewReader(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	var stripped bytes.Buffer
	if err := traces.Strip(&stripped, rd); err != nil || !bytes.Equal(stripped.Bytes(), inputs) {
		t.Errorf("stripped, the whole is not what was asked: %v", err)
	}
	rd, err = traces.NewReader(bytes.NewReader(inputs))
	if err != nil {
		t.Fatal(err)
	}
	snapshots := 0
	for it, err := rd.Next(); err == nil; it, err = rd.Next() {
		switch it.Kind {
		case traces.ItemBlock:
			if len(it.Block.Snapshot) > 0 {
				snapshots++
			}
			if (it.Block.Digest == 0) != (len(it.Block.Snapshot) == 0) {
				t.Errorf("block %d has a digest or a snapshot, and not both", it.Block.Number)
			}
		case traces.ItemFact:
			if len(it.Fact.Decisions) > 0 {
				t.Errorf("step %d says what was decided", it.Fact.Step)
			}
		case traces.ItemMark:
			if it.Digest != 0 {
				t.Error("a mark says the digest")
			}
		}
	}
	if snapshots != 2 {
		t.Errorf("%d snapshots, want those of the start and after the gap", snapshots)
	}
}

func TestADamagedTraceHasNoQuestion(t *testing.T) {
	_, whole := asked(t)
	whole[len(whole)-30] ^= 1
	rd, err := traces.NewReader(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	if err := traces.Strip(&bytes.Buffer{}, rd); err == nil || !strings.Contains(err.Error(), "CRC mismatch") {
		t.Errorf("%v", err)
	}
}

func TestAConfigurationNeedNotStateItsDigest(t *testing.T) {
	const line = `{"lockstep":1,"spec":"1","name":"","seed":0,"config":"0000000000000000","flags":[],"why":""}
{"config":"0000000000000000","spec":{"placements":[{"endpoints":[{"url":"http://a","weight":100}],"name":"p"}],"version":"v1"}}
`
	rd, err := traces.NewReader(strings.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	it, err := rd.Next()
	if err != nil || it.Kind != traces.ItemConfig || rd.Config(it.Config.Digest()) != it.Config || rd.Config(0) != nil {
		t.Errorf("%v: %+v", err, it)
	}
}

func TestEveryVectorIsBuiltIn(t *testing.T) {
	onDisk, err := filepath.Glob("*/*.ndjson")
	if err != nil || len(onDisk) < 200 {
		t.Fatalf("%d vectors, %v", len(onDisk), err)
	}
	for _, path := range onDisk {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fs.ReadFile(traces.Vectors(), filepath.ToSlash(path)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if built, err := fs.Glob(traces.Vectors(), "*/*.ndjson"); err != nil || len(built) != len(onDisk) {
		t.Errorf("%d are built in, %d on disk", len(built), len(onDisk))
	}
}

// TestTheExampleOfTheProtocolIsAVector: every line that CONFORM.md shows of a trace
// stands in the vector that it names, but for what a question leaves out.
func TestTheExampleOfTheProtocolIsAVector(t *testing.T) {
	page, err := os.ReadFile("CONFORM.md")
	if err != nil {
		t.Fatal(err)
	}
	vector, err := os.ReadFile("routing/unknown-key-is-refused.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "## An example")
	checked := 0
	for line := range strings.Lines(strings.ReplaceAll(example, ",\n \"placements\"", `,"placements"`)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "{") || line == `{"digest":"0000000000000000"}` {
			continue
		}
		begin, _, _ := strings.Cut(line, `"why":"..."`)
		checked++
		if !strings.Contains(string(vector), begin) {
			t.Errorf("the vector has no line %s", line)
		}
	}
	if checked < 8 || !strings.Contains(example, "0d71931a6675ed9e") || !strings.Contains(string(vector), "0d71931a6675ed9e") {
		t.Errorf("%d lines of the example were looked up", checked)
	}
}
