//! Request ids: as bytes for headers, as text for logs, and as the 128 bits that the recording keeps.

use lockstep_trace::{format_request_id, parse_request_id};
use rand::random;

/// One request's id.
#[derive(Clone, Debug)]
pub(crate) struct RequestId {
    /// As it came, byte for byte: it goes on so, and back to the client.
    pub(crate) sent: Vec<u8>,
    /// For the log.
    pub(crate) text: String,
    pub(crate) bits: [u64; 2],
}

impl RequestId {
    /// The id that a request came with, or a new one: unlikely to repeat, though not hard to guess.
    pub(crate) fn of(given: Option<&[u8]>) -> RequestId {
        match given {
            Some(sent) if !sent.is_empty() => {
                RequestId { sent: sent.to_vec(), text: readable(sent), bits: parse_request_id(sent) }
            }
            _ => {
                let bits = [random(), random()];
                let text = format_request_id(bits);
                RequestId { sent: text.clone().into_bytes(), text, bits }
            }
        }
    }
}

/// Bytes of a client as text for the log, each that is not UTF-8 as U+FFFD, as encoding/json of the Go
/// side has it.
pub(crate) fn readable(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_where_none_came_and_read_back_as_it_is() {
        let made = RequestId::of(Some(b""));
        assert_eq!(made.text.len(), 32);
        assert_eq!(parse_request_id(&made.sent), made.bits);
        let mine = RequestId::of(Some(b"mine"));
        assert_eq!((&*mine.sent, &*mine.text), (&b"mine"[..], "mine"));
    }

    #[test]
    fn an_id_that_is_not_utf8_is_hashed_and_goes_on_as_it_came() {
        // What traces.ParseRequestID of the Go side makes of these bytes.
        let id = RequestId::of(Some(b"\xe2\x82\xff"));
        assert_eq!(id.bits, [0x9007_e6a3_7a59_6d68, 0xbc95_8fd3_8756_5f7c]);
        assert_eq!((&*id.sent, &*id.text), (&b"\xe2\x82\xff"[..], "\u{fffd}\u{fffd}\u{fffd}"));
    }
}
