package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"lockstep/core"
)

// Unit says what a figure counts in.
type Unit uint8

// Units of figures: a plain count, a share in parts per million, a length of time in ns.
const (
	Count Unit = iota
	Part
	Time
)

// Bound is what a figure must be: an operator and a value, such as ">= 99.9%",
// "<= 250ms", "0". Without an operator the figure must equal the value. The
// zero Bound asks nothing.
type Bound struct {
	op    string // "" for a Bound that asks nothing
	value int64
	unit  Unit
}

// Asked reports whether the bound asks anything.
func (b Bound) Asked() bool { return b.op != "" }

// UnmarshalText reads a bound.
func (b *Bound) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	op := "=="
	for _, o := range [...]string{">=", "<=", "==", ">", "<"} {
		if rest, ok := strings.CutPrefix(s, o); ok {
			op, s = o, strings.TrimSpace(rest)
			break
		}
	}
	value, unit, err := parseValue(s)
	if err != nil {
		return fmt.Errorf("%q is not a bound: write it as \">= 99.9%%\", \"<= 250ms\" or \"0\"", text)
	}
	*b = Bound{op, value, unit}
	return nil
}

// MarshalText writes a bound as UnmarshalText reads it.
func (b Bound) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// String returns the bound as a person writes it, "" for one that asks nothing.
func (b Bound) String() string {
	switch b.op {
	case "":
		return ""
	case "==":
		return b.unit.format(b.value)
	}
	return b.op + " " + b.unit.format(b.value)
}

func parseValue(s string) (int64, Unit, error) {
	if strings.HasSuffix(s, "%") {
		v, err := parsePercent(s)
		return v, Part, err
	}
	if v, err := strconv.ParseInt(s, 10, 64); err == nil {
		return v, Count, nil
	}
	d, err := time.ParseDuration(s)
	return int64(d), Time, err
}

// holds reports whether v is within the bound.
func (b Bound) holds(v int64) bool {
	switch b.op {
	case ">=":
		return v >= b.value
	case "<=":
		return v <= b.value
	case ">":
		return v > b.value
	case "<":
		return v < b.value
	case "==":
		return v == b.value
	}
	return true
}

func (u Unit) format(v int64) string {
	switch u {
	case Part:
		return percent(v)
	case Time:
		if v == int64(core.Never) {
			return "never"
		}
		return time.Duration(v).String()
	}
	return strconv.FormatInt(v, 10)
}

func (u Unit) example() string {
	return [...]string{Count: "a plain count, such as 3", Part: "a percentage, such as 99.9%", Time: "a length of time, such as 250ms"}[u]
}

// AtMost is the bound "<= n" on a count.
func AtMost(n int64) Bound { return Bound{"<=", n, Count} }

// AtLeast is the bound ">= n" on a count.
func AtLeast(n int64) Bound { return Bound{">=", n, Count} }

// NoLonger is the bound "<= d" on a length of time.
func NoLonger(d core.Duration) Bound { return Bound{"<=", int64(d), Time} }
