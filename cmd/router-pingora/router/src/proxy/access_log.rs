//! The access log: one JSON object a line for each request, with the fields of BASELINE in the form of
//! the Go side. Lines are gathered and written together, at the latest 200 ms later.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use lockstep_core::{Class, request_hash};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const FLUSH_AFTER: Duration = Duration::from_millis(200);
const FLUSH_SIZE: usize = 32 << 10;

/// Logged for a client that left before there was an answer. It is nginx's number; nothing is sent.
pub(crate) const STATUS_CLIENT_GONE: u16 = 499;

/// Which requests a log has a line for, and what is in it. The default is the baseline's log.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogOptions {
    /// Adds the fields that the baseline does not have.
    pub detail: bool,
    /// Keeps only this many of a million requests; none keeps all. Which ones is a hash of the request
    /// id, so that every router that sees a request keeps it or does not.
    pub keep: Option<u32>,
    /// Kept whatever `keep` says: refused, failed or answered with 500 or more.
    pub errors: bool,
    /// Likewise: not served by the first candidate.
    pub failovers: bool,
    /// Likewise: an attempt failed and a retry was granted.
    pub retries: bool,
    /// Likewise: took longer; none for never.
    pub slow: Option<Duration>,
}

/// Writes the lines. Dropping it writes what is left.
pub struct AccessLog {
    shared: Arc<Shared>,
    options: LogOptions,
}

struct Shared {
    state: Mutex<State>,
    some: Condvar,
}

struct State {
    out: Box<dyn Write + Send>,
    lines: Vec<u8>,
    lost: u64,
    closed: bool,
}

/// What one line is made of.
pub(crate) struct Line<'a> {
    pub(crate) id: &'a str,
    pub(crate) bits: [u64; 2],
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) key: &'a str,
    pub(crate) placement: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) url: &'a str,
    pub(crate) failover: &'a str,
    pub(crate) status: u16,
    pub(crate) class: Class,
    pub(crate) took: Duration,
    /// What the upstream did wrong.
    pub(crate) why: Option<&'a str>,
    /// Reason of a request that was none, and who sent it.
    pub(crate) refused: Option<(&'a str, &'a str)>,
    pub(crate) detail: Option<Detail<'a>>,
}

/// What the baseline's line does not have.
#[derive(Default)]
pub(crate) struct Detail<'a> {
    pub(crate) protocol: &'static str,
    pub(crate) circuit: &'a str,
    pub(crate) route: &'a str,
    pub(crate) source: &'a str,
    pub(crate) attempts: u32,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) upstream: Duration,
    pub(crate) queued: Duration,
    pub(crate) back_off: Duration,
    pub(crate) failed: &'a [Failed],
    pub(crate) epoch: u64,
    pub(crate) step: u64,
    pub(crate) tls: Option<&'a str>,
}

/// What is kept of an attempt that a retry followed.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) url: Arc<str>,
    pub(crate) class: Class,
    pub(crate) status: u16,
    pub(crate) took: Duration,
}

impl AccessLog {
    /// A log that writes to `out` what the options want.
    pub fn new(out: Box<dyn Write + Send>, options: LogOptions) -> AccessLog {
        let state = State { out, lines: Vec::with_capacity(2 * FLUSH_SIZE), lost: 0, closed: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), some: Condvar::new() });
        let weak = Arc::downgrade(&shared);
        // Its error is a machine without threads: then lines wait until there are many.
        let _ = std::thread::Builder::new().name("access-log".into()).spawn(move || flusher(weak));
        AccessLog { shared, options }
    }

    pub(crate) fn options(&self) -> &LogOptions {
        &self.options
    }

    /// How many writes failed; each lost its lines.
    pub fn lost(&self) -> u64 {
        self.lock().lost
    }

    /// Writes what has been gathered.
    pub fn flush(&self) {
        self.lock().flush();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self, line: &Line<'_>) {
        if !self.options.wants(line) {
            return;
        }
        let mut s = self.lock();
        let first = s.lines.is_empty();
        line.append(&mut s.lines, SystemTime::now(), self.options.detail.then_some(&self.options));
        if s.lines.len() >= FLUSH_SIZE {
            s.flush();
        } else if first {
            self.shared.some.notify_one();
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        let mut s = self.lock();
        s.flush();
        s.closed = true;
        self.shared.some.notify_all();
    }
}

impl State {
    fn flush(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        if self.out.write_all(&self.lines).and_then(|()| self.out.flush()).is_err() {
            self.lost += 1;
        }
        self.lines.clear();
    }
}

/// Writes lines that have waited long enough.
fn flusher(shared: Weak<Shared>) {
    while let Some(s) = shared.upgrade() {
        let mut state = s.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.lines.is_empty() && !state.closed {
            state = s.some.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return;
        }
        let due = Instant::now() + FLUSH_AFTER;
        while Instant::now() < due && !state.closed {
            let left = due.saturating_duration_since(Instant::now());
            state = s.some.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.flush();
    }
}

impl LogOptions {
    fn wants(&self, line: &Line<'_>) -> bool {
        let Some(keep) = self.keep else {
            return true;
        };
        self.errors && (line.class != Class::NONE || line.status >= 500)
            || self.retries && line.detail.as_ref().is_some_and(|d| !d.failed.is_empty())
            || self.failovers && !line.failover.is_empty()
            || self.slow.is_some_and(|s| line.took > s)
            || request_hash(line.bits[0], line.bits[1]) % 1_000_000 < u64::from(keep)
    }
}

impl Line<'_> {
    fn append(&self, b: &mut Vec<u8>, now: SystemTime, detail: Option<&LogOptions>) {
        b.extend_from_slice(b"{\"timestamp\":\"");
        let at = OffsetDateTime::from(now).replace_nanosecond(0).ok().and_then(|t| t.format(&Rfc3339).ok());
        b.extend_from_slice(at.unwrap_or_default().as_bytes());
        b.push(b'"');
        field(b, "request_id", self.id);
        field(b, "method", self.method);
        field(b, "path", self.path);
        if !self.key.is_empty() {
            field(b, "routing_key", self.key);
        }
        field(b, "placement_key", self.placement);
        field(b, "route_reason", self.reason);
        field(b, "upstream_url", self.url);
        if let (Some(why), Some(_)) = (self.why, detail) {
            field(b, "upstream_error", why);
        }
        number(b, "status_code", u64::from(self.status));
        millis(b, "duration_ms", self.took);
        let why = self.failover_reason();
        if !why.is_empty() {
            field(b, "failover_reason", why);
        }
        if let Some((reason, client)) = self.refused {
            field(b, "refused", reason);
            field(b, "client", client);
        }
        if let (Some(d), Some(o)) = (&self.detail, detail) {
            d.append(b, self, o);
        }
        b.extend_from_slice(b"}\n");
    }

    /// Why the key's own placement did not serve: it was left, or it refused.
    fn failover_reason(&self) -> &str {
        match self.class {
            Class::LIMIT_REACHED => "concurrency_limit",
            Class::BODY_TOO_LARGE => "body_size_limit",
            Class::CIRCUIT_OPEN => "circuit_open",
            _ => self.failover,
        }
    }
}

impl Detail<'_> {
    fn append(&self, b: &mut Vec<u8>, line: &Line<'_>, o: &LogOptions) {
        let class = if line.class == Class::NONE && line.status >= 500 { Class::UPSTREAM_5XX } else { line.class };
        field(b, "class", class_name(class));
        for (name, value) in [
            ("protocol", self.protocol),
            ("circuit_state", self.circuit),
            ("route", self.route),
            ("key_source", self.source),
        ] {
            if !value.is_empty() {
                field(b, name, value);
            }
        }
        number(b, "attempts", u64::from(self.attempts));
        number(b, "bytes_received", self.received);
        number(b, "bytes_sent", self.sent);
        if self.attempts > 0 {
            millis(b, "upstream_ms", self.upstream);
        }
        if self.queued > Duration::ZERO {
            millis(b, "queued_ms", self.queued);
        }
        if self.back_off > Duration::ZERO {
            millis(b, "backoff_ms", self.back_off);
        }
        self.append_failed(b);
        number(b, "epoch", self.epoch);
        number(b, "step", self.step);
        if let Some(tls) = self.tls {
            field(b, "tls_version", tls);
        }
        if let Some(keep) = o.keep {
            b.extend_from_slice(format!(",\"sample\":{}", f64::from(keep) / 1e6).as_bytes());
        }
    }

    /// Lists the attempts that a retry followed; core bounds how many.
    fn append_failed(&self, b: &mut Vec<u8>) {
        if self.failed.is_empty() {
            return;
        }
        b.extend_from_slice(b",\"retried\":[");
        for (i, f) in self.failed.iter().enumerate() {
            if i > 0 {
                b.push(b',');
            }
            let at = b.len();
            field(b, "upstream_url", &f.url);
            b[at] = b'{'; // in place of its comma
            field(b, "class", class_name(f.class));
            if f.status > 0 {
                number(b, "status_code", u64::from(f.status));
            }
            millis(b, "duration_ms", f.took);
            b.push(b'}');
        }
        b.push(b']');
    }
}

/// A class's label, "ok" for none.
pub(crate) fn class_name(c: Class) -> &'static str {
    if c == Class::NONE { "ok" } else { c.row().label }
}

fn number(b: &mut Vec<u8>, name: &str, n: u64) {
    let _ = write!(b, ",\"{name}\":{n}"); // a Vec takes all
}

fn millis(b: &mut Vec<u8>, name: &str, d: Duration) {
    let _ = write!(b, ",\"{name}\":{}", d.as_micros() as f64 / 1000.0);
}

/// Appends a member with a string value, escaped as encoding/json of the Go side does it.
fn field(b: &mut Vec<u8>, name: &str, value: &str) {
    b.extend_from_slice(b",\"");
    b.extend_from_slice(name.as_bytes());
    b.extend_from_slice(b"\":\"");
    for c in value.chars() {
        match c {
            '"' => b.extend_from_slice(b"\\\""),
            '\\' => b.extend_from_slice(b"\\\\"),
            '\n' => b.extend_from_slice(b"\\n"),
            '\r' => b.extend_from_slice(b"\\r"),
            '\t' => b.extend_from_slice(b"\\t"),
            '\u{8}' => b.extend_from_slice(b"\\b"),
            '\u{c}' => b.extend_from_slice(b"\\f"),
            // encoding/json leaves printable ASCII alone only where no such character is in it.
            '<' | '>' | '&' if !plain(value) => {
                let _ = write!(b, "\\u{:04x}", c as u32);
            }
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(b, "\\u{:04x}", c as u32);
            }
            _ => {
                let mut room = [0; 4];
                b.extend_from_slice(c.encode_utf8(&mut room).as_bytes());
            }
        }
    }
    b.push(b'"');
}

/// Whether a JSON string may hold the value as it is.
fn plain(value: &str) -> bool {
    value.bytes().all(|c| matches!(c, b' '..=b'~') && c != b'"' && c != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line<'static> {
        Line {
            id: "i",
            bits: [0, 1],
            method: "GET",
            path: "/p",
            key: "visa",
            placement: "visa",
            reason: "dedicated",
            url: "http://visa:80",
            failover: "",
            status: 200,
            class: Class::NONE,
            took: Duration::from_micros(1234),
            why: None,
            refused: None,
            detail: None,
        }
    }

    fn written(l: &Line<'_>) -> String {
        let mut b = Vec::new();
        l.append(&mut b, SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_999), None);
        String::from_utf8(b).unwrap()
    }

    #[test]
    fn a_line_has_the_fields_of_the_baseline_in_their_order() {
        assert_eq!(
            written(&line()),
            "{\"timestamp\":\"2023-11-14T22:13:20Z\",\"request_id\":\"i\",\"method\":\"GET\",\"path\":\"/p\",\"routing_key\":\"visa\",\
             \"placement_key\":\"visa\",\"route_reason\":\"dedicated\",\"upstream_url\":\"http://visa:80\",\"status_code\":200,\"duration_ms\":1.234}\n"
        );
    }

    #[test]
    fn the_class_of_a_refusal_says_why_the_home_did_not_serve() {
        for (class, want) in [
            (Class::LIMIT_REACHED, "concurrency_limit"),
            (Class::BODY_TOO_LARGE, "body_size_limit"),
            (Class::CIRCUIT_OPEN, "circuit_open"),
        ] {
            let l = Line { class, status: class.row().status, ..line() };
            assert!(written(&l).contains(&format!(",\"failover_reason\":\"{want}\"}}")), "{class}");
        }
        assert!(
            written(&Line { failover: "upstream_unhealthy", ..line() })
                .ends_with(",\"failover_reason\":\"upstream_unhealthy\"}\n")
        );
    }

    #[test]
    fn a_whole_number_of_milliseconds_has_no_point() {
        assert!(written(&Line { took: Duration::from_millis(5), ..line() }).contains("\"duration_ms\":5}"));
    }

    #[test]
    fn text_is_escaped_as_go_does_it() {
        let escaped = |v: &str| {
            let mut b = Vec::new();
            field(&mut b, "f", v);
            String::from_utf8(b).unwrap()
        };
        assert_eq!(escaped("a<b"), ",\"f\":\"a<b\"");
        assert_eq!(escaped("a<\"b"), ",\"f\":\"a\\u003c\\\"b\"");
        assert_eq!(escaped("\u{1}\n\u{2028}é"), ",\"f\":\"\\u0001\\n\\u2028é\"");
    }

    #[test]
    fn sampling_keeps_what_is_always_wanted() {
        let o = LogOptions { keep: Some(0), errors: true, ..LogOptions::default() };
        assert!(!o.wants(&line()));
        assert!(o.wants(&Line { status: 500, ..line() }));
        assert!(o.wants(&Line { class: Class::NO_KEY, ..line() }));
    }

    #[test]
    fn what_was_gathered_is_written_when_the_log_is_dropped() {
        #[derive(Clone, Default)]
        struct Out(Arc<Mutex<Vec<u8>>>);
        impl Write for Out {
            fn write(&mut self, b: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(b);
                Ok(b.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let out = Out::default();
        let log = AccessLog::new(Box::new(out.clone()), LogOptions::default());
        log.write(&line());
        drop(log);
        assert_eq!(out.0.lock().unwrap().iter().filter(|&&c| c == b'\n').count(), 1);
    }
}
