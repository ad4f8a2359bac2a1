//! LEB128 of at most 64 bits.

/// Appends v.
pub(crate) fn put_uint(b: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        b.push(v as u8 | 0x80);
        v >>= 7;
    }
    b.push(v as u8);
}

/// Reads a number from b and returns it with its length, `None` if it is cut short or has over 64 bits.
pub(crate) fn take_uint(b: &[u8]) -> Option<(u64, usize)> {
    let mut v = 0u64;
    for (i, &c) in b.iter().take(10).enumerate() {
        if i == 9 && c > 1 {
            return None;
        }
        v |= u64::from(c & 0x7f) << (7 * i);
        if c < 0x80 {
            return Some((v, i + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_survives_and_no_more_than_64_bits_are_read() {
        for shift in 0..64 {
            for v in [1u64 << shift, (1u64 << shift) - 1, u64::MAX - (1 << shift)] {
                let mut b = Vec::new();
                put_uint(&mut b, v);
                assert_eq!(take_uint(&b), Some((v, b.len())));
                assert_eq!(take_uint(&b[..b.len() - 1]), None);
            }
        }
        assert_eq!(take_uint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]), None);
        assert_eq!(take_uint(&[0x80; 11]), None);
    }
}
