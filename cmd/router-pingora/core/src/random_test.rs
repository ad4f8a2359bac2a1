use super::*;
use crate::time::{NEVER, add, sub};

/// Pins the hashes to vectors from outside: the first outputs of splitmix64 with seed 0, and
/// FNV-1a's own test suite.
#[test]
fn hashes_are_those_that_are_published() {
    for (i, want) in [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f].into_iter().enumerate() {
        assert_eq!(finalise(GOLDEN.wrapping_mul(i as u64 + 1)), want, "output {}", i + 1);
    }
    for (text, fnv) in [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)] {
        assert_eq!(hash_string(text), finalise(fnv), "{text:?}");
    }
}

/// Writes SPEC's formulas out by hand.
#[test]
fn a_draw_is_the_fold_of_the_spec() {
    let step = |h: u64, w: u64| finalise(h.wrapping_add(w).wrapping_add(GOLDEN));
    let want = step(step(step(step(0, 3), 5), 7), 3);
    assert_eq!(draw(3, 5, 7, Purpose::Jitter), want);
    let mixed = hash_string("visa").wrapping_add(GOLDEN) ^ hash_string("http://a");
    assert_eq!(identity("visa", "http://a"), finalise(mixed));
    assert_eq!(request_hash(1, 2), finalise(step(0, 1).wrapping_add(2)));
}

#[test]
fn below_stays_below() {
    for (h, n, want) in [(0, 10, 0), (u64::MAX, 10, 9), (1 << 63, 10, 5), (u64::MAX, 0, 0), (u64::MAX, 1, 0)] {
        assert_eq!(below(h, n), want, "{h:#x} below {n}");
    }
}

#[test]
fn time_saturates_at_never() {
    for (t, d, want) in
        [(5, 3, 8), (5, -3, 2), (5, 0, 5), (NEVER, 1, NEVER), (NEVER - 1, 1, NEVER), (NEVER - 1, 2, NEVER)]
    {
        assert_eq!(add(t, d), want, "{t} and {d}");
    }
    assert_eq!((sub(8, 5), sub(i64::MIN, 1)), (3, i64::MAX));
}
