//! Request ids: as text for headers and logs, and as the 128 bits that the recording keeps.

use lockstep_core::{hash_string, request_hash};
use rand::random;

/// One request's id.
#[derive(Clone, Debug)]
pub(crate) struct RequestId {
    pub(crate) text: String,
    pub(crate) bits: [u64; 2],
}

impl RequestId {
    /// The id that a request came with, or a new one: unlikely to repeat, though not hard to guess.
    pub(crate) fn of(given: Option<&[u8]>) -> RequestId {
        match given {
            Some(text) if !text.is_empty() => {
                let text = String::from_utf8_lossy(text).into_owned();
                RequestId { bits: parse(&text), text }
            }
            _ => {
                let bits = [random(), random()];
                RequestId { text: format!("{:016x}{:016x}", bits[0], bits[1]), bits }
            }
        }
    }
}

/// The bits of an id: 32 hex digits are read, the first 16 being the high half; anything else is
/// hashed, as `traces.ParseRequestID` of the Go side does it.
pub(crate) fn parse(text: &str) -> [u64; 2] {
    if text.len() == 32
        && text.bytes().all(|b| b.is_ascii_hexdigit())
        && let (Ok(high), Ok(low)) = (u64::from_str_radix(&text[..16], 16), u64::from_str_radix(&text[16..], 16))
    {
        return [high, low];
    }
    let high = hash_string(text);
    [high, request_hash(high, text.len() as u64)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_two_hex_digits_are_read_and_anything_else_is_hashed() {
        assert_eq!(parse("000000000000000a00000000000000FF"), [10, 255]);
        for other in ["abc", "+00000000000000a00000000000000ff", ""] {
            let high = hash_string(other);
            assert_eq!(parse(other), [high, request_hash(high, other.len() as u64)], "{other}");
        }
    }

    #[test]
    fn an_id_is_made_where_none_came_and_read_back_as_it_is() {
        let made = RequestId::of(Some(b""));
        assert_eq!(made.text.len(), 32);
        assert_eq!(parse(&made.text), made.bits);
        assert_eq!(RequestId::of(Some(b"mine")).text, "mine");
    }
}
