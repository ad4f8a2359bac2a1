package configfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// residency is a configuration whose tenants of the eu may reach the us through cell-07's fallback.
const residency = `lockstep: 1
include: [tenants.csv]
placements:
  cell-07: {labels: {region: eu}, endpoints: {a: {url: "http://10.0.0.1"}}, fallback: [cell-12, shared-us]}
  cell-12: {labels: {region: eu}, endpoints: {a: {url: "http://10.0.0.2"}}, fallback: none}
  shared-us: {labels: {region: us}, endpoints: {a: {url: "http://10.0.0.3"}}, fallback: [cell-12]}
must:
  eu-stays-in-eu: {keys: {region: eu}, served_by: {region: eu}}
`

// loadWithTenants loads text beside a list of tenants.
func loadWithTenants(t *testing.T, text, tenants string) *File {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"main.yaml": text, "tenants.csv": "key,placement,region\n" + tenants} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Load(filepath.Join(dir, "main.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAFallbackThatLeavesTheRegionBreaksThePromiseAndIsNamed(t *testing.T) {
	const good = "acme,shared-us,us\nnordbank,cell-07,eu\nvisa,cell-12,eu\n"
	for _, c := range []struct {
		name, text, tenants string
		want                []Breach
	}{
		{"a fallback", residency, good, []Breach{{"eu-stays-in-eu", "nordbank", 1, "cell-07", "shared-us", "placements.cell-07.fallback[1]"}}},
		{"every candidate in the eu", strings.Replace(residency, ", shared-us]", "]", 1), good, nil},
		{"home itself", residency, "globex,shared-us,eu\ninitech,shared-us,eu\n", []Breach{{"eu-stays-in-eu", "globex", 2, "shared-us", "shared-us", "keys.globex"}}},
		{"nobody in the eu", residency, "acme,cell-07,us\n", nil},
	} {
		f := loadWithTenants(t, c.text, c.tenants)
		compiled, err := f.Compile()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, f.Residency(compiled)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		for _, b := range c.want {
			if f.MayServe(b.Home, b.By) || !f.MayServe(b.Home, "cell-12") {
				t.Errorf("%s: who may serve %s is wrong", c.name, b.Home)
			}
		}
		if got := len(f.Broken(compiled)); got != len(c.want) {
			t.Errorf("%s: %d problems, want %d", c.name, got, len(c.want))
		}
		if idle := len(f.Idle()) > 0; idle != (c.name == "nobody in the eu") {
			t.Errorf("%s: said to be about no key: %t", c.name, idle)
		}
	}
}

func TestPromisesAndLabelsChangeNothingThatIsServed(t *testing.T) {
	with := loadWithTenants(t, residency, "nordbank,cell-07,eu\n")
	bare := strings.ReplaceAll(strings.ReplaceAll(residency[:strings.Index(residency, "must:")], "labels: {region: eu}, ", ""), "labels: {region: us}, ", "")
	without := loadWithTenants(t, bare, "nordbank,cell-07,us\n")
	if d := cmp.Diff(without.Spec, with.Spec); d != "" {
		t.Error(d)
	}
}
