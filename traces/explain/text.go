package explain

import (
	"fmt"
	"strings"

	"lockstep/core"
	"lockstep/traces/say"
)

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
	return say.Plural(uint64(n), "byte")
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

// Classes returns the names of R16's classes, none left out.
func Classes() (names []string) {
	for c := core.NoKey; int(c) < core.Classes; c++ {
		names = append(names, c.String())
	}
	return names
}
