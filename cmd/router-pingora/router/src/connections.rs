//! Counts the connections of a listener's clients, around the application that serves them: Pingora
//! tells nobody how many are open, and a drain that is over early needs to know.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use lockstep_config::settings::Listener;
use pingora::apps::ServerApp;
use pingora::protocols::Stream;
use pingora::server::ShutdownWatch;

/// What a listener has seen.
pub struct Seen {
    /// Of the listener, as its configuration has it.
    pub name: String,
    most: u64, // may be open at once; 0 for no limit
    accepted: AtomicU64,
    refused: AtomicU64,            // one too many
    busy: AtomicU64,               // connections that the application has
    between: Mutex<BTreeSet<i32>>, // those that it gave back for another request, by descriptor
}

impl Seen {
    /// Has seen nothing yet.
    pub fn new(l: &Listener) -> Arc<Seen> {
        Arc::new(Seen {
            name: l.name.clone(),
            most: u64::try_from(l.max_connections).unwrap_or(0),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            between: Mutex::default(),
        })
    }

    /// Connections that are open, upgraded ones included.
    pub fn open(&self) -> u64 {
        let between = self.between.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.busy.load(Ordering::Acquire) + between as u64
    }

    /// Connections taken in.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Acquire)
    }

    /// Connections closed because there were too many.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Acquire)
    }

    /// Counts a connection that the application is about to get; None for one too many.
    fn begin(&self, id: i32) -> Option<Busy<'_>> {
        self.busy.fetch_add(1, Ordering::AcqRel);
        let busy = Busy(self);
        // The application gives a connection back after a request and gets it again at once.
        if self.between.lock().unwrap_or_else(PoisonError::into_inner).remove(&id) {
            return Some(busy);
        }
        if self.most > 0 && self.open() > self.most {
            self.refused.fetch_add(1, Ordering::AcqRel);
            return None;
        }
        self.accepted.fetch_add(1, Ordering::AcqRel);
        Some(busy)
    }
}

/// Takes its connection off the count, also if the application panics or is cut off.
struct Busy<'a>(&'a Seen);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An application whose connections are counted.
pub struct Counted<A> {
    app: Arc<A>,
    seen: Arc<Seen>,
}

impl<A> Counted<A> {
    /// Counts into `seen`.
    pub fn new(app: A, seen: Arc<Seen>) -> Counted<A> {
        Counted { app: Arc::new(app), seen }
    }
}

#[async_trait]
impl<A: ServerApp + Send + Sync + 'static> ServerApp for Counted<A> {
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let id = (*stream).id();
        let _busy = self.seen.begin(id)?;
        let again = self.app.process_new(stream, shutdown).await;
        if again.is_some() {
            self.seen.between.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        }
        again
    }

    async fn cleanup(&self) {
        self.app.cleanup().await;
    }
}
