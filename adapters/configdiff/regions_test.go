package configdiff

import (
	"os"
	"path/filepath"
	"testing"

	"lockstep/adapters/configfile"
)

func TestRegionsThatChangeAreCounted(t *testing.T) {
	side := func(csv string) Side {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"main.yaml": "lockstep: 1\nversion: v\ninclude: [eu.csv]\nplacements: {a: {endpoints: {x: {url: \"http://a:1\"}}}}\n",
			"eu.csv":    csv,
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		f, err := configfile.Load(filepath.Join(dir, "main.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := f.Compile()
		if err != nil {
			t.Fatal(err)
		}
		return Side{"main.yaml", f, c}
	}
	r := compare(t, side("key,placement,region\nacme,a,eu\nbeta,a,eu\nzeta,a,us\n"), side("key,placement,region\nacme,a,eu\nbeta,a,us\nomega,a,eu\nzeta,a,\n"))
	if len(r.Tables) != 1 || r.Tables[0].RegionChanged != 2 || r.Tables[0].Added != 1 {
		t.Errorf("%+v", r.Tables)
	}
	if r := compare(t, side("key,placement,region\nacme,a,eu\n"), side("key,placement\nacme,a\n")); r.Effect != EffectNone || r.Tables[0].RegionChanged != 1 {
		t.Errorf("%s %+v", r.Effect, r.Tables)
	}
}
