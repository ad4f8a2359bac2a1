//! Either form into the other.

use std::io::{Read, Write};

use crate::encoder::Encoder;
use crate::reader::{DamageError, Item, ReadError, Reader};
use crate::sink::FrameSink;

/// One of the two forms of a trace.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Form {
    /// What is stored.
    Binary,
    /// Its printed view.
    Ndjson,
}

/// Writes what r reads in the given form, block by block, and returns the parts that could not be read,
/// which are left out. A trace that an [`Encoder`] made comes back as it was, byte for byte, if it is
/// converted to the other form and back, but for compression.
pub fn convert<R: Read, W: Write>(to: W, form: Form, r: &mut Reader<R>) -> Result<Vec<DamageError>, ReadError> {
    let (mut out, mut enc, mut damage) = (FrameSink::new(to, form), Encoder::new(), Vec::new());
    out.header(r.header())?;
    loop {
        match r.next() {
            Ok(Some(Item::Config(c))) => {
                out.flush(&mut enc)?;
                out.config(&c)?;
            }
            Ok(Some(Item::Gap(g))) => {
                out.flush(&mut enc)?;
                out.gap(g)?;
            }
            Ok(Some(Item::Block(h))) => {
                out.flush(&mut enc)?;
                enc.begin_at(out.buffer(), h);
            }
            Ok(Some(Item::Fact(f))) => {
                enc.append(f.time, &f.event, Some(f.request()), &f.decisions);
            }
            Ok(Some(Item::Mark(digest))) => enc.mark(digest),
            Ok(None) => {
                out.flush(&mut enc)?;
                return Ok(damage);
            }
            Err(ReadError::Damage(e)) => damage.push(e),
            Err(e) => return Err(e),
        }
    }
}
