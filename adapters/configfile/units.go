package configfile

import (
	"reflect"
	"strconv"
	"strings"
)

// Values with units. A bare number is a count, so each of these refuses one.

// percent is a whole share: 50%.
type percent uint32

func (p *percent) UnmarshalText(text []byte) error {
	digits, ok := strings.CutSuffix(string(text), "%")
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil {
		return &mistake{strconv.Quote(string(text)) + " is not a share", "write whole percents with their sign, such as 50%"}
	}
	*p = percent(n)
	return nil
}

// factor is a multiplier in parts per million: 2 or 1.5.
type factor uint32

func (f *factor) UnmarshalText(text []byte) error {
	whole, fraction, _ := strings.Cut(string(text), ".")
	if len(whole) > 3 || len(fraction) > 6 {
		whole = "?"
	}
	n, err := strconv.ParseUint(whole+(fraction + "000000")[:6], 10, 32)
	if err != nil {
		return &mistake{strconv.Quote(string(text)) + " is not a factor", "write a number such as 2 or 1.5"}
	}
	*f = factor(n)
	return nil
}

// size is a number of bytes: 512KiB, 10MiB.
type size int64

// ParseSize reads a number of bytes with its unit, as sizes are written in
// configurations: 512KiB, 40GiB.
func ParseSize(text string) (int64, error) {
	var s size
	err := s.UnmarshalText([]byte(text))
	return int64(s), err
}

func (s *size) UnmarshalText(text []byte) error {
	fault := &mistake{strconv.Quote(string(text)) + " is not a size", "write it with its unit: B, KiB, MiB or GiB, such as 10MiB"}
	for shift, unit := range []string{"KiB", "MiB", "GiB", "B"} {
		digits, ok := strings.CutSuffix(string(text), unit)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil {
			return fault
		}
		*s = size(n << (10 * ((shift + 1) % 4)))
		return nil
	}
	return fault
}

// rate is a number of requests a second: 600/s.
type rate int64

func (r *rate) UnmarshalText(text []byte) error {
	digits, ok := strings.CutSuffix(string(text), "/s")
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil {
		return &mistake{strconv.Quote(string(text)) + " is not a rate", "write requests a second, such as 600/s"}
	}
	*r = rate(n)
	return nil
}

// UnmarshalText reads a count, or a range written 8..16.
func (r *Range) UnmarshalText(text []byte) error {
	low, high, isRange := strings.Cut(string(text), "..")
	if !isRange {
		high = low
	}
	a, err1 := strconv.ParseUint(low, 10, 31)
	b, err2 := strconv.ParseUint(high, 10, 31)
	if err1 != nil || err2 != nil || a == 0 || b < a {
		return &mistake{strconv.Quote(string(text)) + " is not a count or a range of counts", "write 12, or 8..16 with the smaller first"}
	}
	*r = Range{int(a), int(b)}
	return nil
}

// maybe is a setting that the word none switches off. The zero maybe was not written.
type maybe[T any] struct {
	value T
	set   bool // written with a value
	none  bool // written as none
}

func (m *maybe[T]) decodeNode(d *decoder, n *node) {
	if n.isWord("none") {
		*m = maybe[T]{none: true}
		return
	}
	m.set = true
	d.decode(n, reflect.ValueOf(&m.value).Elem())
}

// inner returns the value to check, if there is one.
func (m maybe[T]) inner() (any, bool) { return m.value, m.set }
