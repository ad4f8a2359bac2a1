//! What the native form means: from what is written to core's Spec and the edge's settings.

pub(crate) mod control;
pub(crate) mod cycles;
pub(crate) mod discover;
pub(crate) mod listen;
pub(crate) mod must;
pub(crate) mod observe;
pub(crate) mod placement;
pub(crate) mod routes;
pub(crate) mod upstream;

use crate::form::NativeFile;
use crate::gotext::quote;
use crate::load::Loader;
use crate::node::{Kind, Node, dig, merged};
use std::sync::Arc;

/// The smallest bound, in bytes, that recordings can be kept within.
const LEAST_RECORDING: i64 = 8 << 20;

impl Loader<'_> {
    /// Gives the native form its meaning.
    pub(crate) fn native(&mut self, root: &Arc<Node>) {
        let root = &self.includes(root);
        self.all_duplicates(root);
        let form: NativeFile = self.d.decode(root);
        if let Some(v) = root.value("lockstep")
            && v.kind == Kind::Scalar
            && form.lockstep != 1
        {
            let what = format!("{} is not a schema version that this program knows", quote(&v.text));
            self.d.fail(&v.at, what, "write lockstep: 1");
        }
        self.file.spec.version.clone_from(&form.version);
        self.facts(&form);
        self.file.listen = self.listeners(root.value("listen"), &form.listen);
        self.control_plane(root.value("control_plane"), &form.control_plane);
        self.file.recording_dir.clone_from(&form.recording.dir);
        self.file.recording_key_file.clone_from(&form.recording.key_hash.file);
        if let Some(e) = root.value("recording").and_then(|r| r.get("key_hash"))
            && e.value.kind != Kind::Null
            && form.recording.key_hash.file.is_empty()
        {
            let hint = "write key_hash: {file: F}, with F made by head -c 32 /dev/urandom | base64";
            self.d.fail(&e.at, "key_hash names no file with a secret", hint);
        }
        self.file.recording_keep = (form.recording.keep.value.0, form.recording.max_size.value.0);
        if let Some(v) = root.value("recording").and_then(|r| r.value("max_size"))
            && (1..LEAST_RECORDING).contains(&form.recording.max_size.value.0)
        {
            self.d.fail(&v.at, format!("{} is too little for a recording", v.text), "write 8MiB or more, or none");
        }
        self.file.observe = self.observe(root, &form);
        let placements = self.placements(root, &form);
        self.peak(root, &form);
        self.all_keys(&form);
        self.routes(&form, root);
        self.must(root.value("must"), &form.must);
        // Keys are found through the key list: their nodes would cost more than the keys.
        let rest = Arc::new(root.without(&["placements", "keys", "tables"]));
        self.file.root = merged(Some(&rest), Some(&placements)).unwrap_or_default();
        self.priority(&form.priority, root.value("priority"));
        self.cycles();
    }

    /// Looks for keys defined twice before any merge can hide them.
    fn all_duplicates(&mut self, n: &Node) {
        self.d.duplicates(n);
        for e in &n.entries {
            if e.key == "tables" {
                self.d.duplicates(&e.value); // their keys are looked at when they are sorted
            } else if e.value.kind == Kind::Mapping && e.key != "keys" {
                self.all_duplicates(&e.value);
            }
        }
        for item in &n.items {
            self.all_duplicates(item);
        }
    }

    fn facts(&mut self, form: &NativeFile) {
        self.file.facts.routers = form.facts.routers;
        for (name, load) in &form.facts.peak {
            self.file.facts.peak.insert(name.clone(), (load.requests.0, load.latency.0));
        }
    }

    /// Checks that each stated load is whole and belongs to a placement.
    fn peak(&mut self, root: &Node, form: &NativeFile) {
        let Some(table) = dig(root, &["facts", "peak"]) else { return };
        for e in &table.entries {
            let stated = form.facts.peak.get(&e.key).is_some_and(|l| l.requests.0 != 0 && l.latency.0 != 0);
            if e.value.kind == Kind::Mapping && !stated {
                let what = format!("the load of {} needs both requests and latency", quote(&e.key));
                self.d.fail(&e.at, what, "write {requests: 600/s, latency: 50ms}");
            }
            if root.value("placements").is_none_or(|p| p.get(&e.key).is_none()) {
                self.no_placement(&e.at, &e.key);
            }
        }
    }

    pub(crate) fn no_placement(&mut self, at: &crate::problem::Place, name: &str) {
        self.d.fail(at, format!("there is no placement named {}", quote(name)), "name one that is under placements");
    }
}

/// Where a setting stands, else where the map begins.
pub(crate) fn at_of<'a>(n: &'a Node, key: &str) -> &'a crate::problem::Place {
    n.get(key).map_or(&n.at, |e| &e.at)
}

/// Where the value of a setting stands, else where the map begins.
pub(crate) fn value_at<'a>(n: &'a Node, key: &str) -> &'a crate::problem::Place {
    n.value(key).map_or(&n.at, |v| &v.at)
}
