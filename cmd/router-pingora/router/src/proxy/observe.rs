//! Who is told of every request and attempt, for metrics.

use std::time::Duration;

use lockstep_core::{Class, RetryWhy};

use crate::driver::{Admission, Target};

/// One attempt of a request, at its end.
#[derive(Debug)]
pub struct AttemptSeen<'a> {
    /// Its own decision.
    pub admission: &'a Admission,
    /// From its begin to the response's headers; none for none.
    pub headers: Option<Duration>,
    /// Of the upstream, 0 for none.
    pub status: u16,
    /// [`Class::NONE`] for a whole answer below 500.
    pub class: Class,
    /// Granted if a retry follows, else why none does; `Off` also for an attempt that did not fail.
    pub retry: RetryWhy,
}

/// One wait of a request, at its end.
#[derive(Debug)]
pub struct WaitSeen<'a> {
    /// Of a wait in a queue where it waited, of one for a retry where the request went then.
    pub target: &'a Target,
    /// How long it was in a queue (R5); the rest of a wait is back-off (R11).
    pub queued: Duration,
}

/// One request, at its end.
#[derive(Debug)]
pub struct RequestSeen<'a> {
    /// Where it went last, or why not.
    pub admission: &'a Admission,
    /// Answered; 499 for a client that left before.
    pub status: u16,
    /// [`Class::NONE`] for a whole answer of the upstream below 500.
    pub class: Class,
    /// From its header to its end.
    pub took: Duration,
    /// Bytes of the request's body that were read.
    pub received: u64,
    /// Bytes of the upstream's body that went to the client, an upgraded connection's included.
    pub sent: u64,
}

/// Is told. Calls are on the way of the request: an observer must not block. Calls of different requests overlap.
pub trait Observer: Send + Sync {
    /// Before the request is decided.
    fn request_begun(&self) {}
    /// What a listener got was not HTTP/1 as it takes it, or came too slowly.
    fn refused(&self, _listener: &str, _reason: &'static str) {}
    /// Before the request goes upstream.
    fn attempt_begun(&self, _admission: &Admission) {}
    /// Once for every begin.
    fn attempt_ended(&self, _seen: &AttemptSeen<'_>) {}
    /// After each wait.
    fn waited(&self, _seen: &WaitSeen<'_>) {}
    /// Last: the answer is out, or nobody takes it any more.
    fn request_ended(&self, _seen: &RequestSeen<'_>) {}
}
