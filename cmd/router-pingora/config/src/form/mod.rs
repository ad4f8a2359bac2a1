//! The native form as it is written; the `lower` modules give it its meaning. A field with a later
//! check is named by the rules and refused until it does something.

pub(crate) mod listen;
pub(crate) mod must;
pub(crate) mod observe;
pub(crate) mod placement;
pub(crate) mod routes;
pub(crate) mod upstream;

use crate::decode::{Decode, Decoder, Raw, settings};
use crate::node::{Kind, Node};
use crate::units::{Dur, Maybe, Percent, Range, Rate, Size};
use std::collections::BTreeMap;
use std::sync::Arc;

settings! {
    struct NativeFile {
        lockstep: i64 = "lockstep" PLAIN;
        version: String = "version" PLAIN;
        include: Vec<IncludeItem> = "include" PLAIN;
        facts: Facts = "facts" PLAIN;
        listen: BTreeMap<String, listen::Listener> = "listen" PLAIN;
        control_plane: ControlPlane = "control_plane" PLAIN;
        recording: Recording = "recording" PLAIN;
        routing: routes::Routing = "routing" PLAIN;
        admin: observe::Admin = "admin" PLAIN;
        access_log: Maybe<observe::AccessLog> = "access_log" PLAIN;
        metrics: observe::Metrics = "metrics" PLAIN;
        tracing: observe::Tracing = "tracing" PLAIN;
        routes: Vec<routes::Route> = "routes" PLAIN;
        priority: routes::Priority = "priority" PLAIN;
        defaults: placement::Common = "defaults" PLAIN;
        profiles: BTreeMap<String, placement::Common> = "profiles" PLAIN;
        placements: Raw = "placements" PLAIN; // decoded one by one, after the merge
        keys: Raw = "keys" PLAIN; // key: placement; may be many
        tables: Raw = "tables" PLAIN; // name: {key: placement}
        must: BTreeMap<String, must::Pledge> = "must" PLAIN;
    }
}

settings! {
    struct Facts {
        routers: Range = "routers" PLAIN;
        peak: BTreeMap<String, Load> = "peak" PLAIN;
    }
}

settings! {
    struct Load {
        requests: Rate = "requests" POSITIVE;
        latency: Dur = "latency" POSITIVE;
    }
}

settings! {
    struct ControlPlane {
        url: String = "url" PLAIN;
        last_known_good: LastKnownGood = "last_known_good" PLAIN;
        identity: Raw = "identity" later("mTLS");
        refuse_push_over: Maybe<PushGuards> = "refuse_push_over" PLAIN;
    }
}

settings! {
    struct LastKnownGood {
        dir: String = "dir" PLAIN;
        bootstrap: String = "bootstrap" PLAIN;
        soak: Maybe<Dur> = "soak" POSITIVE;
    }
}

settings! {
    /// The section switches the guards of R13 on: what it leaves out has a default.
    struct PushGuards {
        keys_rerouted: Maybe<Percent> = "keys_rerouted" POSITIVE;
        keys_removed: Maybe<Percent> = "keys_removed" POSITIVE;
        endpoints_removed: Maybe<Percent> = "endpoints_removed" POSITIVE;
        limit_lowered: Maybe<Percent> = "limit_lowered" POSITIVE;
    }
}

settings! {
    struct Recording {
        dir: String = "dir" PLAIN;
        keep: Maybe<Dur> = "keep" POSITIVE;
        max_size: Maybe<Size> = "max_size" POSITIVE;
        key_hash: upstream::KeyFile = "key_hash" PLAIN;
    }
}

settings! {
    struct TableOf {
        table: String = "table" PLAIN;
        csv: String = "csv" PLAIN;
    }
}

/// A file or pattern, or CSVs that belong to a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct IncludeItem {
    pub(crate) table: String,
    pub(crate) csv: String,
}

impl Decode for IncludeItem {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        if n.kind == Kind::Scalar {
            self.csv.clone_from(&n.text);
            return;
        }
        let v: TableOf = d.decode(n);
        if n.kind == Kind::Mapping && (v.table.is_empty() || v.csv.is_empty()) {
            d.fail(
                &n.at,
                "this needs both table and csv",
                "write {table: tenants, csv: tenants/*.csv}, or a file or pattern alone",
            );
        }
        *self = IncludeItem { table: v.table, csv: v.csv };
    }
}
