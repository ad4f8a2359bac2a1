package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// metric is one row of the table of metrics.
type metric struct {
	name, kind, labels, help string
	desc                     *prometheus.Desc
}

func define(name, kind, labels, help string) *metric {
	return &metric{name, kind, labels, help, prometheus.NewDesc(name, help, strings.Fields(labels), nil)}
}

// The table: what README.md lists is generated from it. Labels are separated by
// a space, in the order of their values.
var (
	mRequests  = define("lockstep_requests_total", "counter", "placement class code reason failover", "Requests by the placement that served or refused, class of R16 (ok for an answer below 500), status as 2xx, route reason and failover reason.")
	mDuration  = define("lockstep_request_duration_seconds", "histogram", "placement", "From the request's headers to the end of its answer.")
	mQueued    = define("lockstep_queue_seconds", "histogram", "placement", "Time that requests spent in a queue (R5), whatever ended it; by the placement where they first waited, of a retry by the one that served or refused.")
	mReceived  = define("lockstep_received_bytes_total", "counter", "placement", "Bytes of request bodies.")
	mSent      = define("lockstep_sent_bytes_total", "counter", "placement", "Bytes of upstream bodies given to clients.")
	mAttempts  = define("lockstep_attempts_total", "counter", "placement endpoint class", "Attempts by endpoint and class of their end.")
	mUpstream  = define("lockstep_upstream_header_seconds", "histogram", "placement endpoint", "From the begin of an attempt to the response headers.")
	mRetries   = define("lockstep_retries_total", "counter", "placement", "Retries granted after an attempt at this placement (R11).")
	mNoRetry   = define("lockstep_retries_refused_total", "counter", "placement reason", "Failed attempts at this placement that no retry followed although its requests have retries, by the first reason of R11.")
	mEvents    = define("lockstep_events_total", "counter", "event", "Events that the core was fed, by kind.")
	mDecisions = define("lockstep_decisions_total", "counter", "kind class cause", "Decisions by kind; class of refusals and aborts, cause of nacks, ignored events and bugs, else empty.")

	mInFlight      = define("lockstep_in_flight", "gauge", "placement", "Attempts in flight.")
	mGuests        = define("lockstep_guests", "gauge", "placement", "Attempts in flight that came by failover.")
	mLimit         = define("lockstep_in_flight_limit", "gauge", "placement", "Limit of attempts in flight that is in force, configured or adaptive; no series without one.")
	mGuestLimit    = define("lockstep_guests_limit", "gauge", "placement", "Configured limit of guests; no series without one.")
	mWaiting       = define("lockstep_waiting", "gauge", "placement state", "Requests that wait: queue, for room here; backoff, for a retry, with this placement as their home.")
	mRetrying      = define("lockstep_retrying", "gauge", "placement", "Requests with this home that were granted a retry and are not over; no series without retries or a budget.")
	mRetryDebt     = define("lockstep_retry_debt", "gauge", "placement", "Retries that were granted and not yet earned; at the limit no more are granted. No series without retries or a budget.")
	mRetryLimit    = define("lockstep_retry_limit", "gauge", "placement", "What lockstep_retry_debt and lockstep_retrying may each reach: the floor and a share of the requests in flight. No series without retries or a budget.")
	mPanic         = define("lockstep_panic", "gauge", "placement", "1 while too few of the endpoints are usable (R9).")
	mEndInFlight   = define("lockstep_endpoint_in_flight", "gauge", "placement endpoint", "Attempts in flight.")
	mBreaker       = define("lockstep_breaker_state", "gauge", "placement endpoint state", "1 for the breaker's state, 0 for the others.")
	mBreakerFails  = define("lockstep_breaker_failures", "gauge", "placement endpoint", "Failures in a row of a closed breaker.")
	mHealthy       = define("lockstep_endpoint_healthy", "gauge", "placement endpoint", "1 unless active checks found the endpoint unhealthy.")
	mRetiring      = define("lockstep_endpoints_retiring", "gauge", "", "Endpoints that left the configuration and still have attempts in flight.")
	mEpoch         = define("lockstep_config_epoch", "gauge", "", "Number of the epoch in force, 0 before the first configuration.")
	mTerm          = define("lockstep_config_term", "gauge", "", "Term of the epoch in force.")
	mConfig        = define("lockstep_config_info", "gauge", "version digest", "1; the labels tell the configuration in force.")
	mDraining      = define("lockstep_draining", "gauge", "", "1 once a drain has begun.")
	mControl       = define("lockstep_control_plane_connected", "gauge", "", "1 while the router is connected to its control plane, 0 once that is lost; no series before the first connection.")
	mIgnored       = define("lockstep_ignored_total", "counter", "", "Events, or parts of them, that named nothing.")
	mBugs          = define("lockstep_bugs_total", "counter", "", "Broken invariants. Report any.")
	mMissed        = define("lockstep_probes_missed_total", "counter", "", "Probe times that passed without a probe.")
	mNotesDropped  = define("lockstep_notes_dropped_total", "counter", "", "Notes dropped because their readers were too slow.")
	mLostBlocks    = define("lockstep_recorder_lost_blocks_total", "counter", "", "Blocks of the recording that never reached the disk.")
	mLostSteps     = define("lockstep_recorder_lost_steps_total", "counter", "", "Steps in them.")
	mWrittenBytes  = define("lockstep_recorder_written_bytes_total", "counter", "", "Bytes of recording written to segments.")
	mDeletedFiles  = define("lockstep_recorder_deleted_files_total", "counter", "", "Segments and dumps deleted because they were past what is kept.")
	mDeletedBytes  = define("lockstep_recorder_deleted_bytes_total", "counter", "", "Bytes in them, with their indexes.")
	mDiskErrors    = define("lockstep_recorder_disk_errors_total", "counter", "", "Failed writes of the recorder.")
	mLogLost       = define("lockstep_access_log_lost_writes_total", "counter", "", "Writes of the access log that failed; each may hold many lines.")
	mConnections   = define("lockstep_client_connections", "gauge", "state", "Connections of clients: new, active, idle or hijacked (upgraded).")
	mListenerOpen  = define("lockstep_listener_connections", "gauge", "listener", "Connections that are open.")
	mAccepted      = define("lockstep_listener_accepted_total", "counter", "listener", "Connections taken in.")
	mConnRefused   = define("lockstep_listener_refused_total", "counter", "listener reason", "Connections closed before a request: a limit, a PROXY header, a TLS handshake.")
	mHTTP1Refused  = define("lockstep_http1_refused_total", "counter", "listener reason", "What is not HTTP/1.1 as we take it, or came too slowly, by reason; no series before the first.")
	mReady         = define("lockstep_ready", "gauge", "", "1 while the router says that it is ready.")
	mBuild         = define("lockstep_build_info", "gauge", "version go spec", "1; the labels tell the program and the version of its rules.")
	mScrapeSeconds = define("lockstep_view_seconds", "gauge", "", "Time that reading the router took for this scrape; its lock is held for parts of it.")
)

// table is every metric, in the order of the README.
func table() []*metric {
	return []*metric{
		mRequests, mDuration, mQueued, mReceived, mSent, mAttempts, mUpstream, mRetries, mNoRetry, mEvents, mDecisions,
		mInFlight, mGuests, mLimit, mGuestLimit, mWaiting, mRetrying, mRetryDebt, mRetryLimit, mPanic, mEndInFlight, mBreaker, mBreakerFails, mHealthy, mRetiring,
		mEpoch, mTerm, mConfig, mDraining, mReady, mControl, mIgnored, mBugs, mMissed, mNotesDropped,
		mLostBlocks, mLostSteps, mWrittenBytes, mDeletedFiles, mDeletedBytes, mDiskErrors, mLogLost, mConnections, mListenerOpen, mAccepted, mConnRefused, mHTTP1Refused, mBuild, mScrapeSeconds,
	}
}

func (m *metric) names() []string { return strings.Fields(m.labels) }

func (m *metric) counter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.name, Help: m.help}, m.names())
}

// histogram is native, with classic buckets beside for scrapers that cannot
// read those. A factor of 1.1 tells latencies apart by 10 %.
func (m *metric) histogram() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: m.name, Help: m.help,
		Buckets:                        prometheus.DefBuckets,
		NativeHistogramBucketFactor:    1.1,
		NativeHistogramMaxBucketNumber: 160,
	}, m.names())
}

// Table returns the metrics as lines of a Markdown table.
func Table() string {
	var b strings.Builder
	b.WriteString("| metric | kind | labels | tells |\n|---|---|---|---|\n")
	for _, m := range table() {
		b.WriteString("| `" + m.name + "` | " + m.kind + " | " + m.labels + " | " + m.help + " |\n")
	}
	return b.String()
}
