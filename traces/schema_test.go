package traces

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"lockstep/core"
)

var rewrite = flag.Bool("rewrite", false, "write the table of fields into README.md")

// wireNames are the names in README.md.
var wireNames = map[wire]string{
	wireUint: "uint", wireEnum: "enum", wireBool: "bool", wireSigned: "signed", wireTime: "time",
	wireNumber: "number", wireHash: "hash", wireKey: "key", wireID: "id",
}

func columns[T any](fields []field[T]) string {
	var list []string
	for _, f := range fields {
		list = append(list, fmt.Sprintf("%s: %s", f.name, wireNames[f.wire]))
	}
	return strings.Join(list, ", ")
}

func fieldTable() string {
	s := newSchema()
	var b strings.Builder
	b.WriteString("| # | event | fields |\n|---|---|---|\n")
	for k, fields := range s.events {
		fmt.Fprintf(&b, "| %d | %s | %s |\n", k, core.EventKind(k), columns(fields))
	}
	b.WriteString("\n| # | decision | fields |\n|---|---|---|\n")
	for k, fields := range s.decisions {
		fmt.Fprintf(&b, "| %d | %s | %s |\n", k, core.DecisionKind(k), columns(fields))
	}
	return b.String()
}

func TestTheReadmeListsTheSchema(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- generated: begin -->\n", "<!-- generated: end -->"
	before, rest, ok := strings.Cut(string(text), begin)
	table, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("README.md has lost the marks around its table of fields")
	}
	if *rewrite {
		if err := os.WriteFile("README.md", []byte(before+begin+fieldTable()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != fieldTable() {
		t.Errorf("README.md does not list the fields of the schema; go test ./traces -run Readme -rewrite mends it:\n%s", fieldTable())
	}
}

func TestEveryKindOfCoreHasItsFields(t *testing.T) {
	s := newSchema()
	if n := len(s.events); core.EventKind(n-1) != core.Tick || core.EventKind(n).String() != "none" {
		t.Errorf("the schema has %d event kinds; core has others", n)
	}
	if n := len(s.decisions); core.DecisionKind(n-1) != core.NoteLimitChanged || core.DecisionKind(n).String() != "none" {
		t.Errorf("the schema has %d decision kinds; core has others", n)
	}
	check := func(kind string, names []string, fields int) {
		seen := map[string]bool{}
		for _, n := range names {
			if seen[n] {
				t.Errorf("%s has two fields %s", kind, n)
			}
			seen[n] = true
		}
		if fields > 16 {
			t.Errorf("%s has %d fields, its mask has room for 16", kind, fields)
		}
	}
	for k, fields := range s.events {
		names := []string{"step", "t", "event"}
		for _, f := range fields {
			names = append(names, f.name)
		}
		check(core.EventKind(k).String(), names, len(fields))
	}
	for k, fields := range s.decisions {
		var names []string
		for _, f := range fields {
			names = append(names, f.name)
		}
		check(core.DecisionKind(k).String(), names, len(fields))
	}
}

func TestEveryNamedValueIsFoundByItsName(t *testing.T) {
	for e := enumMethod; e <= enumLastResort; e++ {
		for v := range e.size() {
			name := e.name(v)
			if v == 0 && name == "" {
				continue // a zero value is left out
			}
			if got, ok := e.value(name); !ok || got != v {
				t.Errorf("enumeration %d: value %d is named %q, which means %d", e, v, name, got)
			}
		}
		if name := e.name(e.size()); name != "" {
			t.Errorf("enumeration %d: a value outside of it has the name %q", e, name)
		}
	}
}

func TestAnAbsentTimeIsThatOfTheFact(t *testing.T) {
	s := newSchema()
	const now core.Time = 7
	for k, fields := range s.events {
		ev := blankEvent(core.EventKind(k), now)
		for _, f := range fields {
			if f.wire == wireTime && f.get(&ev) != uint64(now) {
				t.Errorf("%s of %s: %d", f.name, core.EventKind(k), f.get(&ev))
			}
		}
	}
	for k, fields := range s.decisions {
		d := blankDecision(core.DecisionKind(k), now)
		for _, f := range fields {
			if f.wire == wireTime && f.get(&d) != uint64(now) {
				t.Errorf("%s of %s: %d", f.name, core.DecisionKind(k), f.get(&d))
			}
		}
	}
}
