package configfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	edgeset "lockstep/adapters/settings"
	"lockstep/core"
)

const twoPlaces = `placements: {cell-07: {endpoints: {a: {url: "http://a:1"}}}, cell-12: {endpoints: {a: {url: "http://b:1"}}}}
`

// loadFiles writes files into a folder and loads c.yaml of it.
func loadFiles(t *testing.T, files map[string]string) (*File, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(filepath.Join(dir, "c.yaml"))
}

func parse(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse("c.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestARouteThatDoesWhatTheBaselineDoesLeavesTheSpecAsItWas(t *testing.T) {
	plain := parse(t, "lockstep: 1\nversion: v\n"+twoPlaces)
	for _, routes := range []string{
		"routes: [{}]", "routes: [{key: [{header: X-Routing-Key}]}]", "routes: [{key: [{header: x-routing-key}]}]", "routes: [{table: keys}]", "routing: {request_id: any}",
	} {
		if f := parse(t, "lockstep: 1\nversion: v\n"+twoPlaces+routes); !cmp.Equal(f.Spec, plain.Spec) {
			t.Errorf("%s: %s", routes, cmp.Diff(plain.Spec, f.Spec))
		}
	}
}

func TestRoutesTablesAndSplitsAreLowered(t *testing.T) {
	f, err := Load("testdata/good/routes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Compile()
	if err != nil {
		t.Fatal(err)
	}
	if c.Routes() != 3 || c.Tables() != 3 || c.Splits() != 1 || c.NoRouteStatus() != 421 {
		t.Errorf("%d routes, %d tables, %d splits, status %d", c.Routes(), c.Tables(), c.Splits(), c.NoRouteStatus())
	}
	for _, w := range []struct {
		via    uint16
		key    string
		home   string
		refuse core.Class
	}{
		{0, "acme", "cell-12", core.ClassNone},
		{0, "visa", "", core.UnknownKey},
		{1, "acme", "cell-12", core.ClassNone},
		{1, "visa", "shared", core.ClassNone},
		{2, "visa", "cell-07", core.ClassNone},
		{2, "acme", "shared", core.ClassNone},
	} {
		r, _ := c.MatchVia(w.via, w.key, 1)
		home := ""
		if r.Placement >= 0 {
			home = c.Placement(int(r.Placement)).Name
		}
		if home != w.home || r.Refuse != w.refuse {
			t.Errorf("%s by route %d: %q %s", w.key, w.via, home, r.Refuse)
		}
	}
	w, err := edgeset.ReadWhole(c.Edge())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range w.Routing.Routes {
		names = append(names, w.Routing.Routes[i].Name)
	}
	if want := []string{"api", "api.internal on mesh", "any"}; !cmp.Equal(want, names) {
		t.Errorf("the routes are named %q", names)
	}
	var sources []string
	for _, s := range w.Routing.Routes[0].Sources {
		sources = append(sources, s.String())
	}
	want := []string{
		"jwt_claim tenant", "client_cert_san spiffe://example/tenant/*", "client_cert_san *.clients.example.com", "header X-Tenant",
		"host *.api.example.com", "host_label -3", "path_segment 1 after /v2/tenants", "query tenant", "cookie tenant",
	}
	if d := cmp.Diff(want, sources); d != "" {
		t.Error(d)
	}
}

func TestTablesComeFromCSVsThatSayWhichAndSplitsStandInThem(t *testing.T) {
	f, err := loadFiles(t, map[string]string{
		"c.yaml": "lockstep: 1\ninclude: [more.csv, {table: tenants, csv: tenants/*.csv}]\nroutes: [{table: tenants}, {}]\n" + twoPlaces +
			"tables: {tenants: {zeta: cell-12}}\n",
		"more.csv":       "key,placement\nvisa,cell-07\n",
		"tenants/eu.csv": "key,placement,region\nacme,cell-07,eu\nnordbank,cell-07 95% cell-12 5%,eu\n",
		"tenants/us.csv": "key,placement,region\nbeta,cell-07 95% cell-12 5%,us\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Compile()
	if err != nil {
		t.Fatal(err)
	}
	if c.TableKeys(0) != 1 || c.TableKeys(1) != 4 || c.Splits() != 1 {
		t.Errorf("%d and %d keys, %d splits", c.TableKeys(0), c.TableKeys(1), c.Splits())
	}
	at, ok := f.Where(f.KeyPath(0, "nordbank"))
	if !ok || filepath.Base(at.File) != "eu.csv" || at.Line != 3 {
		t.Errorf("nordbank stands at %s, %t", at, ok)
	}
	if f.Region(0, "nordbank") != "eu" || f.Region(0, "beta") != "us" || f.Region(1, "nordbank") != "" {
		t.Errorf("regions %q, %q, by the other route %q", f.Region(0, "nordbank"), f.Region(0, "beta"), f.Region(1, "nordbank"))
	}
}

func TestFaultsInCSVsOfATableAreShownWhereTheyStand(t *testing.T) {
	for row, want := range map[string]string{
		"a,cell-07 95%":             "eu.csv:2:3: splits.cell-07 95%: the shares are 95% in all",
		"a,cell-07 95% cell-12":     "eu.csv:2:3: this is not a placement, nor placements with their shares",
		"a,cell-07 95 cell-12 5%":   `eu.csv:2:3: "95" is not a share`,
		"a,cell-07 95% cell-13 5%":  `eu.csv:2:3: splits.cell-07 95% cell-13 5%.cell-13: there is no placement named "cell-13"`,
		"a,cell-70":                 `eu.csv:2:1: tables.tenants.a: there is no placement named "cell-70"`,
		"a,cell-07\na,cell-12":      `eu.csv:3:1: "a" is defined twice`,
		"a,cell-07 100% cell-07 0%": "is there twice",
	} {
		f, err := loadFiles(t, map[string]string{
			"c.yaml": "lockstep: 1\ninclude: [{table: tenants, csv: eu.csv}]\nroutes: [{table: tenants}]\n" + twoPlaces,
			"eu.csv": "key,placement\n" + row + "\n",
		})
		if err == nil {
			_, err = f.Compile()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want %q, got %v", row, want, err)
		}
	}
}

func TestIncludesOfATableAreChecked(t *testing.T) {
	for item, want := range map[string]string{
		"{table: t}":                 "this needs both table and csv",
		"{table: t, csv: x.yaml}":    "is not a CSV",
		"{table: keys, csv: x.csv}":  `"keys" is the name of the table at the top`,
		"{table: t, file: x.csv}":    `there is no setting named "file" here`,
		"{table: t, csv: nope*.csv}": "matches no file",
	} {
		_, err := loadFiles(t, map[string]string{
			"c.yaml": "lockstep: 1\ninclude: [" + item + "]\n" + twoPlaces, "x.yaml": "keys: {}\n", "x.csv": "key,placement\n",
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", item, want, err)
		}
	}
}

func TestEveryPartOfASplitCountsForResidency(t *testing.T) {
	f, err := loadFiles(t, map[string]string{
		"c.yaml": `lockstep: 1
include: [{table: tenants, csv: eu.csv}]
routes: [{}, {match: {host: a}, table: tenants}]
placements:
  cell-07: {labels: {region: eu}, endpoints: {a: {url: "http://a:1"}}}
  cell-12: {labels: {region: us}, endpoints: {a: {url: "http://b:1"}}}
  cell-13: {labels: {region: us}, endpoints: {a: {url: "http://c:1"}}}
must: {stays: {keys: {region: eu}, served_by: {region: eu}}}
`,
		"eu.csv": "key,placement,region\na,cell-07 95% cell-12 5% cell-13 0%,eu\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Compile()
	if err != nil {
		t.Fatal(err)
	}
	faults := f.Broken(c)
	if len(faults) != 1 || !strings.Contains(faults[0].What, "cell-12") || filepath.Base(faults[0].File) != "eu.csv" || faults[0].Line != 2 {
		t.Errorf("found %v, want the part that is in the us, where the key stands, and not the part of 0%%", faults)
	}
	if f.MayServe("cell-12", "cell-12") || !f.MayServe("cell-13", "cell-13") {
		t.Error("who may serve does not count the parts")
	}
}

func TestShadowedRoutesAreFound(t *testing.T) {
	for routes, want := range map[string]string{
		"{match: {host: a.com}}, {match: {host: b.com}}":                                  "",
		"{}, {match: {host: a.com}}":                                                      `route "a.com" is never reached: a.com by any`,
		"{match: {host: '*.com'}}, {match: {host: a.com, path: /x}}":                      `route "a.com/x" is never reached: a.com/x by *.com`,
		"{match: {host: '*.com'}}, {match: {host: '*.a.com'}}":                            `is never reached: *.a.com by *.com`,
		"{match: {host: '*.com'}}, {match: {host: com}}":                                  "",
		"{match: {host: '*.a.com'}}, {match: {host: '*.com'}}":                            "",
		"{match: {path: /v1}}, {match: {path: /v1/x}}":                                    `is never reached: /v1/x by /v1`,
		"{match: {path: /v1/}}, {match: {path: /v1}}":                                     `is never reached: /v1 by /v1/`,
		"{match: {path: /v1}}, {match: {path: /v10}}":                                     "",
		"{match: {host: a.com}}, {match: {host: [a.com, b.com]}}":                         `a part of route "a.com|b.com" is never reached: a.com by a.com`,
		"{match: {host: a.com}}, {match: {host: b.com}}, {match: {host: [a.com, b.com]}}": `is never reached: a.com by a.com, b.com by b.com`,
		"{match: {listen: x}}, {match: {host: a.com}}":                                    "",
		"{match: {listen: x}}, {match: {host: a.com, listen: [x, y]}}":                    `a part of route "a.com on x|y" is never reached: a.com on x by any on x`,
	} {
		f := parse(t, "lockstep: 1\nroutes: ["+routes+"]\n"+twoPlaces)
		var got []string
		for _, p := range f.Shadowed() {
			got = append(got, p.What)
		}
		if text := strings.Join(got, "; "); (want == "") != (text == "") || !strings.Contains(text, want) {
			t.Errorf("%s: %q, want %q", routes, text, want)
		}
	}
}

func TestARouteThatDemandsCertificatesNeedsAListenerThatAsksForThem(t *testing.T) {
	const listen = `listen: {x: {address: ":1", tls: {certs: d, client_ca: ca.pem, client_cert: optional}}, y: {address: ":2"}}` + "\n"
	for route, warned := range map[string]bool{
		"{client_cert: required}":                     false,
		"{match: {listen: y}, client_cert: required}": true,
		"{match: {listen: x}, client_cert: required}": false,
		"{match: {listen: y}}":                        false,
	} {
		f := parse(t, "lockstep: 1\n"+listen+"routes: ["+route+"]\n"+twoPlaces)
		if got := f.Shadowed(); len(got) > 0 != warned || warned && got[0].Line != 3 {
			t.Errorf("%s: %v", route, got)
		}
	}
}

// A CSV in a folder that is named like a table belongs to it, if a route asks for that table.
func TestTheFolderOfACSVNamesTheTableThatARouteAsks(t *testing.T) {
	for table, want := range map[string][2]int{"tenants": {0, 1}, "keys": {1, 0}} {
		f, err := loadFiles(t, map[string]string{
			"c.yaml":         "lockstep: 1\ninclude: [tenants/*.csv]\nroutes: [{table: keys, match: {host: h}}, {table: " + table + "}]\n" + twoPlaces,
			"tenants/eu.csv": "key,placement\nacme,cell-07\n",
		})
		if err != nil {
			t.Fatal(err)
		}
		inTables := 0
		for _, x := range f.Spec.Tables {
			inTables += len(x.Keys)
		}
		if got := [2]int{len(f.Spec.Keys), inTables}; got != want {
			t.Errorf("table: %s gives %v keys at the top and in tables, want %v", table, got, want)
		}
	}
}

func TestTablesThatNoRouteUsesAreFound(t *testing.T) {
	f := parse(t, "lockstep: 1\nroutes: [{table: t}]\nkeys: {a: cell-07}\ntables: {t: {b: cell-07}, u: {c: cell-07}}\n"+twoPlaces)
	if got := f.Unused(); len(got) != 2 || got[0].Line != 4 || got[1].Line != 3 {
		t.Errorf("found %v", got)
	}
}
