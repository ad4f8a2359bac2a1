//! What tests of the crate share.
#![allow(dead_code, missing_docs)] // each test uses a part of it

use lockstep_core::{Config, EndpointSpec, Event, EventKind, KeySpec, LimitSpec, Options, PlacementSpec, Router, Spec};
use std::sync::Arc;

/// The world that figures are measured in: keys spread over 16 placements of 4 endpoints each, a
/// limit, a guests cap and two fallbacks.
pub fn reference(keys: usize) -> Spec {
    const PLACEMENTS: usize = 16;
    let name = |i: usize| format!("p{:02}", i % PLACEMENTS);
    let endpoint = |i, j| EndpointSpec { url: format!("http://10.0.{i}.{j}:8080"), ..EndpointSpec::default() };
    Spec {
        version: "reference".into(),
        default: name(0),
        placements: (0..PLACEMENTS)
            .map(|i| PlacementSpec {
                name: name(i),
                endpoints: (0..4).map(|j| endpoint(i, j)).collect(),
                fallback: vec![name(i + 1), name(i + 2)],
                limit: LimitSpec { in_flight: 1000, guests: 200, ..LimitSpec::default() },
                ..PlacementSpec::default()
            })
            .collect(),
        keys: (0..keys).map(|k| KeySpec { key: format!("tenant-{k:07}").into(), placement: name(k) }).collect(),
        ..Spec::default()
    }
}

/// A router that runs `c`, with room for what comes.
pub fn adopted(c: &Arc<Config>, options: Options) -> Router {
    let mut r = Router::new(options);
    r.reserve(Some(c), 1024);
    r.step(0, &mut adopt(c), &mut Vec::new());
    r
}

pub fn adopt(c: &Arc<Config>) -> Event {
    Event { kind: EventKind::ADOPT, config: Some(c.clone()), ..Event::default() }
}
