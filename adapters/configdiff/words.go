package configdiff

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"lockstep/adapters/configfile"
	"lockstep/core"
)

// Position is a place in a file.
type Position = configfile.Position

// thousands prints a count with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count is n with its noun: 1 key, 2,000 keys.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return thousands(n) + " " + noun
}

// countAre is count with its verb: 1 key is, 2 keys are.
func countAre(n int, noun string) string {
	if n == 1 {
		return count(n, noun) + " is"
	}
	return count(n, noun) + " are"
}

// share is a part of a whole in percent with one digit; what is more than
// nothing is never 0.0%, nor what is less than all 100.0%.
func share(part, whole uint64) string {
	switch {
	case whole == 0 || part == 0:
		return "0%"
	case part >= whole:
		return "100%"
	}
	p := float64(part) / float64(whole) * 100
	switch {
	case p < 0.1:
		return "<0.1%"
	case p > 99.9:
		return ">99.9%"
	}
	return fmt.Sprintf("%.1f%%", p)
}

// exactShare is share to the millionth, rounded up as push guards do, so that what
// is beyond a limit does not read as the limit itself.
func exactShare(part, whole uint64) string {
	if whole == 0 {
		return "0%"
	}
	hi, lo := bits.Mul64(min(part, whole), million)
	ppm, rest := bits.Div64(hi, lo, whole)
	if rest > 0 {
		ppm++
	}
	return shareText(uint32(ppm))
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// quoteWord is a word for a shell.
func quoteWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:/") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// clean keeps what a hostile name could do to a terminal or a page from doing
// it: what does not print is written as Go writes it.
func clean(s string) string {
	for _, r := range s {
		if !strconv.IsPrint(r) {
			q := strconv.QuoteToGraphic(s)
			return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
		}
	}
	return s
}

// shareText writes parts per million as a share that ParseShare reads.
func shareText(ppm uint32) string { return core.Percent(ppm) }
