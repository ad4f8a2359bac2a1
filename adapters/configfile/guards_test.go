package configfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/core"
)

const guardedFile = `lockstep: 1
version: "1"
control_plane:
  url: ws://127.0.0.1:8081
  refuse_push_over: GUARDS
placements:
  p: {endpoints: {a: {url: "http://p.test:80"}}}
`

func TestPushGuardsAreOnOnlyWhereTheyAreWritten(t *testing.T) {
	for text, want := range map[string]core.GuardSpec{
		"none":                {},
		"{}":                  {KeysRerouted: 5, KeysRemoved: 1, EndpointsRemoved: 10, LimitLowered: 20},
		"{keys_removed: 30%}": {KeysRerouted: 5, KeysRemoved: 30, EndpointsRemoved: 10, LimitLowered: 20},
		"{keys_rerouted: none, endpoints_removed: none, limit_lowered: 1%}": {KeysRemoved: 1, LimitLowered: 1},
	} {
		f, err := Parse("x.yaml", []byte(strings.Replace(guardedFile, "GUARDS", text, 1)))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		c, err := f.Compile()
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if d := cmp.Diff(want, c.Guards()); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
	for text, want := range map[string]string{
		"{keys_removed: 0%}":    `x.yaml:5:36`,
		"{keys_rerouted: 100%}": "x.yaml:5:37: control_plane.refuse_push_over.keys_rerouted: 100 % guards nothing",
		"{keys_lost: 5%}":       `there is no setting named "keys_lost" here`,
		"5%":                    "x.yaml:5:21",
	} {
		f, err := Parse("x.yaml", []byte(strings.Replace(guardedFile, "GUARDS", text, 1)))
		if err == nil {
			_, err = f.Compile()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTheEffectiveGuardsNameTheirPlace(t *testing.T) {
	f, err := Parse("x.yaml", []byte(strings.Replace(guardedFile, "GUARDS", "{keys_removed: 30%, limit_lowered: none}", 1)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range f.EffectiveControlPlane() {
		got = append(got, v.Path+" "+v.Value+" "+v.From.String())
	}
	want := []string{
		"url ws://127.0.0.1:8081 x.yaml:4:8", "last_known_good.dir none :0:0", "last_known_good.bootstrap this file :0:0", "last_known_good.soak 10m0s :0:0",
		"refuse_push_over.keys_rerouted 5% :0:0", "refuse_push_over.keys_removed 30% x.yaml:5:36",
		"refuse_push_over.endpoints_removed 10% :0:0", "refuse_push_over.limit_lowered none x.yaml:5:56",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSoakAndBootstrapOfTheLastKnownGoodCopies(t *testing.T) {
	for text, want := range map[string]ControlPlane{
		"{dir: d}":                          {URL: "ws://127.0.0.1:8081", Dir: "d", Soak: 600 * core.Second},
		"{dir: d, soak: 1h}":                {URL: "ws://127.0.0.1:8081", Dir: "d", Soak: 3600 * core.Second},
		"{dir: d, soak: none}":              {URL: "ws://127.0.0.1:8081", Dir: "d"},
		"{dir: d, bootstrap: baked.yaml}":   {URL: "ws://127.0.0.1:8081", Dir: "d", Soak: 600 * core.Second, Bootstrap: "baked.yaml"},
		"{dir: d, bootstrap: /etc/ls.yaml}": {URL: "ws://127.0.0.1:8081", Dir: "d", Soak: 600 * core.Second, Bootstrap: "/etc/ls.yaml"},
	} {
		path := filepath.Join(t.TempDir(), "x.yaml")
		if err := os.WriteFile(path, []byte(strings.Replace(guardedFile, "refuse_push_over: GUARDS", "last_known_good: "+text, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Load(path)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got := f.ControlPlane
		got.Bootstrap = strings.TrimPrefix(got.Bootstrap, filepath.Dir(path)+string(filepath.Separator))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
	_, err := Parse("x.yaml", []byte(strings.Replace(guardedFile, "  refuse_push_over: GUARDS", "  last_known_good: {soak: 5m}", 1)))
	if err == nil || !strings.Contains(err.Error(), "x.yaml:5:21: soak is said of copies that are not kept") {
		t.Error(err)
	}
}
