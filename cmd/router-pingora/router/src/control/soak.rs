//! The soak of what is in force (R13): the store counts runs that begin with a copy; here is when
//! one has soaked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::lkg::Store;
use crate::say;

/// Watches the copy in force until it has soaked.
pub struct Soak {
    store: Arc<Store>,
    after: Duration, // 0: nothing is counted
    moved: Notify,
    running: Mutex<Option<Running>>,
}

/// The copy in force, and when it will have soaked; None once it has.
struct Running {
    body: Vec<u8>,
    due: Option<Instant>,
}

impl Soak {
    /// Counts nothing if `after` is zero.
    pub fn new(store: Arc<Store>, after: Duration) -> Soak {
        Soak { store, after, moved: Notify::new(), running: Mutex::new(None) }
    }

    /// Reports whether anything is counted.
    pub fn on(&self) -> bool {
        !self.after.is_zero()
    }

    /// Starts the soak of a copy that is in force from now on. That of the one before ends: what
    /// happens now is not its fault.
    pub fn begin(&self, body: &[u8]) {
        if !self.on() {
            return;
        }
        let mut running = self.lock();
        if running.as_ref().is_some_and(|r| r.body == body) {
            return;
        }
        self.end(&mut running);
        *running = Some(Running { body: body.to_vec(), due: Some(Instant::now() + self.after) });
        drop(running);
        self.moved.notify_one();
    }

    /// Ends the soak in good order.
    pub fn leave(&self) {
        self.end(&mut self.lock());
    }

    fn end(&self, running: &mut Option<Running>) {
        if let Some(r) = running.take()
            && let Err(e) = self.store.leave(&r.body)
        {
            say!(Warn, "the run stays counted as one that died", "error" = e);
        }
    }

    /// Keeps copies that have soaked, for ever.
    pub async fn run(&self) {
        loop {
            let due = self.lock().as_ref().and_then(|r| r.due);
            match due {
                None => self.moved.notified().await,
                Some(due) => tokio::select! {
                    () = tokio::time::sleep_until(due) => self.soaked(),
                    () = self.moved.notified() => {}
                },
            }
        }
    }

    fn soaked(&self) {
        let mut running = self.lock();
        let Some(r) = running.as_mut().filter(|r| r.due.is_some_and(|due| due <= Instant::now())) else {
            return; // another copy came meanwhile
        };
        if let Err(e) = self.store.soaked(&r.body) {
            say!(Error, "the configuration has soaked and cannot be kept; it is tried again", "error" = e);
            r.due = Some(Instant::now() + self.after);
            return;
        }
        r.due = None;
        let after = format!("{:?}", self.after);
        say!(
            Info,
            "the configuration has soaked; a router that cannot live with a later one comes back to it",
            "after" = after
        );
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
