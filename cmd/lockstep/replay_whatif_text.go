package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"lockstep/traces/say"
	"lockstep/traces/whatif"
)

// Words and numbers of a what-if.

func utc(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05.000 UTC") }

func seconds(ns int64) string {
	return time.Duration(ns).Round(time.Millisecond).String()
}

// when prints the time of an example.
func (o *whatIf) when(e *whatif.Example) string {
	for i := range o.result.Routers {
		if r := &o.result.Routers[i]; r.Name == e.Router && r.Origin != 0 {
			return utc(r.Origin + int64(e.Time))
		}
	}
	return "+" + seconds(int64(e.Time))
}

func shareOf(n, of uint64) string {
	if of == 0 {
		return "-"
	}
	return perCent(n * 1_000_000 / of)
}

func perCent(ppm uint64) string {
	if ppm > 0 && ppm < 100 { // else it would look like nothing
		return fmt.Sprintf("0.%04d %%", ppm)
	}
	return fmt.Sprintf("%d.%02d %%", ppm/10_000, ppm%10_000/100)
}

func growth(before, after uint64) string {
	if after >= before {
		return "+" + say.Count(after-before)
	}
	return "-" + say.Count(before-after)
}

// grown prints a change as a share of all requests, nothing for none.
func grown(before, after, of uint64) string {
	switch {
	case of == 0 || before == after:
		return ""
	case after > before:
		return "   +" + shareOf(after-before, of)
	}
	return "   -" + shareOf(before-after, of)
}

func labelsOf(s whatif.Shares) string {
	return fmt.Sprintf("recorded %s, modelled %s, unknown %s", say.Count(s.Recorded), say.Count(s.Modelled), say.Count(s.Unknown))
}

func statusOf(s uint16) string {
	if s == 0 {
		return "no answer, or one cut off"
	}
	return strconv.Itoa(int(s))
}

func keyOf(key string) string {
	if key == "" {
		return "(no key)"
	}
	return strconv.QuoteToGraphic(key)
}

func more(w io.Writer, n int, what string) {
	if n > mostShown {
		fmt.Fprintf(w, "  and %d %s, see --json\n", n-mostShown, what)
	}
}

func abs(n int64) int64 { return max(n, -n) }
