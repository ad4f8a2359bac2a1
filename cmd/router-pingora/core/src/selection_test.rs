use super::*;
use proptest::prelude::*;

proptest! {
    /// Compares with floating point, within 2 units of 2^-24.
    #[test]
    fn neg_log2_is_the_logarithm(h: u64, shift in 0..=63_u32) {
        let h = h >> shift;
        let want = (64.0 - ((h | 1) as f64).log2()) * f64::from(1 << 24);
        prop_assert!((neg_log2(h) as f64 - want).abs() <= 2.0);
    }
}

/// Weights are compared by these, so the last unit counts: the values are those of Go's negLog2.
#[test]
fn neg_log2_is_that_of_the_other_side() {
    for (h, want) in [
        (0x910a2dec89025cc1, 13752206),
        (0x2f20d5843a1cb08, 108070094),
        (0x2c6280bd1b6361, 176630647),
        (0x1c5032bbbb3dc, 254620985),
        (0x348c3d1af8b, 373870886),
        (0x7e0fcea3e0, 419799722),
        (0x1be20399, 590536075),
        (0x1b7b517e, 590886837),
        (0x7373f, 757471835),
        (0x6520, 827786972),
        (0x162c, 864514623),
        (0xc3, 946112001),
        (0x1, 1073741824),
        (0x7699274bc0348b89, 18623734),
        (0x0, 1073741824),
        (0x1, 1073741824),
        (0x2, 1047150566),
        (0x3, 1047150566),
        (0x8000000000000000, 16777216),
        (0xffffffffffffffff, 1),
    ] {
        assert_eq!(neg_log2(h), want, "{h:#x}");
    }
}
