//! What a decision's numbers mean, kept apart because the router reuses numbers.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use lockstep_core::{Config, Decision, Router};

/// Says what the numbers of a decision meant when it was made: the router reuses numbers once their
/// endpoint has retired; a target stays true.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The configuration in force; none before the first, and for an endpoint or placement that was
    /// removed and waits for its last request.
    pub config: Option<Arc<Config>>,
    /// "" for no placement.
    pub placement: Arc<str>,
    /// The endpoint's; "" for no endpoint.
    pub url: Arc<str>,
    /// In `config`; none for no placement.
    pub placement_index: Option<usize>,
    /// In `config`; none for no endpoint.
    pub endpoint_index: Option<usize>,
    /// What the transport keeps for the endpoint under this configuration, made at its first use: the
    /// driver never looks at it.
    pub transport: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// Made once per adoption, so that a decision only points at one.
pub(crate) struct Targets {
    none: Arc<Target>,
    placements: Vec<Arc<Target>>, // by number
    endpoints: Vec<Arc<Target>>,  // by number
}

impl Targets {
    pub(crate) fn new(router: &Router) -> Targets {
        let config = router.config().cloned();
        let none = Arc::new(Target { config: config.clone(), ..Target::default() });
        let placements: Vec<_> = (0..router.placements() as i32)
            .map(|n| {
                let p = router.placement(n);
                let index = usize::try_from(p.index).ok();
                Arc::new(Target {
                    config: index.and(config.clone()),
                    placement: Arc::from(p.name),
                    placement_index: index,
                    ..Target::default()
                })
            })
            .collect();
        let endpoints = (0..router.endpoints() as i32)
            .map(|n| {
                let e = router.endpoint(n).filter(|e| !e.url.is_empty());
                let Some((e, home)) = e.and_then(|e| Some((e, placements.get(e.placement as usize)?))) else {
                    return Arc::new(Target::default()); // a free number
                };
                let mut t = Target { url: Arc::from(e.url), ..(**home).clone() };
                t.endpoint_index = usize::try_from(e.index).ok();
                if t.endpoint_index.is_none() {
                    (t.config, t.placement_index) = (None, None);
                }
                Arc::new(t)
            })
            .collect();
        Targets { none, placements, endpoints }
    }

    /// Resolves the numbers of a decision. The targets change only after an adoption's decisions are
    /// delivered: it may have freed a number and given it to another endpoint, but what it decided is
    /// about the one that had it before.
    pub(crate) fn of(&self, d: &Decision) -> &Arc<Target> {
        let at = |all: &[Arc<Target>], n: i32| usize::try_from(n).ok().filter(|&n| n < all.len());
        if let Some(n) = at(&self.endpoints, d.endpoint) {
            return &self.endpoints[n];
        }
        match at(&self.placements, d.placement) {
            Some(n) => &self.placements[n],
            None => &self.none,
        }
    }
}
