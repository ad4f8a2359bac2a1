package traces_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lockstep/core"
	"lockstep/traces"
)

func TestARecordingReplaysIdenticallyInBothForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := record(t, rapid.IntRange(0, 60).Draw(t, "n"))
		for _, form := range []traces.Form{traces.Binary, traces.NDJSON} {
			if r := verify(t, convert(t, form, b)); !r.OK() {
				t.Fatalf("form %d: %v%v", form, r.Divergence, r.Damage)
			}
		}
	})
}

func TestConversionLosesNothingEitherWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stored := record(t, rapid.IntRange(0, 60).Draw(t, "n"))
		printed := convert(t, traces.NDJSON, stored)
		again := convert(t, traces.Binary, printed)
		if !bytes.Equal(stored, again) {
			t.Fatalf("the binary form came back different:\n%s", cmp.Diff(string(printed), string(convert(t, traces.NDJSON, again))))
		}
		if !bytes.Equal(printed, convert(t, traces.NDJSON, again)) {
			t.Fatal("the printed form came back different")
		}
		for n, line := range bytes.Split(bytes.TrimSuffix(printed, []byte("\n")), []byte("\n")) {
			if !json.Valid(line) {
				t.Fatalf("line %d is not JSON: %s", n+1, line)
			}
		}
	})
}

func TestAConfigurationSurvivesAsJSON(t *testing.T) {
	for n := range 4 {
		c := testConfig(t, n)
		spec := traces.SpecOf(c)
		text := traces.EncodeSpec(&spec)
		back, err := traces.DecodeSpec(text)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(spec, back); d != "" {
			t.Errorf("configuration %d came back different:\n%s", n, d)
		}
		again, err := core.Compile(back)
		if err != nil || again.Digest() != c.Digest() {
			t.Errorf("configuration %d compiles to another digest: %v", n, err)
		}
	}
}

func TestDefaultsOfAConfigurationAreLeftOut(t *testing.T) {
	c, err := core.Compile(core.Spec{Version: "1", Placements: []core.PlacementSpec{
		{Name: "tier1", Endpoints: []core.EndpointSpec{{URL: "http://a"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	spec := traces.SpecOf(c)
	want := `{"version":"1","placements":[{"name":"tier1","endpoints":[{"url":"http://a"}]}]}`
	if got := string(traces.EncodeSpec(&spec)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnUnknownFieldOfAConfigurationIsAnError(t *testing.T) {
	_, err := traces.DecodeSpec([]byte(`{"version":"1","placements":[],"colour":"red"}`))
	if err == nil || !strings.Contains(err.Error(), "colour") {
		t.Errorf("got %v", err)
	}
}

func TestRequestIDsAreParsedOrHashed(t *testing.T) {
	hi, lo := traces.ParseRequestID("00000000000000ff0123456789abcdef")
	if hi != 0xff || lo != 0x0123456789abcdef {
		t.Errorf("parsed to %x %x", hi, lo)
	}
	if s := traces.FormatRequestID([2]uint64{hi, lo}); s != "00000000000000ff0123456789abcdef" {
		t.Errorf("formatted to %s", s)
	}
	hi, lo = traces.ParseRequestID("checkout-17")
	if hi != core.HashString("checkout-17") || lo != core.RequestHash(hi, 11) {
		t.Error("another id is not hashed as documented")
	}
}
