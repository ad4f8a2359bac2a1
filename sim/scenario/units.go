package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"lockstep/core"
)

const million = 1_000_000

// Span is a length of time, or a point in time counted from the start, written with its unit: 250ms, 1m30s.
type Span core.Duration

// UnmarshalText reads a span.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a length of time: write it with its unit, such as 5s", text)
	}
	*s = Span(d)
	return nil
}

// MarshalText writes a span as UnmarshalText reads it.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

func (s Span) length() core.Duration { return core.Duration(s) }
func (s Span) time() core.Time       { return core.Time(s) }

// Share is a part of a whole, in parts per million, written as a percentage: 12.5%.
type Share uint32

// UnmarshalText reads a share.
func (s *Share) UnmarshalText(text []byte) error {
	v, err := parsePercent(string(text))
	if err != nil {
		return err
	}
	if v > million {
		return fmt.Errorf("%q is above 100%%", text)
	}
	*s = Share(v)
	return nil
}

// MarshalText writes a share as UnmarshalText reads it.
func (s Share) MarshalText() ([]byte, error) { return []byte(percent(int64(s))), nil }

// Factor multiplies, in parts per million, written as 10x or 2.5x.
type Factor uint32

// UnmarshalText reads a factor.
func (f *Factor) UnmarshalText(text []byte) error {
	number, ok := strings.CutSuffix(string(text), "x")
	v, err := parseMillionths(number)
	if !ok || err != nil || v < million || v > 1000*million {
		return fmt.Errorf("%q is not a factor from 1x to 1000x: write it as 10x", text)
	}
	*f = Factor(v)
	return nil
}

// MarshalText writes a factor as UnmarshalText reads it.
func (f Factor) MarshalText() ([]byte, error) { return []byte(millionths(int64(f)) + "x"), nil }

// Epoch is written as term.number: 4.17. The zero Epoch means none.
type Epoch core.Epoch

// UnmarshalText reads an epoch.
func (e *Epoch) UnmarshalText(text []byte) error {
	term, number, ok := strings.Cut(string(text), ".")
	t, err1 := strconv.ParseUint(term, 10, 64)
	n, err2 := strconv.ParseUint(number, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return fmt.Errorf("%q is not an epoch: write it as term.number in quotes, such as \"1.17\"", text)
	}
	*e = Epoch{Term: t, Number: n}
	return nil
}

// MarshalText writes an epoch as UnmarshalText reads it.
func (e Epoch) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%d", e.Term, e.Number), nil
}

func parsePercent(text string) (int64, error) {
	number, ok := strings.CutSuffix(strings.TrimSpace(text), "%")
	v, err := parseMillionths(strings.TrimSpace(number))
	if !ok || err != nil {
		return 0, fmt.Errorf("%q is not a percentage: write it as 12.5%%", text)
	}
	return v / 100, nil
}

// parseMillionths reads a decimal with at most six digits after the point.
func parseMillionths(text string) (int64, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	w, err := strconv.ParseUint(whole, 10, 32)
	if err != nil || len(fraction) > 6 {
		return 0, fmt.Errorf("%q is not a number with at most six decimals", text)
	}
	f := uint64(0)
	if fraction != "" {
		if f, err = strconv.ParseUint(fraction+strings.Repeat("0", 6-len(fraction)), 10, 32); err != nil {
			return 0, fmt.Errorf("%q is not a number", text)
		}
	}
	return int64(w*million + f), nil
}

func millionths(v int64) string {
	s := fmt.Sprintf("%d.%06d", v/million, v%million)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

func percent(ppm int64) string { return millionths(ppm*100) + "%" }
