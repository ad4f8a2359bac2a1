package whatif

import (
	"lockstep/core"
	"lockstep/traces"
)

// clients is what the recordings say about clients that try again: how many of
// those who were failed came back with the same request id, and after how long.
type clients struct{}

func (c *clients) arrived(int64, *traces.Fact) {}

func (c *clients) decided(int64, *traces.Fact, []core.Decision) {}
