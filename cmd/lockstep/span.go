package main

import (
	"time"

	"lockstep/core"
)

// span prints a length of time with three figures or so.
func span(d core.Duration) string {
	t := time.Duration(d)
	switch {
	case t >= time.Second:
		return t.Round(10 * time.Millisecond).String()
	case t >= time.Millisecond:
		return t.Round(10 * time.Microsecond).String()
	}
	return t.Round(10 * time.Nanosecond).String()
}
