package scenario

import (
	"testing"

	"lockstep/core"
)

func TestBoundsReadAndHoldAsWritten(t *testing.T) {
	for _, c := range []struct {
		text        string
		in, outside int64
	}{
		{"0", 0, 1},
		{">= 99.9%", 999_000, 998_999},
		{"<= 250ms", int64(250 * core.Millisecond), int64(251 * core.Millisecond)},
		{"> 3", 4, 3},
		{"< 3", 2, 3},
		{"== 3", 3, 4},
	} {
		var b Bound
		if err := b.UnmarshalText([]byte(c.text)); err != nil {
			t.Fatal(err)
		}
		if !b.holds(c.in) || b.holds(c.outside) {
			t.Errorf("%s holds for %d: %v, for %d: %v", c.text, c.in, b.holds(c.in), c.outside, b.holds(c.outside))
		}
	}
	for _, bad := range []string{"", "fast", ">=", "5 %%", "=> 3"} {
		if err := new(Bound).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestUnitsReadBackWhatTheyWrite(t *testing.T) {
	var s Share
	var f Factor
	var e Epoch
	var d Span
	for _, c := range []struct {
		text string
		into interface {
			UnmarshalText([]byte) error
			MarshalText() ([]byte, error)
		}
	}{{"12.5%", &s}, {"0%", &s}, {"2.5x", &f}, {"4.17", &e}, {"1m30s", &d}} {
		if err := c.into.UnmarshalText([]byte(c.text)); err != nil {
			t.Fatal(err)
		}
		if got, _ := c.into.MarshalText(); string(got) != c.text {
			t.Errorf("%s came back as %s", c.text, got)
		}
	}
}
