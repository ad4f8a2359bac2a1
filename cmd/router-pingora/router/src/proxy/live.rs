//! Finds the exchange of an attempt when a decision names it (ABORT).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lockstep_core::{Class, Handle};
use tokio::sync::Notify;

const SHARDS: usize = 32;

type Shard = HashMap<(u32, u32), Option<Arc<Cut>>>; // none: its ABORT came before it was here

/// The attempts in flight. It is sharded by slot, since every request enters and leaves it.
#[derive(Default)]
pub(crate) struct Live {
    shards: [Mutex<Shard>; SHARDS],
}

/// Tells one exchange that it is cut, and for which class; the first one wins.
#[derive(Default, Debug)]
pub(crate) struct Cut {
    class: AtomicU8,
    told: Notify,
}

impl Cut {
    pub(crate) fn sever(&self, class: Class) {
        let _ = self.class.compare_exchange(0, class.0, Ordering::AcqRel, Ordering::Acquire);
        self.told.notify_one();
    }

    pub(crate) fn class(&self) -> Class {
        Class(self.class.load(Ordering::Acquire))
    }

    /// Waits until it is cut. It may be dropped and called again.
    pub(crate) async fn severed(&self) -> Class {
        loop {
            let class = self.class();
            if class != Class::NONE {
                return class;
            }
            self.told.notified().await;
        }
    }
}

impl Live {
    fn shard(&self, h: Handle) -> std::sync::MutexGuard<'_, Shard> {
        self.shards[h.slot as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters an attempt; its Cut is severed already if its ABORT came first.
    pub(crate) fn add(&self, h: Handle) -> Arc<Cut> {
        let cut = Arc::new(Cut::default());
        if self.shard(h).insert((h.slot, h.r#gen), Some(cut.clone())).is_some() {
            cut.sever(Class::DRAINING);
        }
        cut
    }

    pub(crate) fn remove(&self, h: Handle) {
        self.shard(h).remove(&(h.slot, h.r#gen));
    }

    /// Cuts the attempt that `h` names. One that has just ended leaves a mark behind; there is at most
    /// one for each attempt in flight at a drain.
    pub(crate) fn abort(&self, h: Handle, class: Class) {
        if let Some(cut) = self.shard(h).entry((h.slot, h.r#gen)).or_insert(None) {
            cut.sever(class);
        }
    }
}
