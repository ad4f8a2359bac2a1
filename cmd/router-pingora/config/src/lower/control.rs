//! The section control_plane: where configurations are pushed from, and what a push may change (R13).

use crate::file::{ControlPlane, DEFAULT_SOAK};
use crate::form;
use crate::include::beside;
use crate::load::Loader;
use crate::lower::at_of;
use crate::node::Node;
use crate::units::{Maybe, Percent};
use lockstep_core::GuardSpec;
use std::sync::Arc;

/// The guards of R13 where refuse_push_over leaves them out, in percent.
const DEFAULT_GUARDS: GuardSpec =
    GuardSpec { keys_rerouted: 5, keys_removed: 1, endpoints_removed: 10, limit_lowered: 20 };

impl Loader<'_> {
    pub(crate) fn control_plane(&mut self, n: Option<&Arc<Node>>, form: &form::ControlPlane) {
        let kept = &form.last_known_good;
        let soak = match kept.soak.value.0 {
            _ if kept.soak.none => 0,
            0 => DEFAULT_SOAK,
            written => written,
        };
        if let Some(lkg) = n.and_then(|n| n.value("last_known_good"))
            && kept.soak.set
            && kept.dir.is_empty()
        {
            let hint = "say where: last_known_good: {dir: /var/lib/lockstep, soak: 10m}";
            self.d.fail(at_of(lkg, "soak"), "soak is said of copies that are not kept", hint);
        }
        let mut bootstrap = kept.bootstrap.clone();
        if !bootstrap.is_empty() {
            bootstrap = beside(self.from, &bootstrap); // beside this file, as what it includes
        }
        self.file.control_plane = ControlPlane { url: form.url.clone(), dir: kept.dir.clone(), bootstrap, soak };
        self.file.spec.guards = guards(&form.refuse_push_over);
    }
}

fn guards(m: &Maybe<form::PushGuards>) -> GuardSpec {
    if !m.set {
        return GuardSpec::default();
    }
    let or = |written: &Maybe<Percent>, otherwise: u32| match written.value.0 {
        _ if written.none => 0,
        0 => otherwise,
        percent => percent,
    };
    let (g, d) = (&m.value, DEFAULT_GUARDS);
    GuardSpec {
        keys_rerouted: or(&g.keys_rerouted, d.keys_rerouted),
        keys_removed: or(&g.keys_removed, d.keys_removed),
        endpoints_removed: or(&g.endpoints_removed, d.endpoints_removed),
        limit_lowered: or(&g.limit_lowered, d.limit_lowered),
    }
}
