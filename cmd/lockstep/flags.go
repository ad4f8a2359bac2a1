package main

import (
	"fmt"
	"strings"
)

// flagError says of a flag's value that is no number what to write, in place of Go's own
// words for it (strconv.ParseUint: parsing "-1": invalid syntax).
func flagError(err error) error {
	what, cause, ok := strings.Cut(err.Error(), ": strconv.")
	if !ok {
		return err
	}
	hint := "write a whole number"
	switch {
	case strings.HasSuffix(cause, "value out of range"):
		hint = "the number is too large"
	case strings.HasPrefix(cause, "ParseUint"):
		hint = "write a whole number, 0 or more"
	case strings.HasPrefix(cause, "ParseBool"):
		hint = "write true or false"
	}
	return fmt.Errorf("%s: %s", what, hint)
}
