package core

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

//go:generate go test -run TestTheTablesInTheSpecAreThoseOfTheCode -update .

var update = flag.Bool("update", false, "rewrite the generated part of SPEC.md")

const (
	beginGenerated = "<!-- generated: begin -->\n"
	endGenerated   = "<!-- generated: end -->"
)

// TestTheTablesInTheSpecAreThoseOfTheCode draws the transitions from the code
// and compares them with SPEC.md; -update rewrites them.
func TestTheTablesInTheSpecAreThoseOfTheCode(t *testing.T) {
	raw, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), beginGenerated)
	have, after, ok2 := strings.Cut(rest, endGenerated)
	if !ok || !ok2 {
		t.Fatal("SPEC.md has lost the marks of its generated part")
	}
	want := breakerTable() + "\n" + healthTable()
	if *update {
		if err := os.WriteFile("SPEC.md", []byte(before+beginGenerated+want+endGenerated+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have != want {
		t.Errorf("run go generate ./core: SPEC.md has\n%s\nthe code says\n%s", have, want)
	}
}

func breakerTable() string {
	inputs := [...]string{"trip", "admit", "recover", "relapse"}
	if len(inputs) != int(breakerInputs) {
		panic("a breaker input without a name")
	}
	states := [...]Circuit{Closed, Open, HalfOpen}
	table := "| breaker | trip: failures in a row | admit: an arrive at or after until | recover: enough good probes | relapse: a failed or silent probe |\n|---|---|---|---|---|\n"
	graph := "```mermaid\nstateDiagram-v2\n    [*] --> closed\n"
	for _, s := range states {
		row := "| " + s.String() + " |"
		for in := range breakerInputs {
			to := s.next(in)
			if to == CircuitNone {
				row += " - |"
				continue
			}
			row += " " + to.String() + " |"
			graph += fmt.Sprintf("    %s --> %s: %s\n", s, to, inputs[in])
		}
		table += row + "\n"
	}
	return table + "\n" + graph + "```\n"
}

// healthTable feeds one machine of each state good and bad probes until it moves.
func healthTable() string {
	table := "| health | good probe | bad probe |\n|---|---|---|\n"
	graph := "```mermaid\nstateDiagram-v2\n    [*] --> healthy\n"
	spec := HealthSpec{Fall: 3, Rise: 2}
	name := func(unhealthy bool) string {
		if unhealthy {
			return "unhealthy"
		}
		return "healthy"
	}
	for _, unhealthy := range [...]bool{false, true} {
		row := "| " + name(unhealthy) + " |"
		for _, ok := range [...]bool{true, false} {
			h := health{unhealthy: unhealthy}
			n := 1
			for ; n < 10 && !h.observe(ok, &spec); n++ {
				continue
			}
			if h.unhealthy == unhealthy {
				row += " clears the count |"
				continue
			}
			row += fmt.Sprintf(" %s, at the %s in a row (here %d) |", name(h.unhealthy), map[bool]string{true: "rise-th", false: "fall-th"}[ok], n)
			graph += fmt.Sprintf("    %s --> %s: %s\n", name(unhealthy), name(h.unhealthy), map[bool]string{true: "rise", false: "fall"}[ok])
		}
		table += row + "\n"
	}
	return table + "\n" + graph + "```\n"
}
