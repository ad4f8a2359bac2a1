use super::*;
use crate::time::{MAX_DURATION, MILLISECOND};
use proptest::prelude::*;

/// The values are those of Go's halved and rampShare.
#[test]
fn latencies_and_shares_are_those_of_the_other_side() {
    for (v, since, half, want) in [
        (54283322202, 48462365557, 6671919670, 368186927),
        (927974600456, 25345696808, 15616153246, 319445152791),
        (890227628747, 24212107679, 5485678985, 44130423420),
        (715632489215, 35971132382, 19689668121, 209876412337),
        (113456638813, 89258544816, 9585635383, 187059604),
        (330557511989, 21250091492, 8681014848, 64133073489),
        (22993228201, 88490202745, 6223925841, 1250603),
        (11336910690, 82723212468, 586401368, 0),
        (197045134378, 52485977970, 19320533641, 31611199896),
        (1071871874869, 78713706035, 10517093990, 6345988534),
        (1042534846583, 76504963431, 883941063, 0),
        (437271330250, 24840249287, 4014271926, 6190177918),
    ] {
        assert_eq!(halved(v, since, half), want, "{v} after {since} of {half}");
    }
    for (now, warm, slow_start, want) in [
        (10, 11, 5, 100),
        (10, 1, 10, 1000),
        (10, 3, 100, 100),
        (99, 50, 100, 500),
        (100, 51, 1000, 100),
        (600, 51, 1000, 550),
    ] {
        assert_eq!(ramp_share(now, warm, slow_start), want, "at {now}, warm since {warm}");
    }
}

proptest! {
    #[test]
    fn halved_is_exponential_in_steps(
        v in 0..=MAX_COST,
        half in MILLISECOND..=MAX_DURATION,
        since in 0..=MAX_DURATION,
        more in 0..=1_000_000_000_000_i64,
    ) {
        let got = halved(v, since, half) as f64;
        let exact = v as f64 * (-(since as f64) / half as f64).exp2();
        // A line between two halvings is at most 6.2 % above the curve, and rounding costs one.
        prop_assert!(got >= exact - 2.0 && got <= exact * 1.062 + 2.0, "{got}, the curve has {exact}");
        prop_assert!(halved(v, since + more, half) as f64 <= got);
    }

    #[test]
    fn a_share_grows_from_a_tenth_to_all(slow_start in MILLISECOND..=MAX_DURATION, since in 0..=2 * MAX_DURATION) {
        let share = ramp_share(7 + since, 8, slow_start);
        let exact = (since as u128 * 1000 / slow_start as u128).clamp(100, 1000) as u64;
        prop_assert_eq!(share, exact);
        prop_assert_eq!(ramp_share(since, 0, slow_start), 1000);
    }
}
