package controlplane

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/adapters/driver"
	"lockstep/adapters/lkg"
	"lockstep/core"
)

var discard = slog.New(slog.DiscardHandler)

func TestWhatARouterStartsWith(t *testing.T) {
	bootstrap := mustCompile(t, form1("bootstrap"))
	for name, c := range map[string]struct {
		disk      string // body of the copy; "" for an empty folder
		damage    bool
		bootstrap *core.Config
		want      string // version; "" for not ready
		warns     bool
	}{
		"the copy on disk":                                     {form1("kept"), false, bootstrap, "kept", false},
		"the bootstrap file on an empty disk":                  {"", false, bootstrap, "bootstrap", false},
		"the bootstrap file if the copy is torn":               {form1("kept"), true, bootstrap, "bootstrap", true},
		"the bootstrap file if the copy is of another program": {`{"version":""}`, false, bootstrap, "bootstrap", true},
		"the copy without a bootstrap file":                    {form1("kept"), false, nil, "kept", false},
		"nothing at all":                                       {"", false, nil, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			store := storeWith(t, c.disk, c.damage)
			var log strings.Builder
			d := driver.New(driver.Options{})
			got := Boot(d, store, c.bootstrap, slog.New(slog.NewTextHandler(&log, nil)))
			if inForce(d) != c.want || (got != nil) != (c.want != "") {
				t.Errorf("in force: %q, want %q", inForce(d), c.want)
			}
			if warned := strings.Contains(log.String(), "cannot be used"); warned != c.warns {
				t.Errorf("log: %q", log.String())
			}
		})
	}
}

func TestWithoutAStoreARouterStartsWithTheBootstrapFile(t *testing.T) {
	d := driver.New(driver.Options{})
	Boot(d, nil, mustCompile(t, form1("bootstrap")), discard)
	if inForce(d) != "bootstrap" {
		t.Errorf("in force: %q", inForce(d))
	}
}

func storeWith(t *testing.T, body string, damage bool) *lkg.Store {
	t.Helper()
	dir := t.TempDir()
	store, err := lkg.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		return store
	}
	if err := store.Prepare([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := store.Commit(); err != nil {
		t.Fatal(err)
	}
	if damage {
		if err := os.Truncate(filepath.Join(dir, "current"), 80); err != nil {
			t.Fatal(err)
		}
	}
	return store
}
