package settings

import "time"

// Observe says how a router is watched. It is never part of a core.Spec: it
// changes no decision. It takes effect at the start of the process.
type Observe struct {
	Admin     Admin
	AccessLog AccessLog
	Metrics   Metrics
	Tracing   Tracing
}

// Admin is the listener of operators.
type Admin struct {
	Address string // host:port; without a host loopback is meant; "": none
}

// AccessLog says which requests get a line, and what is in it.
type AccessLog struct {
	Off    bool
	Detail bool // fields beyond the baseline's
	// Sample is the share of requests that get a line, in parts per million; it
	// counts only if Sampled is set.
	Sample  uint32
	Sampled bool
	// What gets a line whatever Sample says.
	Errors, Failovers, Retries bool
	Slow                       time.Duration // requests that take longer; 0: none
}

// Metrics says what is in the metrics beside the usual.
type Metrics struct {
	Exemplars bool // trace ids of sampled requests
}

// Tracing says where spans go.
type Tracing struct {
	OTLP    string // URL of the collector; "": what the environment names, or no tracing
	Sample  uint32 // share of traces that begin here and are kept, in parts per million
	Sampled bool   // Sample counts; otherwise the default
}
