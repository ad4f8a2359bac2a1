package configimport_test

import (
	"errors"
	"testing"

	"lockstep/adapters/configfile"
	"lockstep/adapters/configimport"
)

// fuzzTranslate holds that whatever is translated returns, accounts for each
// line, and makes what loads.
func fuzzTranslate(f *testing.F, name string, translate func(in configimport.Input, o configimport.Options) (*configimport.Result, error)) {
	o := configimport.Options{Read: func(string) ([]byte, error) { return []byte("a b\n*.c d\n"), nil }}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 32<<10 {
			return
		}
		r, err := translate(configimport.Input{Name: name, Data: text}, o)
		if err != nil {
			return
		}
		if rep := r.Report; rep.Translated+rep.Different+rep.NotTranslated != len(rep.Lines) {
			t.Errorf("the totals do not add up: %s", rep.Total())
		}
		made, err := configfile.Parse("made.yaml", r.YAML)
		if err == nil {
			_, err = made.Compile()
		}
		var faults configfile.Problems
		if errors.As(err, &faults) {
			t.Errorf("what is made does not load: %v\n%s", problems(err), r.YAML)
		}
	})
}

func FuzzHAProxy(f *testing.F) {
	for _, path := range []string{"cells.cfg", "edge.cfg", "rules.cfg"} {
		f.Add(read(f, "testdata/haproxy/"+path))
	}
	fuzzTranslate(f, "fuzz.cfg", func(in configimport.Input, o configimport.Options) (*configimport.Result, error) {
		return configimport.HAProxy([]configimport.Input{in}, o)
	})
}

func FuzzEnvoy(f *testing.F) {
	for _, path := range []string{"cells.yaml", "plain.json"} {
		f.Add(read(f, "testdata/envoy/"+path))
	}
	fuzzTranslate(f, "fuzz.yaml", configimport.Envoy)
}
