//! Completes a trace of which only the inputs are known: what a conformance runner asks of a shim.

use std::io::{Read, Write};
use std::sync::Arc;

use lockstep_core::{Config, EventKind};

use crate::convert::Form;
use crate::encoder::Encoder;
use crate::fact::{BlockHead, Fact};
use crate::reader::{Item, Reader};
use crate::replay::{Replay, route_of};
use crate::sink::FrameSink;

/// Writes the trace that r reads in the given form, with everything that a router makes of its inputs:
/// the decisions of each fact, the digests of marks, and the state at the start of each block that joins
/// the one before. A block that does not join keeps its snapshot and digest: the state comes from them. A
/// configuration may be stated under digest 0, which asks what it compiles to. Whether an edge would have sent
/// an event is not asked. The error says why it cannot be done: damage, or a
/// configuration that does not compile.
pub fn complete<R: Read, W: Write>(to: W, form: Form, r: &mut Reader<R>) -> Result<(), String> {
    let (mut out, mut enc, mut replay) = (FrameSink::new(to, form), Encoder::new(), Replay::default());
    let mut head = BlockHead::default();
    r.permit_unstated();
    out.header(r.header()).map_err(|e| e.to_string())?;
    loop {
        match r.next().map_err(|e| e.to_string())? {
            None => return out.flush(&mut enc).map_err(|e| e.to_string()),
            Some(Item::Config(c)) => out.flush(&mut enc).and_then(|()| out.config(&c)).map_err(|e| e.to_string())?,
            Some(Item::Gap(g)) => out.flush(&mut enc).and_then(|()| out.gap(g)).map_err(|e| e.to_string())?,
            Some(Item::Block(b)) => {
                out.flush(&mut enc).map_err(|e| e.to_string())?;
                head.clone_from(b);
                begin(&mut replay, &mut head, r)?;
                enc.begin_at(out.buffer(), &head);
            }
            Some(Item::Fact(f)) => {
                step(&mut replay, f);
                enc.append(f.time, &f.event, Some(f.request()), &replay.out);
            }
            Some(Item::Mark(_)) => enc.mark(replay.router.as_mut().map_or(0, |r| r.digest())),
        }
    }
}

/// Begins a block and says in its head in which state.
fn begin<R: Read>(replay: &mut Replay, head: &mut BlockHead, r: &Reader<R>) -> Result<(), String> {
    let joins = replay.joins(head);
    if joins {
        head.snapshot.clear();
        head.snapshot.extend_from_slice(replay.take_snapshot());
    } else {
        let config = |digest| -> Option<&Arc<Config>> { r.config(digest) };
        replay.restore(head, config).map_err(|e| format!("block {}: {e}", head.number))?;
    }
    let (digest, now) = replay.router.as_mut().map_or((0, head.time), |r| (r.digest(), r.now()));
    if !joins && digest != head.digest {
        return Err(format!("block {}: its snapshot has digest {digest:016x}, not {:016x}", head.number, head.digest));
    }
    (head.digest, head.time) = (digest, now);
    Ok(())
}

/// Feeds one fact. What match refuses is part of the answer.
fn step(replay: &mut Replay, f: &mut Fact) {
    if let Some(r) = replay.router.as_ref().filter(|_| f.event.kind == EventKind::ARRIVE) {
        f.event.route = route_of(r.config().map(|c| &**c), &f.key, &f.event);
    }
    replay.step(f);
}
