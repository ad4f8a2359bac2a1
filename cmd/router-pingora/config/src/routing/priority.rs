//! How critical a request is: what a trusted peer says, else the default. A peer that no list names is
//! not believed: whoever may say how critical he is says that he is the most critical.

use super::{Peer, View};
use crate::settings::{HEADER_PRIORITY, Priority};

pub(super) fn priority(s: &Priority, view: &dyn View, peer: &Peer<'_>) -> u8 {
    let (mut n, mut said) = (0, Vec::new());
    view.header(&s.header, &mut |value| {
        n += 1;
        said = value.to_vec();
    });
    if !peer.judged || !peer.trusted || n != 1 {
        return s.default;
    }
    let text = String::from_utf8_lossy(&said);
    let mut text = text.trim_matches([' ', '\t']);
    if s.header == HEADER_PRIORITY {
        text = urgency(text);
    }
    match text.as_bytes() {
        [c @ b'0'..=b'7'] => c - b'0',
        _ => s.default,
    }
}

/// The u of a Priority header, a dictionary of structured fields (RFC 8941, RFC 9218): the last one
/// counts; "" where there is none.
fn urgency(text: &str) -> &str {
    let members = text.split(',').map(|m| m.trim_matches([' ', '\t']));
    let u = members.filter_map(|m| m.split_once('=').filter(|(name, _)| *name == "u")).next_back();
    u.map_or("", |(_, value)| value.split(';').next().unwrap_or(""))
}
