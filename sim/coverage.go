package sim

// Situation is something that a search must reach at least sometimes, or its
// silence about it means nothing.
type Situation uint8

// Situations.
const (
	SawOpened Situation = iota
	SawHalfOpen
	SawRelapse // a half-open breaker opened again
	SawClosed  // a breaker recovered
	SawTripCapped
	SawProbeTimeout // a half-open probe failed at its guard
	SawUnhealthy
	SawHealthy
	SawLastResort // an endpoint served although health blocked it
	SawFailover
	SawGuestRefused // a guest found its cap or a full placement
	SawLimit        // 429
	SawCircuitOpen  // 503
	SawAdopted      // a push replaced the configuration
	SawNackStale
	SawNackConflict
	SawNackInvalid
	SawNackNotPersisted
	SawAckAgain // a push of what is in force
	SawRetired  // an endpoint left with its last request
	SawRestart
	SawDrainAbort
	SawDrainRefusal
	SawClientGone
	SawReply // a body outlived settle
	SawBrokenBody
	SawOldGeneration // an outcome of an earlier breaker generation
	SawRetry
	SawQueued // a request waited in a server's line
	SawDrainedMany
	SawRestartPushed // from a configuration that was pushed
	// What only the checkers see: never reached without Options.Check.
	SawTie        // two endpoints were as good, and the earlier was picked
	SawWeighted   // a rotation over unequal weights
	SawTwoChoices // least_request among several
	SawRendezvous // the same
	SawRatioTrip  // a share of failures opened a breaker
	SawSlowTrip   // a share of slow calls did
	SawSlowStart  // an endpoint was in its slow start
	SawSticky     // a client met its own endpoint
	SawShard      // a key had a shard
	SawBound      // a bound passed a key on
	SawKetama
	SawMaglev
	SawEWMA
	SawCapFull // every sound endpoint of a placement was at its cap
	SawPanic
	SawPanicLeft
	SawPanicRefusal // a placement in panic refused
	SawShed         // refused by priority
	SawFairShare    // refused for a tenant's share
	SawLimitChanged // an adaptive limit moved
	// Waits and retries.
	SawWait        // a request waited in a placement's queue
	SawWaitOver    // and was refused as queue_timeout
	SawTurn        // and was forwarded
	SawRouterRetry // a router tried again
	SawOutOfBudget // or did not, because the budget was spent
	SawMatchAgain  // a request that waited was matched again after a push
	SawGuarded     // a push guard refused
	situations
)

// Coverage is a set of situations.
type Coverage uint64

func (c *Coverage) add(s Situation) { *c |= 1 << s }

// Has reports whether s was reached.
func (c Coverage) Has(s Situation) bool { return c>>s&1 == 1 }

// Reached returns the names of what was reached, in a fixed order.
func (c Coverage) Reached() []string { return c.names(true) }

// Missing returns the names of what was never reached.
func (c Coverage) Missing() []string { return c.names(false) }

func (c Coverage) names(reached bool) (names []string) {
	for s := range situations {
		if c.Has(s) == reached {
			names = append(names, s.String())
		}
	}
	return names
}

// String returns the name that reports print.
func (s Situation) String() string {
	names := [situations]string{
		"breaker opened", "breaker half-opened", "half-open relapse", "breaker closed", "trip capped",
		"half-open probe timed out", "endpoint unhealthy", "endpoint healthy again", "last resort used",
		"failover", "guest refused", "limit reached", "circuit open refused", "push adopted", "nack stale",
		"nack epoch conflict", "nack invalid", "nack not persisted", "push acked again", "endpoint retired late",
		"router restart", "drain aborted", "drain refused", "client gone", "body outlived settle", "body broke",
		"outcome of an old generation", "client retry", "request queued at a server",
		"drained with several aborts", "restart from a pushed configuration", "tie in selection", "weighted rotation",
		"least of two choices", "rendezvous", "ratio trip", "slow trip", "slow start",
		"sticky client", "shard of a key", "bounded load", "ketama", "maglev", "ewma",
		"endpoints at their caps", "panic entered", "panic left", "panic refused", "shed by priority", "refused for a tenant's share", "adaptive limit moved",
		"request waited for room", "wait for room timed out", "turn after a wait",
		"router retry", "retry budget spent", "wait met a push", "push guarded",
	}
	if s >= situations {
		return "none"
	}
	return names[s]
}
