//! Request ids as 128 bits.

use lockstep_core::{hash_string, request_hash};

use crate::json::append_hex;

/// Turns a request id into the 128 bits that are recorded, high half first. 32 hex digits are parsed, the
/// first 16 being the high half; anything else is hashed: high is the hash of the id, low is the request
/// hash of high and the id's length.
pub fn parse_request_id(s: &[u8]) -> [u64; 2] {
    let half = |b: &[u8]| b.iter().try_fold(0u64, |v, &c| Some(v << 4 | u64::from((c as char).to_digit(16)?)));
    if s.len() == 32
        && let (Some(hi), Some(lo)) = (half(&s[..16]), half(&s[16..]))
    {
        return [hi, lo];
    }
    let hi = hash_string(s);
    [hi, request_hash(hi, s.len() as u64)]
}

/// The 32 lower-case hex digits of a recorded id.
pub fn format_request_id(id: [u64; 2]) -> String {
    let mut b = Vec::with_capacity(32);
    append_hex(&mut b, id[0]);
    append_hex(&mut b, id[1]);
    b.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_parsed_or_hashed() {
        let id = parse_request_id(b"00000000000000ff0123456789abcdef");
        assert_eq!(id, [0xff, 0x0123_4567_89ab_cdef]);
        assert_eq!(format_request_id(id), "00000000000000ff0123456789abcdef");
        assert_eq!(parse_request_id(b"00000000000000FF0123456789ABCDEF"), id);
        for other in [&b"checkout-17"[..], b"", b"+0000000000000ff0123456789abcdef0", b"\xff"] {
            let hi = hash_string(other);
            assert_eq!(parse_request_id(other), [hi, request_hash(hi, other.len() as u64)]);
        }
    }
}
