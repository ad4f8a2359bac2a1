//! The table of metrics: names, kinds, labels and texts of adapters/metrics/names.go. What Pingora
//! does not tell is left out, and listed so.

/// One row of the table.
pub struct Metric {
    /// The name.
    pub name: &'static str,
    /// counter, gauge or histogram; what makes a series knows it already.
    #[cfg(test)]
    pub kind: &'static str,
    /// In the order of their values.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($id:ident = $name:literal $kind:ident [$($label:literal),*] $help:literal;)*) => {
        $(#[doc = $help] pub const $id: Metric = Metric { name: $name, #[cfg(test)] kind: stringify!($kind), labels: &[$($label),*], help: $help };)*
        /// Every metric, to be held against the Go router's.
        #[cfg(test)]
        pub const TABLE: &[Metric] = &[$($id),*];
    };
}

metrics! {
    REQUESTS = "lockstep_requests_total" counter ["placement", "class", "code", "reason", "failover"] "Requests by the placement that served or refused, class of R16 (ok for an answer below 500), status as 2xx, route reason and failover reason.";
    DURATION = "lockstep_request_duration_seconds" histogram ["placement"] "From the request's headers to the end of its answer.";
    QUEUED = "lockstep_queue_seconds" histogram ["placement"] "Time that requests spent in a queue (R5), whatever ended it; by the placement where they first waited, of a retry by the one that served or refused.";
    RECEIVED = "lockstep_received_bytes_total" counter ["placement"] "Bytes of request bodies.";
    SENT = "lockstep_sent_bytes_total" counter ["placement"] "Bytes of upstream bodies given to clients.";
    ATTEMPTS = "lockstep_attempts_total" counter ["placement", "endpoint", "class"] "Attempts by endpoint and class of their end.";
    UPSTREAM = "lockstep_upstream_header_seconds" histogram ["placement", "endpoint"] "From the begin of an attempt to the response headers.";
    RETRIES = "lockstep_retries_total" counter ["placement"] "Retries granted after an attempt at this placement (R11).";
    NO_RETRY = "lockstep_retries_refused_total" counter ["placement", "reason"] "Failed attempts at this placement that no retry followed although its requests have retries, by the first reason of R11.";
    EVENTS = "lockstep_events_total" counter ["event"] "Events that the core was fed, by kind.";
    DECISIONS = "lockstep_decisions_total" counter ["kind", "class", "cause"] "Decisions by kind; class of refusals and aborts, cause of nacks, ignored events and bugs, else empty.";
    IN_FLIGHT = "lockstep_in_flight" gauge ["placement"] "Attempts in flight.";
    GUESTS = "lockstep_guests" gauge ["placement"] "Attempts in flight that came by failover.";
    LIMIT = "lockstep_in_flight_limit" gauge ["placement"] "Limit of attempts in flight that is in force, configured or adaptive; no series without one.";
    GUEST_LIMIT = "lockstep_guests_limit" gauge ["placement"] "Configured limit of guests; no series without one.";
    WAITING = "lockstep_waiting" gauge ["placement", "state"] "Requests that wait: queue, for room here; backoff, for a retry, with this placement as their home.";
    RETRYING = "lockstep_retrying" gauge ["placement"] "Requests with this home that were granted a retry and are not over; no series without retries or a budget.";
    RETRY_DEBT = "lockstep_retry_debt" gauge ["placement"] "Retries that were granted and not yet earned; at the limit no more are granted. No series without retries or a budget.";
    RETRY_LIMIT = "lockstep_retry_limit" gauge ["placement"] "What lockstep_retry_debt and lockstep_retrying may each reach: the floor and a share of the requests in flight. No series without retries or a budget.";
    PANIC = "lockstep_panic" gauge ["placement"] "1 while too few of the endpoints are usable (R9).";
    END_IN_FLIGHT = "lockstep_endpoint_in_flight" gauge ["placement", "endpoint"] "Attempts in flight.";
    BREAKER = "lockstep_breaker_state" gauge ["placement", "endpoint", "state"] "1 for the breaker's state, 0 for the others.";
    BREAKER_FAILS = "lockstep_breaker_failures" gauge ["placement", "endpoint"] "Failures in a row of a closed breaker.";
    HEALTHY = "lockstep_endpoint_healthy" gauge ["placement", "endpoint"] "1 unless active checks found the endpoint unhealthy.";
    RETIRING = "lockstep_endpoints_retiring" gauge [] "Endpoints that left the configuration and still have attempts in flight.";
    EPOCH = "lockstep_config_epoch" gauge [] "Number of the epoch in force, 0 before the first configuration.";
    TERM = "lockstep_config_term" gauge [] "Term of the epoch in force.";
    CONFIG = "lockstep_config_info" gauge ["version", "digest"] "1; the labels tell the configuration in force.";
    DRAINING = "lockstep_draining" gauge [] "1 once a drain has begun.";
    READY = "lockstep_ready" gauge [] "1 while the router says that it is ready.";
    CONTROL = "lockstep_control_plane_connected" gauge [] "1 while the router is connected to its control plane, 0 once that is lost; no series before the first connection.";
    IGNORED = "lockstep_ignored_total" counter [] "Events, or parts of them, that named nothing.";
    BUGS = "lockstep_bugs_total" counter [] "Broken invariants. Report any.";
    MISSED = "lockstep_probes_missed_total" counter [] "Probe times that passed without a probe.";
    NOTES_DROPPED = "lockstep_notes_dropped_total" counter [] "Notes dropped because their readers were too slow.";
    LOST_BLOCKS = "lockstep_recorder_lost_blocks_total" counter [] "Blocks of the recording that never reached the disk.";
    LOST_STEPS = "lockstep_recorder_lost_steps_total" counter [] "Steps in them.";
    WRITTEN_BYTES = "lockstep_recorder_written_bytes_total" counter [] "Bytes of recording written to segments.";
    DISK_ERRORS = "lockstep_recorder_disk_errors_total" counter [] "Failed writes of the recorder.";
    LOG_LOST = "lockstep_access_log_lost_writes_total" counter [] "Writes of the access log that failed; each may hold many lines.";
    LISTENER_OPEN = "lockstep_listener_connections" gauge ["listener"] "Connections that are open.";
    ACCEPTED = "lockstep_listener_accepted_total" counter ["listener"] "Connections taken in.";
    CONN_REFUSED = "lockstep_listener_refused_total" counter ["listener", "reason"] "Connections closed before a request: a limit, a PROXY header, a TLS handshake.";
    HTTP1_REFUSED = "lockstep_http1_refused_total" counter ["listener", "reason"] "What is not HTTP/1.1 as we take it, or came too slowly, by reason; no series before the first.";
    CPU = "process_cpu_seconds_total" counter [] "Total user and system CPU time spent in seconds.";
    START = "process_start_time_seconds" gauge [] "Start time of the process since unix epoch in seconds.";
    RESIDENT = "process_resident_memory_bytes" gauge [] "Resident memory size in bytes.";
    VIRTUAL = "process_virtual_memory_bytes" gauge [] "Virtual memory size in bytes.";
    OPEN_FDS = "process_open_fds" gauge [] "Number of open file descriptors.";
    BUILD = "lockstep_build_info" gauge ["version", "go", "spec"] "1; the labels tell the program and the version of its rules.";
    VIEW_SECONDS = "lockstep_view_seconds" gauge [] "Time that reading the router took for this scrape; its lock is held for parts of it.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// What the Go router has and this one has not, with the reason.
    const LEFT_OUT: &[(&str, &str)] = &[
        ("lockstep_client_connections", "Pingora does not tell which connections are idle"),
        ("lockstep_recorder_deleted_files_total", "it deletes no recordings"),
        ("lockstep_recorder_deleted_bytes_total", "it deletes no recordings"),
    ];

    #[test]
    fn every_metric_of_the_go_router_is_here_with_its_labels_or_is_left_out_by_name() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../adapters/metrics/README.md"));
        let page = page.expect("the table of the Go side");
        let mut ours: BTreeMap<_, _> =
            TABLE.iter().filter(|m| m.name.starts_with("lockstep_")).map(|m| (m.name, m)).collect();
        for line in page.lines().filter(|l| l.starts_with("| `lockstep_")) {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let (name, kind, labels, help) = (cells[1].trim_matches('`'), cells[2], cells[3], cells[4]);
            if LEFT_OUT.iter().any(|(left, _)| *left == name) {
                assert!(!ours.contains_key(name), "{name} is not left out");
                continue;
            }
            let m = ours.remove(name).unwrap_or_else(|| panic!("{name} is missing"));
            assert_eq!((m.kind, m.labels.join(" ").as_str(), m.help), (kind, labels, help), "{name}");
        }
        assert!(ours.is_empty(), "the Go router has no {:?}", ours.keys());
    }
}
