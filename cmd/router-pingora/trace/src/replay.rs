//! A router that is fed what a trace holds: what verifying a trace and completing one share.

use std::sync::Arc;

use lockstep_core::{Config, Decision, Event, Route, Router, snapshot_config};

use crate::fact::{BlockHead, Fact};

/// A router and the step that it expects next.
#[derive(Default)]
pub(crate) struct Replay {
    /// `None` before the first block, and after one that could not be restored.
    pub router: Option<Router>,
    pub next: u64,
    /// What the last step decided.
    pub out: Vec<Decision>,
    pub snapshot: Vec<u8>,
}

impl Replay {
    /// Whether the block goes on from the state reached.
    pub fn joins(&self, b: &BlockHead) -> bool {
        self.router.is_some() && b.step == self.next && b.step > 1
    }

    /// Starts from the block's snapshot; configs looks a configuration up.
    pub fn restore<'a>(
        &mut self,
        b: &BlockHead,
        configs: impl Fn(u64) -> Option<&'a Arc<Config>>,
    ) -> Result<&Router, String> {
        (self.router, self.next) = (None, b.step);
        let (digest, _) = snapshot_config(&b.snapshot).map_err(|e| e.to_string())?;
        let c = configs(digest);
        if digest != 0 && c.is_none() {
            return Err(format!("its snapshot names configuration {digest:016x}, which is not in the file before it"));
        }
        let r = Router::restore(&b.snapshot, c.cloned(), false).map_err(|e| e.to_string())?;
        Ok(self.router.insert(r))
    }

    /// The state in the router's own form.
    pub fn take_snapshot(&mut self) -> &[u8] {
        self.snapshot.clear();
        if let Some(r) = &self.router {
            r.snapshot(&mut self.snapshot);
        }
        &self.snapshot
    }

    /// Feeds one event; what it decides is in `out`.
    pub fn step(&mut self, f: &mut Fact) {
        self.next = self.next.wrapping_add(1);
        self.out.clear();
        if let Some(r) = &mut self.router {
            r.step(f.time, &mut f.event, &mut self.out);
        }
    }
}

/// The route of a recorded arrive: what match says of the key under c, except for what the edge itself
/// refused ([`lockstep_core::Class::by_edge`]) and before the first configuration, where there is nothing
/// to match.
pub fn route_of(c: Option<&Config>, key: &[u8], ev: &Event) -> Route {
    let refuse = ev.route.refuse;
    match c {
        Some(c) if !refuse.by_edge() => c.match_via(ev.via, key, ev.split_hash()).0,
        _ => Route { placement: -1, refuse, ..Route::default() },
    }
}
