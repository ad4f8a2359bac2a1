//! A request's body on its way upstream: it counts what no Content-Length announced, keeps what may have
//! to be sent again (R11), and knows whose fault a broken body is.

use std::time::{Duration, Instant};

use bytes::Bytes;
use lockstep_core::Class;
use pingora::protocols::http::ServerSession;

use super::error::{Phase, class_of};

/// The least bytes a second of a body, and the waiting that is free before any: slower is no upload but
/// a way to hold a slot (the edge's limits on the Go side).
const RATE: u64 = 240;
const GRACE: Duration = Duration::from_secs(5);

/// One request's body over all its attempts.
pub(crate) struct Upload {
    /// Bytes announced, -1 for none.
    pub(crate) length: i64,
    /// Bytes still allowed where none were announced; none for no limit.
    left: Option<u64>,
    /// What was read so far, to be sent again; at most `most` bytes.
    kept: Vec<Bytes>,
    most: u64,
    keeps: bool,
    lost: bool,
    /// Bytes read from the client.
    pub(crate) read: u64,
    /// All of it was read.
    pub(crate) done: bool,
    waited: Duration,
    since: Option<Instant>, // a read is under way
}

/// Why a body cannot be read: the class, and what to say besides.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) class: Class,
    pub(crate) says: &'static str,
}

impl Upload {
    pub(crate) fn new(length: i64) -> Upload {
        Upload {
            length,
            left: None,
            kept: Vec::new(),
            most: 0,
            keeps: false,
            lost: false,
            read: 0,
            done: length == 0,
            waited: Duration::ZERO,
            since: None,
        }
    }

    /// Bounds a body of unknown length; 0 for no bound.
    pub(crate) fn bound(&mut self, max: i64) {
        if self.length < 0 && max > 0 {
            self.left = Some(max as u64);
        }
    }

    /// Keeps up to `most` bytes for another attempt, from now on.
    pub(crate) fn keep(&mut self, most: i64) {
        if !self.keeps && self.read == 0 {
            (self.keeps, self.most) = (true, most.max(0) as u64);
        }
    }

    /// No other attempt follows: what was kept is given back.
    pub(crate) fn last(&mut self) {
        self.keeps = false;
        self.kept = Vec::new();
    }

    /// Whether the whole body can be sent once more.
    pub(crate) fn whole(&self) -> bool {
        self.length == 0 || !self.lost && (self.keeps || self.read == 0)
    }

    /// What was read in earlier attempts.
    pub(crate) fn kept(&self) -> Vec<Bytes> {
        self.kept.clone()
    }

    /// Whether the client sends too little: the read that is under way takes too long.
    pub(crate) fn too_slow(&self) -> bool {
        let waited = self.waited + self.since.map_or(Duration::ZERO, |s| s.elapsed());
        waited > GRACE + Duration::from_millis(self.read * 1000 / RATE)
    }

    /// When the client is too slow if nothing comes to the read that is under way or about to begin.
    pub(crate) fn slow_at(&self) -> Instant {
        let since = self.since.unwrap_or_else(Instant::now);
        since + (GRACE + Duration::from_millis(self.read * 1000 / RATE)).saturating_sub(self.waited)
    }

    /// Reads the next piece, none at the end. It may be dropped and called again.
    pub(crate) async fn next(&mut self, session: &mut ServerSession) -> Result<Option<Bytes>, Fault> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let got = session.read_request_body().await;
        self.waited += since.elapsed();
        self.since = None;
        match got {
            Ok(Some(piece)) => self.count(piece).map(Some),
            Ok(None) => {
                self.done = true;
                Ok(None)
            }
            Err(e) => Err(fault(class_of(Phase::Upload, &e))),
        }
    }

    fn count(&mut self, piece: Bytes) -> Result<Bytes, Fault> {
        self.read += piece.len() as u64;
        if let Some(left) = &mut self.left {
            match left.checked_sub(piece.len() as u64) {
                Some(rest) => *left = rest,
                None => return Err(Fault { class: Class::BODY_TOO_LARGE, says: "" }),
            }
        }
        if self.keeps && !self.lost {
            if self.read > self.most {
                self.lost = true;
                self.kept = Vec::new();
            } else {
                self.kept.push(piece.clone());
            }
        } else if !self.keeps {
            self.lost = true;
        }
        Ok(piece)
    }
}

/// What the client is told of its own fault, in the words of the Go side's server (package http1).
fn fault(class: Class) -> Fault {
    let says = match class {
        Class::REQUEST_TIMEOUT => "body_timeout: the request body stopped arriving",
        Class::BAD_REQUEST => "bad_chunk_size: a chunk of the body does not begin with its size",
        _ => "",
    };
    Fault { class, says }
}

/// The client sends its body too slowly.
pub(crate) fn slow() -> Fault {
    Fault { class: Class::REQUEST_TIMEOUT, says: "body_too_slow: the request body arrives too slowly" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_unknown_length_is_counted_and_one_that_was_announced_is_not() {
        let mut u = Upload::new(-1);
        u.bound(4);
        assert!(u.count(Bytes::from_static(b"1234")).is_ok());
        assert_eq!(u.count(Bytes::from_static(b"5")).unwrap_err().class, Class::BODY_TOO_LARGE);
        let mut u = Upload::new(9);
        u.bound(4);
        assert!(u.count(Bytes::from_static(b"123456789")).is_ok());
    }

    #[test]
    fn what_is_larger_than_is_kept_cannot_be_sent_again() {
        let mut u = Upload::new(9);
        u.keep(5);
        assert!(u.whole());
        u.count(Bytes::from_static(b"12345")).unwrap();
        assert!(u.whole());
        assert_eq!(u.kept().concat(), b"12345");
        u.count(Bytes::from_static(b"6")).unwrap();
        assert!(!u.whole() && u.kept().is_empty());
    }

    #[test]
    fn without_keeping_what_was_read_is_lost() {
        let mut u = Upload::new(9);
        assert!(u.whole());
        u.count(Bytes::from_static(b"1")).unwrap();
        assert!(!u.whole());
        assert!(Upload::new(0).whole());
    }
}
