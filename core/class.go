package core

// Class is R16: the one list of ways in which a request can end other than
// with an upstream's answer below 500. The numbers are part of the trace
// format. The order is load-bearing: the classes that count against an endpoint
// lie between FirstFailure and LastFailure.
type Class uint8

// The classes of R16. ClassNone is a completed response.
const (
	ClassNone Class = iota
	NoKey
	UnknownKey
	BadRequest
	BodyTooLarge
	LimitReached
	QueueTimeout
	CircuitOpen
	NoEndpoint
	NotReady
	Draining
	ClientGone
	Internal
	DNS
	ConnectRefused
	ConnectTimeout
	TLS
	ResetBeforeResponse
	ResponseTimeout
	BadResponse
	Upstream5xx
	BrokenBody
	BodyTimeout
	RequestTimeout
	HeaderTooLarge
	URITooLong
	Shed
	FairShare
	Unauthorized
	NoRoute
	classes

	// FirstFailure is the first class that counts against the endpoint (R7).
	FirstFailure = DNS
	// LastFailure is the last one.
	LastFailure = BodyTimeout
)

// Classes is the number of classes, ClassNone included.
const Classes = int(classes)

// Effect is what an outcome does to the breaker of its endpoint (R7).
type Effect uint8

// Effects of an outcome.
const (
	EffectOK Effect = iota
	EffectFailure
	EffectExcluded
)

// RetryRule says whether R11 may try again after a class.
type RetryRule uint8

// Retry rules: never; when the method allows it or nothing was sent; nothing ever was.
const (
	RetryNever RetryRule = iota
	RetryIfSafe
	RetryNothingSent
)

// ClassRow is one row of the table of R16.
type ClassRow struct {
	Label  string // log, metric and trace label
	Status uint16 // what the client is told; 0: the upstream's own status, or nobody is left to tell
	Effect Effect
	Retry  RetryRule
}

// Row returns c's row of the table of R16. A number outside the list gets the row of Internal.
func (c Class) Row() ClassRow {
	switch c {
	case ClassNone:
		return ClassRow{"none", 0, EffectOK, RetryNever}
	case NoKey:
		return ClassRow{"no_key", 400, EffectExcluded, RetryNever}
	case UnknownKey:
		return ClassRow{"unknown_key", 421, EffectExcluded, RetryNever}
	case BadRequest:
		return ClassRow{"bad_request", 400, EffectExcluded, RetryNever}
	case BodyTooLarge:
		return ClassRow{"body_too_large", 413, EffectExcluded, RetryNever}
	case LimitReached:
		return ClassRow{"limit", 429, EffectExcluded, RetryNever}
	case QueueTimeout:
		return ClassRow{"queue_timeout", 503, EffectExcluded, RetryNever}
	case CircuitOpen:
		return ClassRow{"circuit_open", 503, EffectExcluded, RetryNever}
	case NoEndpoint:
		return ClassRow{"no_endpoint", 503, EffectExcluded, RetryNever}
	case NotReady:
		return ClassRow{"not_ready", 503, EffectExcluded, RetryNever}
	case Draining:
		return ClassRow{"drain", 503, EffectExcluded, RetryNever}
	case ClientGone:
		return ClassRow{"client_gone", 0, EffectExcluded, RetryNever}
	}
	return c.edgeRow()
}

// edgeRow holds the rows of refusals whose numbers lie behind the upstream's classes.
func (c Class) edgeRow() ClassRow {
	switch c {
	case RequestTimeout:
		return ClassRow{"request_timeout", 408, EffectExcluded, RetryNever}
	case HeaderTooLarge:
		return ClassRow{"header_too_large", 431, EffectExcluded, RetryNever}
	case URITooLong:
		return ClassRow{"uri_too_long", 414, EffectExcluded, RetryNever}
	case Shed:
		return ClassRow{"shed", 503, EffectExcluded, RetryNever}
	case FairShare:
		return ClassRow{"fair_share", 429, EffectExcluded, RetryNever}
	case Unauthorized:
		return ClassRow{"unauthorized", 401, EffectExcluded, RetryNever}
	case NoRoute:
		return ClassRow{"no_route", 404, EffectExcluded, RetryNever}
	}
	return c.upstreamRow()
}

// upstreamRow holds the rows of classes that an upstream causes, and Internal's.
func (c Class) upstreamRow() ClassRow {
	switch c {
	case DNS:
		return ClassRow{"dns", 502, EffectFailure, RetryNothingSent}
	case ConnectRefused:
		return ClassRow{"connect_refused", 502, EffectFailure, RetryNothingSent}
	case ConnectTimeout:
		return ClassRow{"connect_timeout", 502, EffectFailure, RetryNothingSent}
	case TLS:
		return ClassRow{"tls", 502, EffectFailure, RetryNothingSent}
	case ResetBeforeResponse:
		return ClassRow{"reset_before_response", 502, EffectFailure, RetryIfSafe}
	case ResponseTimeout:
		return ClassRow{"response_timeout", 504, EffectFailure, RetryIfSafe}
	case BadResponse:
		return ClassRow{"bad_response", 502, EffectFailure, RetryIfSafe}
	case Upstream5xx:
		return ClassRow{"upstream_5xx", 0, EffectFailure, RetryIfSafe}
	case BrokenBody:
		return ClassRow{"broken_body", 0, EffectFailure, RetryNever}
	case BodyTimeout:
		return ClassRow{"body_timeout", 0, EffectFailure, RetryNever}
	}
	return ClassRow{"internal", 500, EffectExcluded, RetryNever}
}

// ByEdge reports whether the class is one that the edge finds without asking
// Match, so that a recording keeps it and a replay takes it as it is: the
// request could not be read, no route takes it, its key could not be verified,
// or the edge itself is at fault.
func (c Class) ByEdge() bool {
	return c.byBytes() || c == Unauthorized || c == NoRoute || c == Internal
}

// byBytes reports whether the class needs no configuration: it is refused
// before anything else.
func (c Class) byBytes() bool {
	switch c {
	case BadRequest, RequestTimeout, HeaderTooLarge, URITooLong:
		return true
	}
	return false
}

// String returns the class's label.
func (c Class) String() string { return c.Row().Label }

// Effect returns what the class does to a breaker, without the rest of the row.
func (c Class) Effect() Effect {
	switch {
	case c == ClassNone:
		return EffectOK
	case c >= FirstFailure && c <= LastFailure:
		return EffectFailure
	}
	return EffectExcluded
}
