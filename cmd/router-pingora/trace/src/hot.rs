//! The facts of nearly every request, written straight from their structs: cheaper than walking the
//! schema. A test holds them to what the schema writes.

use lockstep_core::{Decision, DecisionKind, Event, Time};

use crate::fact::Request;
use crate::keyrefs::KeyRefs;
use crate::schema::zigzag;
use crate::varint::put_uint;

/// Appends v as a varint and returns its presence bit, 0 if v is and nothing is written.
fn put(b: &mut Vec<u8>, bit: u32, v: u64) -> u16 {
    if v == 0 {
        return 0;
    }
    put_uint(b, v);
    1 << bit
}

fn flag(bit: u32, v: bool) -> u16 {
    u16::from(v) << bit
}

/// Writes the fields of an arrive.
pub(crate) fn arrive(b: &mut Vec<u8>, keys: &mut KeyRefs, ev: &Event, req: Option<Request<'_>>) {
    let (at, mut mask) = (b.len(), 0);
    b.extend_from_slice(&[0, 0]);
    if let Some(req) = req {
        mask |= flag(0, keys.put(b, req.key, ev.route.key));
        if req.id != [0, 0] {
            b.extend_from_slice(&req.id[0].to_be_bytes());
            b.extend_from_slice(&req.id[1].to_be_bytes());
            mask |= 1 << 1;
        }
    }
    mask |= put(b, 2, ev.epoch.term);
    mask |= put(b, 3, ev.epoch.number);
    mask |= put(b, 4, u64::from(ev.source));
    mask |= put(b, 5, u64::from(ev.method.0));
    mask |= put(b, 6, zigzag(ev.length));
    mask |= flag(7, ev.replayable);
    mask |= put(b, 8, u64::from(ev.priority));
    mask |= put(b, 9, u64::from(ev.route.refuse.0));
    mask |= put(b, 10, u64::from(ev.via));
    mask |= put(b, 11, ev.split);
    mask |= put(b, 12, ev.prefer);
    mask |= put(b, 13, u64::from(ev.handle.slot));
    mask |= put(b, 14, u64::from(ev.handle.r#gen));
    b[at..at + 2].copy_from_slice(&mask.to_le_bytes());
}

/// Writes the fields of a finish.
pub(crate) fn finish(b: &mut Vec<u8>, ev: &Event) {
    let at = b.len();
    b.push(0);
    let mut mask = put(b, 0, u64::from(ev.handle.slot));
    mask |= put(b, 1, u64::from(ev.handle.r#gen));
    mask |= put(b, 2, u64::from(ev.class.0));
    mask |= put(b, 3, u64::from(ev.status));
    mask |= flag(4, ev.sent);
    mask |= put(b, 5, zigzag(ev.retry_after));
    mask |= flag(6, ev.replayable);
    b[at] = mask as u8;
}

/// Writes a forward, its kind included.
pub(crate) fn forward(b: &mut Vec<u8>, d: &Decision, now: Time) {
    let at = b.len() + 1;
    b.extend_from_slice(&[DecisionKind::FORWARD.0, 0, 0]);
    let mut mask = put(b, 0, u64::from(d.rule));
    mask |= put(b, 1, (i64::from(d.placement) as u64).wrapping_add(1));
    mask |= put(b, 2, (i64::from(d.endpoint) as u64).wrapping_add(1));
    mask |= put(b, 3, u64::from(d.handle.slot));
    mask |= put(b, 4, u64::from(d.handle.r#gen));
    mask |= put(b, 5, u64::from(d.reason.0));
    mask |= put(b, 6, u64::from(d.circuit.0));
    mask |= put(b, 7, u64::from(d.failover.0));
    mask |= flag(8, d.probe);
    mask |= put(b, 9, zigzag(d.at.wrapping_sub(now)));
    mask |= flag(10, d.pin);
    mask |= put(b, 11, u64::from(d.count));
    b[at..at + 2].copy_from_slice(&mask.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Draw;
    use crate::encoder::{decision, fields};
    use crate::schema::event_fields;
    use lockstep_core::EventKind;

    #[test]
    fn the_hot_path_writes_what_the_schema_says() {
        for seed in 0..20_000 {
            let mut draw = Draw::new(seed);
            let now = draw.time();
            let mut ev = draw.event(EventKind::ARRIVE, now);
            let (mut got, mut want) = (Vec::new(), Vec::new());
            // The schema leaves key and id to the hot path: without a request neither is written.
            arrive(&mut got, &mut KeyRefs::new(), &ev, None);
            fields(&mut want, event_fields(EventKind::ARRIVE), now, &ev);
            assert_eq!(got, want, "arrive {ev:?}");

            ev = draw.event(EventKind::FINISH, now);
            (got, want) = (Vec::new(), Vec::new());
            finish(&mut got, &ev);
            fields(&mut want, event_fields(EventKind::FINISH), now, &ev);
            assert_eq!(got, want, "finish {ev:?}");

            let d = draw.decision(DecisionKind::FORWARD, now);
            (got, want) = (Vec::new(), Vec::new());
            forward(&mut got, &d, now);
            decision(&mut want, &d, now);
            assert_eq!(got, want, "forward {d:?}");
        }
    }
}
