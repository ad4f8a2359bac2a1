//! What holds an attempt's slot: whatever becomes of the exchange, its FINISH is booked, once.

use std::sync::Arc;

use lockstep_core::{Class, DecisionKind, Handle};

use super::Proxy;
use super::live::Cut;
use crate::driver::{Admission, Ending};

/// One attempt from its FORWARD to its FINISH.
pub(crate) struct Ticket {
    proxy: Arc<Proxy>,
    handle: Handle,
    again: bool,
    /// Tells that the attempt is cut.
    pub(crate) cut: Arc<Cut>,
    /// Of the response, 0 before its headers.
    pub(crate) status: u16,
    /// Some of the request may have reached the endpoint.
    pub(crate) sent: bool,
    booked: bool,
    over: bool,
    seen: bool, // its end was told to the observer
}

impl Ticket {
    /// Takes over the slot of a FORWARD.
    pub(crate) fn new(proxy: &Arc<Proxy>, adm: &Admission) -> Ticket {
        Ticket {
            proxy: proxy.clone(),
            handle: adm.handle,
            again: adm.again,
            cut: proxy.live.add(adm.handle),
            status: 0,
            sent: false,
            booked: false,
            over: false,
            seen: false,
        }
    }

    /// Books the outcome of a response whose body outlives `settle` (R7), once.
    pub(crate) fn reply(&mut self) {
        if !self.booked && !self.over {
            self.booked = true;
            self.proxy.driver.reply(self.handle, self.status);
        }
    }

    /// Ends the attempt. The answer is there if core was asked whether another follows.
    pub(crate) fn finish(&mut self, class: Class, replayable: bool) -> Option<Admission> {
        if self.over {
            return None;
        }
        self.leave();
        if !self.again || self.status != 0 {
            self.proxy.driver.finish(self.handle, class, self.status, self.sent);
            return None;
        }
        let e = Ending { class, status: 0, sent: self.sent, replayable, retry_after: 0 };
        Some(self.proxy.driver.end(self.handle, &e))
    }

    /// Asks core of a response that failed, before any of it goes to the client. If the answer is a
    /// RETRY, the attempt is over.
    pub(crate) fn ask(&mut self, status: u16, replayable: bool, retry_after: i64) -> Option<Admission> {
        if self.over || self.booked || self.cut.class() != Class::NONE {
            return None;
        }
        self.booked = true;
        let e = Ending { class: Class::NONE, status, sent: self.sent, replayable, retry_after };
        let next = self.proxy.driver.ask(self.handle, &e);
        if next.kind == DecisionKind::RETRY {
            self.leave();
        }
        Some(next)
    }

    /// The outcome is booked, or the attempt is over.
    pub(crate) fn is_booked(&self) -> bool {
        self.booked || self.over
    }

    /// Notes that the observer was told of the end.
    pub(crate) fn see(&mut self) {
        self.seen = true;
    }

    /// See `see`.
    pub(crate) fn was_seen(&self) -> bool {
        self.seen
    }

    fn leave(&mut self) {
        self.over = true;
        self.proxy.live.remove(self.handle);
    }
}

impl Drop for Ticket {
    /// An exchange that was dropped half-way: its client's connection or stream is gone, or a handler panicked.
    fn drop(&mut self) {
        let class = if std::thread::panicking() { Class::INTERNAL } else { Class::CLIENT_GONE };
        if !self.over {
            self.leave();
            self.proxy.driver.finish(self.handle, class, self.status, self.sent);
        }
    }
}
