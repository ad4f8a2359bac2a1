//! How a router is watched. Never part of a Spec; it takes effect at the start of the process.

/// How the router is watched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observe {
    /// The listener of operators.
    pub admin: Admin,
    /// Lines of requests.
    pub access_log: AccessLog,
    /// What is counted.
    pub metrics: Metrics,
    /// Spans.
    pub tracing: Tracing,
}

/// The listener of operators.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Admin {
    /// host:port; without a host loopback is meant; "": none.
    pub address: String,
}

/// Which requests get a line, and what is in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccessLog {
    /// No lines at all.
    pub off: bool,
    /// Fields beyond the baseline's.
    pub detail: bool,
    /// Share of requests that get a line, in parts per million; it counts only if `sampled` is set.
    pub sample: u32,
    /// `sample` counts.
    pub sampled: bool,
    /// Errors get a line whatever `sample` says.
    pub errors: bool,
    /// So do failovers.
    pub failovers: bool,
    /// So do retries.
    pub retries: bool,
    /// So do requests that take longer, ns; 0: none.
    pub slow: i64,
}

/// What is in the metrics beside the usual.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// Trace ids of sampled requests.
    pub exemplars: bool,
}

/// Where spans go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tracing {
    /// URL of the collector; "": what the environment names, or no tracing.
    pub otlp: String,
    /// Share of traces that begin here and are kept, in parts per million.
    pub sample: u32,
    /// `sample` counts; otherwise the default.
    pub sampled: bool,
}
