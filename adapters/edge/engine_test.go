package edge_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"lockstep/adapters/settings"
)

// under is the engine that listeners have in this run of the tests, unless they
// name one.
var under string

// TestMain runs all tests once on each engine.
func TestMain(m *testing.M) {
	flag.Parse()
	code := 0
	for _, under = range []string{settings.EngineHTTP1, settings.EngineStd} {
		if failed := m.Run(); failed != 0 {
			fmt.Fprintf(os.Stderr, "the tests above failed on the engine %s\n", under)
			code = failed
		}
		if flag.Lookup("test.bench").Value.String() != "" {
			break
		}
	}
	os.Exit(code)
}
