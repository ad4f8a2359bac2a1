//! Carries out the active health checks that a driver decides on, as adapters/probe: one for each
//! PROBE decision, with a time limit and a bound on how many run at once, and reports how it went
//! (R8). When to probe and what the result means is the core's.

mod ask;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use lockstep_core::DecisionKind;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::driver::{Delivery, Driver, Target};
pub use ask::ask;

/// How many probes run at once. Those beyond wait; one that waits longer than its guard (1 s) counts
/// as failed, so the limit must be above the number of endpoints that may hang at one time.
const LIMIT: usize = 1024;

/// Asks an endpoint how it is; the error says why it is not healthy. The end of the placement's
/// timeout drops the question.
pub type Ask = Box<dyn Fn(Arc<Target>) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Sends probes.
pub struct Prober {
    ask: Arc<Ask>,
    slots: Arc<Semaphore>,
    on: Handle,
}

impl Prober {
    /// Probes with `ask`, on that runtime.
    pub fn new(ask: Ask, on: Handle) -> Prober {
        Prober { ask: Arc::new(ask), slots: Arc::new(Semaphore::new(LIMIT)), on }
    }

    /// Starts a probe for a PROBE decision and ignores every other. It does not block: core never has
    /// more than one probe of an endpoint out, which bounds the tasks that wait.
    pub fn sink(&self, driver: &Arc<Driver>, d: &Delivery) {
        let (DecisionKind::PROBE, Some(placement), Some(config)) = (d.kind, d.target.placement_index, &d.target.config)
        else {
            return;
        };
        let timeout = Duration::from_nanos(u64::try_from(config.placement(placement).health.timeout).unwrap_or(0));
        let (endpoint, token, target) = (d.endpoint, d.token, d.target.clone());
        let (ask, slots, driver) = (self.ask.clone(), self.slots.clone(), driver.clone());
        self.on.spawn(async move {
            let Ok(_slot) = slots.acquire().await else { return };
            let healthy = matches!(tokio::time::timeout(timeout, ask(target)).await, Ok(Ok(())));
            driver.probed(endpoint, token, healthy);
        });
    }
}
