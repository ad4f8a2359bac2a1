package explain

import (
	"fmt"
	"strings"
	"time"

	"lockstep/core"
)

func plural(n int, noun string) string { return pluralN(uint64(n), noun) }

func pluralN(n uint64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return thousands(n) + " " + noun
}

// thousands prints a count with commas.
func thousands(n uint64) string {
	s := fmt.Sprint(n)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// bytesText prints a size; below 0 it is not known.
func bytesText(n int64) string {
	switch {
	case n < 0:
		return "unknown length"
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return pluralN(uint64(n), "byte")
}

// quoted prints a routing key so that it cannot be taken for anything else.
func quoted(key string) string {
	if key == "" {
		return "(no key)"
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Sprintf("%q", key)
	}
	return key
}

// span prints a length of time with three figures or so.
func span(d core.Duration) string {
	long := time.Duration(d)
	switch {
	case long >= time.Second:
		return long.Round(10 * time.Millisecond).String()
	case long >= time.Millisecond:
		return long.Round(10 * time.Microsecond).String()
	}
	return long.Round(10 * time.Nanosecond).String()
}

// Classes returns the names of R16's classes, none left out.
func Classes() (names []string) {
	for c := core.NoKey; int(c) < core.Classes; c++ {
		names = append(names, c.String())
	}
	return names
}
