//! The label of a configuration whose file gives it no version: a short hash of what it means.
//! Comments, order and facts do not change it, so saving a file unchanged in meaning is no new
//! configuration. Both routers give the same label.

use lockstep_core::{KeySpec, Spec};
use lockstep_trace::encode_spec;
use ring::digest::{Context, SHA256};

pub(crate) fn label(s: &Spec) -> String {
    let mut rest = s.clone();
    rest.keys.clear();
    rest.tables.clear();
    let mut h = Context::new(&SHA256);
    h.update(&encode_spec(&rest)); // what is not set is left out
    let keys = |h: &mut Context, keys: &[KeySpec]| {
        for k in keys {
            h.update(&k.key);
            h.update(&[0]);
            h.update(k.placement.as_bytes());
            h.update(&[0]);
        }
    };
    keys(&mut h, &s.keys);
    for t in &s.tables {
        h.update(t.name.as_bytes());
        h.update(&[1]);
        keys(&mut h, &t.keys);
    }
    h.finish().as_ref()[..6].iter().map(|b| format!("{b:02x}")).collect()
}
